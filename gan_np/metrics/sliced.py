"""The sliced Wasserstein distance."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import ShapeError, integer

from .distances import finite


def sliced_wasserstein(first: Array, second: Array, *, projections: int = 128, seed: int = 0) -> float:
    """√(mean over random directions of the squared Wasserstein-2 distance of the projections) (Rabin et al. 2011).

    first, second: as many examples each, (N, …), any dtype; uint8 counts as 0…1. Along one direction the optimal
    transport of two sorted samples joins equal ranks. 0 for equal sets; depends on N, so compare at one N only.

    Raises:
        ShapeError, ValueError: sets of different shapes, or values that are NaN or infinite.
    """
    integer("projections", projections, 1)
    if first.shape != second.shape or len(first) < 1:
        raise ShapeError(f"second: expected the shape of first, {first.shape}, got {second.shape}")
    rows = []
    for name, examples in (("first", first), ("second", second)):
        scale = 1 / 255 if examples.dtype == np.uint8 else 1.0
        rows.append(finite(name, examples.reshape(len(examples), -1).astype(np.float64) * scale))
    directions = generator(seed).standard_normal((rows[0].shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    one, other = (np.sort(part @ directions, axis=0) for part in rows)
    return float(np.sqrt(((one - other) ** 2).mean()))
