"""Arrays in the memory order that kernels read."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from . import pool
from .compiled import inner
from .heap import empty
from .vectors import SQUARE, transpose_square

BLOCK = 16


def contiguous(array: Array) -> Array:
    """Return the array itself if it is in C order, otherwise a copy that is."""
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def flat(array: Array) -> Array:
    """Return a contiguous array as one axis, to be written to."""
    return array.reshape(-1)


def read_only(array: Array) -> Array:
    """Return a contiguous array as one axis, not to be written to.

    To the compiler that is a type of its own, so each kernel must always get the same of the two.
    """
    seen = array.reshape(-1)
    seen.setflags(write=False)
    return seen


def swapped(array: Array) -> Array:
    """Return a copy with the last two axes exchanged."""
    *outer, rows, columns = array.shape
    result = empty((*outer, columns, rows), array.dtype)
    strips = -(-rows // BLOCK)
    count = array.size // (rows * columns) * strips
    pool.run(_strip, array.dtype, count, (strips, rows, columns, read_only(array), flat(result)))
    return result


@inner
def _strip(index: int, thread: int, strips: int, rows: int, columns: int, source: Any, target: Any) -> None:
    """Transpose BLOCK rows of one matrix, in squares: every line of both is used whole while it is in the cache."""
    start, first = index // strips * rows * columns, index % strips * BLOCK
    last = min(rows, first + BLOCK)
    for left in range(0, columns, BLOCK):
        right = min(columns, left + BLOCK)
        if last - first == BLOCK and right - left == BLOCK:
            for row in range(first, last, SQUARE):
                for column in range(left, right, SQUARE):
                    origin, aim = start + row * columns + column, start + column * rows + row
                    transpose_square(source, origin, columns, target, aim, rows)
        else:
            for column in range(left, right):
                for row in range(first, last):
                    target[start + column * rows + row] = source[start + row * columns + column]
