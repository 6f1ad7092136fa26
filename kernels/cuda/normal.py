"""Normal numbers on the GPU (`sources/normal.cu`)."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .grids import over
from .launcher import launch, new
from .scalars import scalar

BLOCK = 4
"""Numbers from one block of random bits."""


class Normal:
    """Standard normal numbers; one thread makes those of a block of random bits.

    The key may be an array of one uint64 in device memory (see scalars.py).
    """

    def forward(self, key: int, out: Array) -> None:
        """Fill `out` with normally distributed numbers."""
        to = out if out.flags.c_contiguous else new(out, out.shape)
        arguments = (*scalar("key", key, np.uint64), to, out.size)
        launch("normal.cu", "normal", *over(-(-out.size // BLOCK)), arguments, dtype=out.dtype)
        if to is not out:
            out[...] = to
