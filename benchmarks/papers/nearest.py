"""Exact search for nearest neighbours, blocked."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

BLOCK = 1 << 24


def nearest(queries: Array, references: Array) -> tuple[Array, Array]:
    """(index of the nearest reference int64 (N,), its squared Euclidean distance float32 (N,)) of uint8 pictures as 0…1."""
    points, centres = (
        each.reshape(len(each), -1).astype(np.float32) / np.float32(255) for each in (queries, references)
    )
    norms = (centres * centres).sum(axis=1)
    index, distance = np.empty(len(points), np.int64), np.empty(len(points), np.float32)
    rows = max(1, BLOCK // len(centres))
    for start in range(0, len(points), rows):
        part = points[start : start + rows]
        squares = norms - 2 * (part @ centres.T)
        here = squares.argmin(axis=1)
        index[start : start + rows] = here
        found = squares[np.arange(len(part)), here] + (part * part).sum(axis=1)
        distance[start : start + rows] = np.maximum(found, 0)
    return index, distance
