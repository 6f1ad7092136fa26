"""Whether held-out images could come from where training images come from: asked before they are compared with samples.

A generator has no part in it. Some training images F ("fresh") are set aside, at random, and treated as if they had been
held out. Were the held-out images H drawn as the training images T were, F and H could be exchanged. Two questions, each
with a two-sided p-value, exact for images that are drawn independently but for the normal approximation:

distances    Are held-out images as far from the rest of T as fresh ones are? Mann–Whitney's U of d(F, T∖F) against
             d(H, T∖F). Small for other content (farther) and for near-duplicates of training images (nearer).
neighbours   Is the nearest other image of an image of F ∪ H in its own set more often than chance has it? The
             nearest-neighbour test of Schilling (1986) and Henze (1988), with mean and variance over all ways to call
             |F| of the |F| + |H| images fresh. Small for H of some of the classes only, or classes in other shares.

The smaller counts, twice (Bonferroni); below `SOURCE_LEVEL` the two sets are called different. The level is low and at most
`COMPARED` images of each set are compared on purpose: with enough images any two sets differ (MNIST's training and test
digits are by different people), and what 500 cannot show hardly misleads a comparison with some hundreds of samples. Other
content, a part of the classes, other brightness or another crop show at once.

Images that come in groups (frames of one film, photographs of one person) and whose groups were parted between T and H as
wholes are different by this test, and rightly: a generator that has learnt the groups, and copies nothing, is near T.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import perm, sqrt

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import integer
from gan_np.ranks import ALONE, Ranks

from .moves import nearest_after_moves
from .neighbours import nearest_neighbours
from .ranks import mann_whitney, normal_two_sided

SOURCE_LEVEL = 1e-5
"""Sets with a p-value below this are from different places: one in 100,000 of those that are not."""

COMPARED = 500
"""Images of either set that are compared, at most; of the training images no more than half."""

REFERENCES = 10_000
"""Training images that distances are measured to, at most."""


@dataclass(frozen=True)
class SameSource:
    """What `same_source_test` found: z and two-sided p-value of each question."""

    fresh: int
    """Training images that were set aside."""
    z_distances: float
    """Above 0 where held-out images are farther from the training images than training images are from each other."""
    p_distances: float
    z_neighbours: float
    """Above 0 where the nearest other image is of the same set more often than chance has it."""
    p_neighbours: float

    @property
    def p(self) -> float:
        """The smaller of both, times two."""
        return min(1.0, 2 * self.p_distances, 2 * self.p_neighbours)

    @property
    def holds(self) -> bool:
        """Whether both sets could come from one place."""
        return self.p >= SOURCE_LEVEL


def same_source_test(training: Array, held_out: Array, *, seed: int = 0, ranks: Ranks = ALONE) -> SameSource:
    """Whether held-out images could come from where training images come from, see above.

    training, held_out: images (N, H, W, C) or features (N, F), of one dtype, disjoint; training at least 2. seed: of which
    images are set aside and compared. ranks: processes that search for a part each, as in `copying_test`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> training, held_out = rng.normal(size=(400, 3)), rng.normal(size=(100, 3))
    >>> same_source_test(training, held_out).holds, same_source_test(training, held_out + 1).holds
    (True, False)

    Raises:
        ShapeError, TypeError, ValueError: sets of different kinds, values that are not finite.
    """
    integer("number of training images", len(training), 2)
    rng = generator(seed, 11)
    mixed = rng.permutation(len(training))
    count = min(len(training) // 2, COMPARED)
    fresh, rest = training[mixed[:count]], training[np.sort(mixed[count : count + REFERENCES])]
    others = held_out[rng.permutation(len(held_out))[:COMPARED]]
    distances = [nearest_after_moves(part, rest, ranks=ranks).distances[:, 0] for part in (others, fresh)]
    z_distances = mann_whitney(*distances)[0]
    # Of equally near images the first is found: the order must not tell the sets apart.
    order = rng.permutation(count + len(others))
    is_fresh = order < count
    both = np.concatenate([fresh, others])[order]
    nearest = nearest_neighbours(both, both, exclude_self=True).indices[:, 0]
    z_neighbours = own_set_z(nearest, is_fresh)
    return SameSource(count, z_distances, normal_two_sided(z_distances), z_neighbours, normal_two_sided(z_neighbours))


def own_set_z(nearest: Array, first: Array) -> float:
    """How many deviations above its mean the number of points is whose nearest other point is of their own set.

    nearest: int (N,), for each point the number of another. first: booleans (N,), which points are of the first set, m of
    them. Mean and variance are those over all choices of m of the N points. With X_e = 1 where edge e = {i, nearest[i]} lies
    in one set, E[X_e X_f] depends on how many points e and f have together: their 2, 3 or 4 points must all be of the first
    set, or all of the second, or two of each. Fewer than 4 points say nothing: 0.

    >>> round(own_set_z(np.array([1, 0, 3, 2]), np.array([True, True, False, False])), 3)
    1.414
    """
    total, m = len(first), int(first.sum())
    n = total - m
    if total < 4:
        return 0.0
    edges = np.arange(total)
    degree = 1 + np.bincount(nearest, minlength=total)
    mutual = int((nearest[nearest] == edges).sum())
    same = total + mutual  # ordered pairs of edges on the same two points
    touching = int((degree * (degree - 1)).sum()) - 2 * mutual  # … with one point together
    apart = total**2 - same - touching
    two, three = (perm(m, k) / perm(total, k) + perm(n, k) / perm(total, k) for k in (2, 3))
    four = (perm(m, 4) + perm(n, 4) + 2 * perm(m, 2) * perm(n, 2)) / perm(total, 4)
    mean = total * two
    variance = same * two + touching * three + apart * four - mean**2
    found = int((first == first[nearest]).sum())
    return (found - mean) / sqrt(variance) if variance > 1e-9 * mean**2 else 0.0
