"""Squared Euclidean distances between two sets of points, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.vectors import all_finite

BLOCK_BYTES = 1 << 25
"""A block of distances takes at most this much (32 MiB), or one row."""


def squared_distances(first: Array, second: Array) -> Iterator[tuple[slice, Array]]:
    """‖x − y‖² for x in first (N, F) and y in second (M, F), as (rows, block (rows, M)) of the dtype that they have.

    ‖x‖² + ‖y‖² − 2⟨x, y⟩, both sets moved by the mean of the second so that little is lost where they are far from 0. What
    is no larger than the rounding of these sums is set to 0, so that equal points are at distance 0.
    """
    check_alike(first, second)
    centre = second.mean(axis=0)
    one, other = first - centre, second - centre
    lengths = np.einsum("nf,nf->n", one, one), np.einsum("nf,nf->n", other, other)
    rounding = rounding_of(first)
    longest = lengths[0].max() + lengths[1].max()
    step = max(1, BLOCK_BYTES // max(1, other.dtype.itemsize * len(other)))
    for start in range(0, len(one), step):
        rows = slice(start, min(start + step, len(one)))
        block = one[rows] @ other.T
        block *= -2
        block += lengths[0][rows, None]
        block += lengths[1]
        near = np.nonzero(block <= rounding * longest)
        equal = block[near] <= rounding * (lengths[0][rows][near[0]] + lengths[1][near[1]])
        block[near[0][equal], near[1][equal]] = 0
        yield rows, block


def check_alike(first: Array, second: Array) -> None:
    """Refuse what are not two sets of points of one kind.

    Raises:
        TypeError, ShapeError, ValueError: as of `points`; or other features, or another dtype.
    """
    points(first, "first")
    points(second, "second")
    if first.shape[1] != second.shape[1] or first.dtype != second.dtype:
        raise ShapeError(
            f"second: expected {first.shape[1]} features in {first.dtype}, got {second.shape[1]} in {second.dtype}"
        )


def rounding_of(features: Array) -> float:
    """How far ‖x − y‖² of features (N, F) may be off, relative to ‖x‖² + ‖y‖²."""
    return float((4 + features.shape[1] ** 0.5) * np.finfo(features.dtype).eps)


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
    return finite(name, array)


def finite(name: str, array: Array) -> Array:
    """`array` if none of its values is NaN or infinite.

    Raises:
        ValueError: some are.
    """
    if not all_finite(array):
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name}: {bad:,} of {array.size:,} values are NaN or infinite")
    return array
