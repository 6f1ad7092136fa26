"""Convolution of images with few channels (grey values, colours): sums over taps that are read where they lie.

A patch of such an image is a handful of numbers, and to copy it (`direct/`) takes as long as to multiply it. Here only the
image is copied, with zeros around it, so that every tap of every place is one addition to an address:

    ∂T/∂b    ROWS places × a line of channels:   sums[p] += a[place p + tap] · w[tap, line]
    ∂T/∂w    ROWS taps × a line of channels:     sums[t] += a[place + tap t] · b[place, line]
    ∂T/∂a    ROWS places × a line of taps:       sums[p] += b[place p, d] · w[d, line of taps]

In each of them one number of one factor, spread over a line, meets a line of the other. What ∂T/∂a's sums send to the
image is added column by column first, then row by row (`contractions.large_item`).
"""
