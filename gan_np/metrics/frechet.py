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

import math

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .distances import finite, points


def frechet_distance(real: Array, generated: Array) -> float:
    """d² between Gaussians fitted to features (N, F) and (M, F), N and M at least 2; Σ with divisor N − 1.

    With X₁ and X₂ the features minus their means, Σ₁ = X₁ᵀX₁/(N − 1) and Σ₂ = X₂ᵀX₂/(M − 1), so the trace of the square root
    is ‖X₁X₂ᵀ‖ / √((N − 1)(M − 1)), the norm being the sum of the singular values. That is how it is computed where the
    matrix (N, M) is smaller than Σ; the time then does not grow with F³.

    >>> real = np.array([[0.0], [2.0]])
    >>> round(frechet_distance(real, real + 3), 9)
    9.0

    Raises:
        TypeError, ShapeError, ValueError: not features, or of another kind; fewer than 2 points.
    """
    for name, array in (("real", real), ("generated", generated)):
        if len(points(array, name)) < 2:
            raise ValueError(f"{name}: a covariance needs at least 2 points, got {len(array)}")
    size = real.shape[1]
    if generated.shape[1] != size:
        raise ShapeError(f"generated: expected {size} features, as real has, got {generated.shape[1]}")
    means, centred = [], []
    for array in (real, generated):
        exact = array.astype(np.float64)
        means.append(exact.mean(axis=0))
        centred.append((exact - means[-1]) / math.sqrt(len(exact) - 1))
    first, second = centred
    if len(first) * len(second) >= size**2:
        return frechet_of_gaussians(means[0], first.T @ first, means[1], second.T @ second)
    cross = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return _distance(means[0] - means[1], (first**2).sum() + (second**2).sum(), cross)


def frechet_of_gaussians(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """d² of N(mean, covariance) and N(other_mean, other_covariance), in float64.

    The trace of the square root is the sum of the square roots of the eigenvalues of Σ₁^½ Σ₂ Σ₁^½. With any A for which
    A·Aᵀ = Σ₁, the matrix Aᵀ Σ₂ A has the same eigenvalues. It is symmetric and has no negative ones but for rounding;
    singular covariances need no special care.

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
    factor = _factor(covariance.astype(np.float64))
    product = factor.T @ other_covariance @ factor
    values = np.linalg.eigvalsh((product + product.T) / 2)
    cross = np.sqrt(np.maximum(values, 0)).sum()
    return _distance(mean - other_mean, np.trace(covariance) + np.trace(other_covariance), cross)


def _distance(moved: Array, traces: float, cross: float) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂) − 2·cross, and 0 where rounding would leave less."""
    return float(np.maximum(moved @ moved + traces - 2 * cross, 0.0))


def _factor(covariance: Array) -> Array:
    """Some A with A·Aᵀ the covariance: Cholesky's, which is the faster, or of eigenvectors where it is singular."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        factor: Array = vectors * np.sqrt(np.maximum(values, 0))
        return factor
