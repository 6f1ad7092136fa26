"""How far the images of a set stand apart, beside those of another: whether a generator draws the same again and again."""

from __future__ import annotations

import math

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .neighbours import nearest_neighbours


def spread(samples: Array, real: Array) -> float:
    """How far samples stand apart, over how far as many real images do: the smaller of two ratios.

    One is that of the median distance to the nearest other one: 0 for a generator that draws three images again and again,
    which the second does not see. That is the ratio of the mean distance between any two: near 0 for one that draws a single
    kind of image, however different those are, which the first hardly sees.

    samples, real: two sets of N ≥ 2 examples, (N, …), both uint8 or floats of one dtype. About 1 where samples differ from
    each other as real images do. NaN where more than half of the real ones have a twin themselves.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(50, 3))
    >>> spread(points / 2, points), spread(points[:5].repeat(10, axis=0), points)
    (0.5, 0.0)

    Raises:
        ShapeError: sets of different sizes or of one example.
        TypeError, ValueError: not bytes, nor finite floats.
    """
    if samples.shape != real.shape or len(samples) < 2:
        raise ShapeError(f"samples: expected two sets of N ≥ 2 examples, got {samples.shape} and {real.shape}")
    (nearest, any_two), (real_nearest, real_any_two) = _distances(samples), _distances(real)
    return min(nearest / real_nearest, any_two / real_any_two) if real_nearest > 0 else math.nan


def _distances(examples: Array) -> tuple[float, float]:
    """The median distance to the nearest other one, and the mean between any two."""
    distances = nearest_neighbours(examples, examples, len(examples) - 1, exclude_self=True).distances
    return float(np.median(distances[:, 0])), float(distances.mean())
