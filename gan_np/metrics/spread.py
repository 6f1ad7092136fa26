"""How far the images of a set stand apart, beside those of another: whether a generator draws the same again and again."""

from __future__ import annotations

import math

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .neighbours import nearest_neighbours


def spread(samples: Array, real: Array) -> float:
    """The median distance from a sample to the nearest other one, over the same among as many real images.

    samples, real: two sets of N ≥ 2 examples, (N, …), both uint8 or floats of one dtype. About 1 where samples differ from
    each other as real images do; 0 where more than half of them have a twin. A generator that draws three images again and
    again is seen, which it would not be by the variance of its samples. NaN where the real ones have twins themselves.

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
    apart, theirs = (
        float(np.median(nearest_neighbours(one, one, exclude_self=True).distances)) for one in (samples, real)
    )
    return apart / theirs if theirs > 0 else math.nan
