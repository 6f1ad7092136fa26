"""Transposed matrices on the GPU (`sources/transpose.cu`), for what reads along one axis only."""

from __future__ import annotations

from gan_np.arrays import Array

from .launcher import launch, new

SIDE, HIGH = 32, 8
"""As in transpose.cu."""


def transposed(array: Array, columns: int) -> Array:
    """A C-contiguous array, seen as a matrix with so many columns, as a new one (columns, rows)."""
    rows = array.size // columns
    to = new(array, (columns, rows))
    grid = (-(-rows // SIDE), -(-columns // SIDE))
    launch("transpose.cu", "transpose", grid, (SIDE, HIGH), (array, to, rows, columns), dtype=array.dtype)
    return to
