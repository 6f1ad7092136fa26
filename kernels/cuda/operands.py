"""Operands in the form that tensor cores read (`sources/to_bf16.cu`, `sources/transpose.cu`): as bf16, or transposed."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .alignment import is_aligned
from .grids import over
from .launcher import launch, new

BF16 = np.dtype(np.uint16)
"""How bf16 is stored: NumPy has no such dtype, so an array holds its bits."""
SIDE, HIGH = 32, 8
"""The side of a tile and the rows of threads of a block, as transpose.cu has them."""


def as_bf16(array: Array) -> Array:
    """Return a C-contiguous array of float32 rounded to bf16, ties to even.

    Hopper's tensor cores read half as many bytes of it.
    """
    to = new(array, array.shape, BF16)
    aligned = is_aligned(array, array.size)
    grid, block = over(array.size // (4 if aligned else 1))
    launch("to_bf16.cu", "to_bf16", grid, block, (array, to, array.size, aligned), dtype=array.dtype)
    return to


def transposed(array: Array, columns: int) -> Array:
    """Transpose a C-contiguous array, taken as a matrix with this many columns, into a new one (columns, rows)."""
    rows = array.size // columns
    to = new(array, (columns, rows))
    grid = (-(-rows // SIDE), -(-columns // SIDE))
    launch("transpose.cu", "transpose", grid, (SIDE, HIGH), (array, to, rows, columns), dtype=array.dtype)
    return to
