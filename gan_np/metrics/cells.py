"""Cells of the space of examples: Voronoi cells of k-means centres."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import integer

from .neighbours import nearest_neighbours

SAMPLE_BYTES = 1 << 26
"""Centres are sought on so many examples as this holds (64 MiB of float32), drawn at random."""


def k_means(points: Array, cells: int, *, seed: int = 0, iterations: int = 20) -> Array:
    """Centres (cells, D), float32, of a set of examples (N, …) (Lloyd 1982; bytes count as 0…1).

    Starts from random examples; a centre that loses all its examples stays where it is.

    Raises:
        ValueError: fewer examples than cells.
    """
    rows = as_points(points[:1]).shape[1]
    rng = generator(seed)
    count = min(len(points), max(integer("cells", cells, 1), SAMPLE_BYTES // (4 * rows)))
    chosen = as_points(points[np.sort(rng.permutation(len(points))[:count])])
    integer("cells", cells, 1, len(chosen))
    centres = chosen[rng.permutation(len(chosen))[:cells]]
    before = None
    for _ in range(iterations):
        own = cell_of(chosen, centres)
        if before is not None and np.array_equal(own, before):
            break
        before = own
        for cell in np.unique(own):
            centres[cell] = chosen[own == cell].mean(axis=0)
    return centres


def cell_of(points: Array, centres: Array) -> Array:
    """The nearest centre of each example, int64 (N,)."""
    return nearest_neighbours(as_points(points), centres).indices[:, 0]


def as_points(examples: Array) -> Array:
    """Examples (N, …) as float32 (N, D); bytes count as 0…1."""
    points: Array = examples.reshape(len(examples), -1).astype(np.float32)
    return points / np.float32(255) if examples.dtype == np.uint8 else points
