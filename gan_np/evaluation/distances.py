"""Squared Euclidean distances between two sets of points, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

BLOCK_BYTES = 1 << 25
"""A block of distances takes at most this much (32 MiB), or one row."""


def squared_distances(first: Array, second: Array) -> Iterator[tuple[slice, Array]]:
    """‖x − y‖² for x in first (N, F) and y in second (M, F), as (rows, block (rows, M)) of the dtype that they have.

    ‖x‖² + ‖y‖² − 2⟨x, y⟩, both sets moved by the mean of the second so that little is lost where they are far from 0, and
    what rounding makes negative set to 0.
    """
    points(first, "first")
    points(second, "second")
    if first.shape[1] != second.shape[1] or first.dtype != second.dtype:
        raise ShapeError(
            f"second: expected {first.shape[1]} features in {first.dtype}, got {second.shape[1]} in {second.dtype}"
        )
    centre = second.mean(axis=0)
    one, other = first - centre, second - centre
    lengths = np.einsum("nf,nf->n", one, one), np.einsum("nf,nf->n", other, other)
    step = max(1, BLOCK_BYTES // max(1, other.dtype.itemsize * len(other)))
    for start in range(0, len(one), step):
        rows = slice(start, min(start + step, len(one)))
        block = one[rows] @ other.T
        block *= -2
        block += lengths[0][rows, None]
        block += lengths[1]
        yield rows, np.maximum(block, 0, out=block)


def points(array: Array, name: str) -> Array:
    """`array` if it is finite floats (N, F) with N ≥ 1.

    Raises:
        TypeError, ShapeError, ValueError: it is not.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        raise TypeError(
            f"{name}: expected a NumPy array of floats, got {getattr(array, 'dtype', type(array).__name__)}"
        )
    if array.ndim != 2 or not array.size:
        raise ShapeError(f"{name}: expected features (N, F), N ≥ 1, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: has features that are NaN or infinite")
    return array
