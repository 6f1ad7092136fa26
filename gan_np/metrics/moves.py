"""Nearest neighbours of images that may be moved a little, or mirrored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer
from gan_np.ranks import ALONE, Ranks

from .neighbours import Neighbours, nearest_neighbours

SHARED = 16
"""Queries are divided among ranks in blocks of so many."""


def nearest_after_moves(
    queries: Array, references: Array, shift: int = 0, mirror: bool = False, *, ranks: Ranks = ALONE
) -> Neighbours:
    """The nearest reference of each query, which may be moved by up to `shift` pixels each way, and mirrored.

    What moves in at an edge repeats the edge. Anything but shift 0 without mirror needs images (N, H, W, C).
    ranks: processes that were all given the same: each searches for a part of the queries, all find all.
    """
    if ranks.size > 1:

        def of(rows: slice) -> tuple[Array, ...]:
            found = nearest_after_moves(queries[rows], references, shift, mirror)
            return found.distances, found.indices

        return Neighbours(*ranks.by_shares(of, len(queries), SHARED))
    moves: Iterable[Array] = [queries]
    if integer("shift", shift, 0) or mirror:
        if queries.ndim != 4:
            raise ShapeError(f"shift, mirror: only images (N, H, W, C) can be moved, got {queries.shape}")
        moves = _moves(queries, shift, mirror)
    best: Neighbours | None = None
    for moved in moves:
        found = nearest_neighbours(moved, references)
        if best is not None:
            nearer = found.distances < best.distances
            pairs = ((found.distances, best.distances), (found.indices, best.indices))
            found = Neighbours(*(np.where(nearer, new, old) for new, old in pairs))
        best = found
    assert best is not None
    return best


def _moves(images: Array, shift: int, mirror: bool) -> Iterator[Array]:
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
    for top in range(2 * shift + 1):
        for left in range(2 * shift + 1):
            moved = padded[:, top : top + height, left : left + width]
            yield np.ascontiguousarray(moved)
            if mirror:
                yield np.ascontiguousarray(moved[:, :, ::-1])
