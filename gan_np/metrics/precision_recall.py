"""Precision, recall, density and coverage: how two sets of features overlap, seen through balls around their points.

r_k(x) is the distance from a point x to its k-th nearest neighbour in its own set, B(x) the closed ball of that radius.

    precision = share of generated y that lie in some B(real x)           are samples like real images?
    recall    = share of real x that lie in some B(generated y)           are all kinds of real images made?
    density   = 1/(k·M) · Σ_y #{real x: y in B(x)}                        like precision, and an outlier among the real
                                                                          images, whose ball is huge, weighs little
    coverage  = share of real x whose ball B(x) has a generated y in it   like recall, and balls are around real points only

Precision and recall: Kynkäänniemi et al. 2019, Improved precision and recall metric for assessing generative models (k = 3).
Density and coverage: Naeem et al. 2020, Reliable fidelity and diversity metrics for generative models (k = 5). Balls are
closed, as the papers write them (‖x − y‖ ≤ r; the code of Naeem et al. has <): the ball of a point with k doubles has radius
0 and still holds what is equal to it. Density counts every double, so it can be far above 1 where many points are equal.
For two samples of one distribution in which no two points are equal, whatever it is,
E[density] = 1 and E[coverage] = 1 − [(N−1)…(N−k)]/[(M+N−1)…(M+N−k)] (their Lemmas 1 and 2): 0.969 for k = 5, N = M.

Needs 1,000 images of each to rank models, 5,000 to quote; compare at equal sizes and equal k only. A memoriser scores
perfectly: see the tests for copying.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import integer

from .distances import check_alike, rounding_of, squared_distances

NEIGHBOURS = 5


class PRDC(NamedTuple):
    """Precision, recall and coverage lie in [0, 1]; density is 0 or more."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(real: Array, generated: Array, *, neighbours: int = NEIGHBOURS) -> PRDC:
    """All four, with k = `neighbours`, of features (N, F) and (M, F), N and M greater than k.

    Memory: one block of distances (32 MiB; ten times that where most points are equal), whatever N and M.

    >>> rng = np.random.default_rng(0)
    >>> precision_recall_density_coverage(rng.normal(size=(50, 2)), rng.normal(100, 1, (50, 2)))
    PRDC(precision=0.0, recall=0.0, density=0.0, coverage=0.0)

    Raises:
        TypeError, ShapeError, ValueError: not features of one kind; fewer points than neighbours.
    """
    integer("neighbours", neighbours, 1)
    for name, points in (("real", real), ("generated", generated)):
        if len(points) <= neighbours:
            raise ValueError(f"{name}: {neighbours} neighbours need more than {neighbours} points, got {len(points)}")
    check_alike(real, generated)
    of_real, of_generated = (squared_radii(points, neighbours) for points in (real, generated))
    inside = np.zeros(len(generated), np.int64)
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    # The border is inside, also where a distance and a radius that are equal were rounded otherwise: points that occur
    # several times have many such.
    centre = generated.mean(axis=0)
    slack_of_real, slack_of_generated = (
        (np.square(points - centre).sum(axis=1) * rounding_of(points)).astype(points.dtype)
        for points in (real, generated)
    )
    for rows, block in squared_distances(real, generated):
        block -= slack_of_real[rows, None]
        block -= slack_of_generated
        within = block <= of_real[rows, None]
        inside += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
        recalled[rows] = (block <= of_generated).any(axis=1)
    density = inside.sum() / (neighbours * len(generated))
    return PRDC(float((inside > 0).mean()), float(recalled.mean()), float(density), float(covered.mean()))


def squared_radii(points: Array, neighbours: int) -> Array:
    """r_k(x)² of each point: the (k+1)-th smallest of its row, since the smallest is its distance 0 to itself."""
    radii = np.empty(len(points), points.dtype)
    for rows, block in squared_distances(points, points):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0  # rounding leaves a little there
        radii[rows] = np.partition(block, neighbours, axis=1)[:, neighbours]
    return radii
