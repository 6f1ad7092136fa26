"""The Fréchet distance between Gaussians fitted to two sets of features (Dowson and Landau 1982; Heusel et al. 2017).

    d² = ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2·(Σ₁^½ Σ₂ Σ₁^½)^½)

On features of Inception-v3 this is the FID. On features of another network it is another number, and goes by that network's
name: "Fréchet distance on NAME features". Values can be compared within one classifier's file only.

It is biased upwards for finite samples, by an amount that depends on the model (Bińkowski et al. 2018; Chong and Forsyth
2020): compare at equal sizes only, beside real data at that size. Needs several times as many images as features (Heusel
et al.: at least 10,000 for 2,048; here 128 features, so 2,000 to rank and 5,000 to quote); with fewer images than features
Σ is singular and the figure says little.
"""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .distances import finite, points


def frechet_distance(real: Array, generated: Array) -> float:
    """d² between Gaussians fitted to features (N, F) and (M, F), N and M at least 2; Σ with divisor N − 1.

    >>> real = np.array([[0.0], [2.0]])
    >>> round(frechet_distance(real, real + 3), 9)
    9.0

    Raises:
        TypeError, ShapeError, ValueError: not features, or of another kind; fewer than 2 points.
    """
    fitted = []
    for name, array in (("real", real), ("generated", generated)):
        if len(points(array, name)) < 2:
            raise ValueError(f"{name}: a covariance needs at least 2 points, got {len(array)}")
        exact = array.astype(np.float64)
        fitted += [exact.mean(axis=0), np.atleast_2d(np.cov(exact, rowvar=False))]
    return frechet_of_gaussians(*fitted)


def frechet_of_gaussians(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """d² of N(mean, covariance) and N(other_mean, other_covariance), in float64.

    The trace of the square root is the sum of the square roots of the eigenvalues of Σ₁^½ Σ₂ Σ₁^½, which is symmetric and
    has no negative ones but for rounding; singular covariances need no special care.

    Raises:
        ShapeError, ValueError: sizes that do not meet, or values that are NaN or infinite.
    """
    size = mean.size
    if other_mean.shape != mean.shape or not (covariance.shape == other_covariance.shape == (size, size)):
        raise ShapeError(
            f"covariance: expected means (F,) and covariances (F, F), got {mean.shape}, {covariance.shape}, "
            f"{other_mean.shape}, {other_covariance.shape}"
        )
    given = {"mean": mean, "covariance": covariance, "other_mean": other_mean, "other_covariance": other_covariance}
    for name, array in given.items():
        finite(name, array)
    root = _square_root(covariance.astype(np.float64))
    product = root @ other_covariance @ root
    values = np.linalg.eigvalsh((product + product.T) / 2)
    cross = np.sqrt(np.maximum(values, 0)).sum()
    moved = mean - other_mean
    return float(max(moved @ moved + np.trace(covariance) + np.trace(other_covariance) - 2 * cross, 0.0))


def _square_root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
