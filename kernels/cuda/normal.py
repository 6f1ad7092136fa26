"""Normal numbers on the GPU (`sources/normal.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from .grids import over
from .launcher import contiguous, launch, new


class Normal:
    """Two numbers from each word."""

    def forward(self, bits: Array, out: Array) -> None:
        """Fill `out`."""
        to = out if out.flags.c_contiguous else new(out, out.shape)
        launch("normal.cu", "normal", *over(bits.size), (contiguous(bits), to, bits.size), dtype=out.dtype)
        if to is not out:
            out[...] = to
