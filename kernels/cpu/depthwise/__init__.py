"""Depthwise convolution: each channel meets its own weights alone, so registers of channels are multiplied with each other.

Nothing is packed or copied. A register of channels of the weights lies in the weights as they are, and images are read where
they lie. The channels need not fill registers: the last register begins so far back that it ends with the last channel; what
it has in common with the one before is computed twice.

    to the small image     8 places of a row:          sums[p] += a[row u, column p·stride + v] · w[u, v]   for all taps u, v
    to the large image     the same sums over b, for each phase of the stride with those taps that reach its pixels
    to the weights         some rows of taps:          sums[u, v] += a[row u, column j·stride + v] · b[j], places j of a run
"""
