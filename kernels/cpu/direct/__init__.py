"""Convolution as products over patches that are made where they are used: any geometry, any number of channels.

    ∂T/∂b  rows of b = patches of a · w       a thread packs the patches of some rows, multiplies, and forgets them
    ∂T/∂a  what a place of b sends = b · wᵀ    added to the image at once, one image (or some channels of one) a thread
    ∂T/∂w  patchesᵀ · b                       summed over rows, some taps a thread

Patches ("im2col") are 4 to 25 times as large as the image; here they never leave the second-level cache.
"""
