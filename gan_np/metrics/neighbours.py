"""Exact nearest neighbours, in blocks, so that neither set has to fit memory as floats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer

BLOCK_BYTES = 1 << 25
"""No block takes more than this (32 MiB; a block of distances twice as much), or one row."""

EXACT_COLUMNS = 1024
"""Bytes moved to −128…127 have products of at most 2¹⁴, so sums of 2¹⁰ of them are whole numbers that float32 holds."""


@dataclass(frozen=True)
class Neighbours:
    """For each of N queries its k nearest references, nearest first.

    distances: float64 (N, k), Euclidean. indices: int64 (N, k), rows of the references.
    """

    distances: Array
    indices: Array


def nearest_neighbours(queries: Array, references: Array, k: int = 1, *, exclude_self: bool = False) -> Neighbours:
    """The k nearest references of each query: d(x, y) = ‖x − y‖₂, by ‖x‖² + ‖y‖² − 2⟨x, y⟩ over blocks.

    queries (N, …), references (M, …): both uint8, which counts as 0…1, or floats of one dtype. exclude_self: the two
    are one set of images in the same order, and none is a neighbour of itself.

    Bytes are compared in whole numbers, exactly: products of float32 that add up to less than 2²⁴ are not rounded.
    Floats are compared in float64, moved by the mean of the references, and the distances of the k that are found are
    computed again from the differences: a replayed image is at distance 0, not at what cancellation leaves. Of
    equally near references any may come. Memory beside the two sets: some 300 MiB, whatever their sizes.

    >>> import numpy as np, gan_np as gn
    >>> found = gn.metrics.nearest_neighbours(np.array([[0.0, 0.9]]), np.array([[0.0, 0.0], [0.0, 1.0]]), k=2)
    >>> found.indices, found.distances.round(3)
    (array([[1, 0]]), array([[0.1, 0.9]]))

    Raises:
        TypeError: not arrays of bytes or of floats, or of two kinds.
        ShapeError: examples of two shapes, or no examples.
        ValueError: k is not from 1 to the number of references; floats that are not finite.
    """
    one, other = _rows(queries, "queries"), _rows(references, "references")
    if one.shape[1] != other.shape[1]:
        raise ShapeError(f"references: expected examples of shape {queries.shape[1:]}, got {references.shape[1:]}")
    if one.dtype != other.dtype:
        raise TypeError(f"references: expected {one.dtype} as the queries are, got {other.dtype}")
    if exclude_self and len(one) != len(other):
        raise ShapeError(f"exclude_self: {len(one)} queries are not the {len(other)} references")
    integer("k", k, 1, len(other) - exclude_self)
    whole = one.dtype == np.uint8
    centre = np.float32(128) if whole else other.mean(axis=0, dtype=np.float64)
    best = np.full((len(one), k), np.inf), np.zeros((len(one), k), np.int64)
    width = one.shape[1] * (4 if whole else 8)
    for start, block in _blocks(other, BLOCK_BYTES // width):
        prepared = _moved(block, centre)
        lengths = np.einsum("md,md->m", prepared, prepared, dtype=np.float64)
        transposed = np.ascontiguousarray(prepared.T)
        rows = min(BLOCK_BYTES // width, 2 * BLOCK_BYTES // (8 * len(block)))
        for first, part in _blocks(one, rows):
            squares = _squares(_moved(part, centre), transposed, lengths, EXACT_COLUMNS if whole else one.shape[1])
            if exclude_self:
                own = np.arange(first, first + len(part)) - start
                inside = (own >= 0) & (own < len(block))
                squares[np.flatnonzero(inside), own[inside]] = np.inf
            _keep_best(best, slice(first, first + len(part)), squares, start)
    return _finished(best, one, other, whole)


def _squares(x: Array, transposed: Array, lengths: Array, columns: int) -> Array:
    """‖x − y‖² (n, m), float64, the products summed `columns` features at a time."""
    squares: Array = np.einsum("nd,nd->n", x, x, dtype=np.float64)[:, None] + lengths
    for start in range(0, x.shape[1], columns):
        piece = slice(start, start + columns)
        product, _ = ops.dense(np.ascontiguousarray(x[:, piece]), transposed[piece], wrt=False)
        squares -= 2 * product.astype(np.float64, copy=False)
    return squares


def _keep_best(best: tuple[Array, Array], rows: slice, squares: Array, start: int) -> None:
    """Merge a block of squared distances into the k best so far."""
    k = best[0].shape[1]
    near = _least(squares, k)
    values = np.concatenate([best[0][rows], np.take_along_axis(squares, near, axis=1)], axis=1)
    indices = np.concatenate([best[1][rows], near + start], axis=1)
    order = np.argsort(values, axis=1, kind="stable")[:, :k]
    best[0][rows] = np.take_along_axis(values, order, axis=1)
    best[1][rows] = np.take_along_axis(indices, order, axis=1)


def _least(squares: Array, k: int) -> Array:
    """Columns of the k least values of each row, in any order; all columns where there are no more."""
    if k >= squares.shape[1]:
        return np.broadcast_to(np.arange(squares.shape[1]), squares.shape)
    if k == 1:
        nearest: Array = squares.argmin(axis=1)  # many times faster than a partition
        return nearest[:, None]
    return np.argpartition(squares, k - 1, axis=1)[:, :k]


def _finished(best: tuple[Array, Array], one: Array, other: Array, whole: bool) -> Neighbours:
    squares, indices = best
    if whole:
        return Neighbours(np.sqrt(squares) / 255, indices)
    k = indices.shape[1]
    for first, part in _blocks(one, BLOCK_BYTES // (8 * k * one.shape[1])):
        rows = slice(first, first + len(part))
        difference = part[:, None].astype(np.float64) - other[indices[rows]]
        squares[rows] = np.einsum("nkd,nkd->nk", difference, difference)
    order = np.argsort(squares, axis=1, kind="stable")
    return Neighbours(np.sqrt(np.take_along_axis(squares, order, 1)), np.take_along_axis(indices, order, 1))


def _moved(block: Array, centre: Array | np.float32) -> Array:
    """A block as floats of the centre's dtype, around 0."""
    moved: Array = block.astype(centre.dtype)
    moved -= centre
    return moved


def _blocks(rows: Array, size: int) -> Iterator[tuple[int, Array]]:
    """(first row, rows) of `size` rows, at least one, at a time."""
    for start in range(0, len(rows), max(1, size)):
        yield start, rows[start : start + max(1, size)]


def _rows(array: Array, name: str) -> Array:
    """(N, D) of bytes or finite floats."""
    if not isinstance(array, np.ndarray) or not (array.dtype == np.uint8 or array.dtype.kind == "f"):
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{name}: expected a NumPy array of uint8 or floats, got {found}")
    if array.ndim < 2 or not array.size:
        raise ShapeError(f"{name}: expected examples (N, …), N ≥ 1, got {array.shape}")
    rows = array.reshape(len(array), -1)
    if rows.dtype.kind == "f" and not all(np.isfinite(part).all() for _, part in _blocks(rows, 4096)):
        raise ValueError(f"{name}: has values that are NaN or infinite")
    return rows
