"""Convolution as one product of matrices over patches ("im2col").

    prepare a:  (N, H_a, W_a, C_a)  →  patches (N·H_b·W_b, kh·kw·C_a), each row what one place of b sees
    prepare w:  (kh, kw, C_a, C_b)  →  (kh·kw·C_a, C_b), a view
    prepare b:  (N, H_b, W_b, C_b)  →  (N·H_b·W_b, C_b), a view

    ∂T/∂b = patches · w        ∂T/∂w = patchesᵀ · b        ∂T/∂a = adjoint of "prepare a" of  b · wᵀ

One large product runs near the speed of BLAS; the price is kh·kw/(sh·sw) times the image's memory.
"""

from __future__ import annotations

from gan_np.arrays import Array, array_module

from ..geometry import Geometry
from ..interfaces import Into
from .conv2d import crop, pad
from .placing import matmul_into, place


class PatchPlan:
    """A plan that copies each place's patch, so that every product is one product of matrices.

    Patches are kept from forward to the weight gradient: making them is much of the work.
    """

    keeps_large = True
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.taps = geometry.kernel[0] * geometry.kernel[1] * geometry.large[2]

    def prepare_weight(self, weight: Array) -> Array:
        """Return w as a matrix with one row for each tap and channel of a."""
        return weight.reshape(self.taps, self.geometry.small[2])

    def prepare_large(self, large: Array) -> Array:
        """Return the patches, one row for each place of b.

        They share pixels in a strided view, which is then copied once.
        """
        xp, g = array_module(large), self.geometry
        padded = pad(large, g)
        image, row, column, channel = padded.strides
        view = xp.lib.stride_tricks.as_strided(
            padded,
            (g.batch, *g.small[:2], *g.kernel, g.large[2]),
            (image, g.stride[0] * row, g.stride[1] * column, row, column, channel),
        )
        patches: Array = view.reshape(-1, self.taps)
        return patches

    def prepare_small(self, small: Array) -> Array:
        """Return b as a matrix with one row for each place."""
        return small.reshape(-1, self.geometry.small[2])

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return b = patches · w."""
        return (large @ weight).reshape(self.geometry.small_shape)

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return a: b · wᵀ gives what each place sends to each of its taps, and these are added up where they overlap."""
        return self.sum_patches(small @ weight.T)

    def sum_patches(self, patches: Array) -> Array:
        """The adjoint of `prepare_large`: (N·H_b·W_b, kh·kw·C_a) to (N, H_a, W_a, C_a).

        The large image is seen as cells of one stride each. A kernel covers ⌈kh/sh⌉ × ⌈kw/sw⌉ cells, and for one
        cell (p, q) of the kernel all places write to different pixels:

            kernel 4×4, stride 2:   cells (0,0) (0,1)      places i, i+1 overlap by one cell:
                                          (1,0) (1,1)      [ i: 0 | 1 ]
                                                               [ i+1: 0 | 1 ]

        so a few strided sums suffice, no atomics, and the order of addition is fixed.
        """
        g, xp = self.geometry, array_module(patches)
        (kh, kw), (sh, sw), (height, width, channels) = g.kernel, g.stride, g.small
        channels = g.large[2]
        sent = patches.reshape(g.batch, height, width, kh, kw, channels)
        cells_h, cells_w = -(-kh // sh), -(-kw // sw)
        needed_h = max((height + cells_h - 1) * sh, g.large[0] + 2 * g.padding[0])
        needed_w = max((width + cells_w - 1) * sw, g.large[1] + 2 * g.padding[1])
        rows, columns = -(-needed_h // sh), -(-needed_w // sw)
        cells = xp.zeros((g.batch, rows, sh, columns, sw, channels), patches.dtype)
        for p in range(cells_h):
            for q in range(cells_w):
                block = sent[:, :, :, p * sh : (p + 1) * sh, q * sw : (q + 1) * sw]
                u, v = block.shape[3:5]
                cells[:, p : p + height, :u, q : q + width, :v] += block.transpose(0, 1, 3, 2, 4, 5)
        padded = cells.reshape(g.batch, rows * sh, columns * sw, channels)
        return xp.ascontiguousarray(crop(padded, g))

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw = patchesᵀ · b."""
        if into is not None and into.array.flags.c_contiguous:
            flat = into.array.reshape(self.taps, self.geometry.small[2])
            matmul_into(large.T, small, Into(flat, into.add))
            return into.array
        return place((large.T @ small).reshape(self.geometry.weight_shape), into)


class Conv2dIm2col:
    """Convolution as a product of patches and weights."""

    def plan(self, geometry: Geometry) -> PatchPlan:
        """Return the plan with one product over patches."""
        return PatchPlan(geometry)
