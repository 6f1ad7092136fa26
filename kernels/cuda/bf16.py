"""Arrays on the GPU as bf16 (`sources/to_bf16.cu`): what Hopper's tensor cores read half as many bytes of."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .grids import over
from .launcher import launch, new
from .launcher import whole as whole_chunks

STORED = np.dtype(np.uint16)
"""NumPy has no bf16: its bits."""


def as_bf16(array: Array) -> Array:
    """A C-contiguous array of float32 rounded to bf16, ties to even."""
    to = new(array, array.shape, STORED)
    whole = whole_chunks(array, array.size)
    grid, block = over(array.size // (4 if whole else 1))
    launch("to_bf16.cu", "to_bf16", grid, block, (array, to, array.size, whole), dtype=array.dtype)
    return to
