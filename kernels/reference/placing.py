"""Putting a gradient where it was asked for."""

from __future__ import annotations

from gan_np.arrays import Array, array_module

from ..interfaces import Into


def place(value: Array, into: Into | None) -> Array:
    """Return `value`, or `into.array` after writing `value` there or adding it."""
    if into is None:
        return value
    if into.add:
        into.array[...] += value
    else:
        into.array[...] = value
    return into.array


def matmul_into(left: Array, right: Array, into: Into | None) -> Array:
    """Return the product left·right, written straight into its place where that saves a pass."""
    xp = array_module(left)
    if into is None or into.add or not into.array.flags.c_contiguous:
        return place(xp.matmul(left, right), into)
    xp.matmul(left, right, out=into.array)
    return into.array
