"""The kernel distance: the squared maximum mean discrepancy between two sets of features (Gretton et al. 2012).

    MMD² = E[k(x, x')] + E[k(y, y')] − 2·E[k(x, y)],      k(a, b) = (⟨a, b⟩/F + 1)³

estimated without bias: means over pairs of different points. With this kernel and Inception's features it is the KID
(Bińkowski et al. 2018, Demystifying MMD GANs); on other features it goes by their name.

Unlike the Fréchet distance it is unbiased at any size, so figures of different sizes can be compared; 0 for equal
distributions, and then as often below 0 as above. Needs 1,000 images of each.
"""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .distances import BLOCK_BYTES, points


def kernel_distance(real: Array, generated: Array) -> float:
    """The unbiased estimate of MMD² from features (N, F) and (M, F), N and M at least 2. Memory: one block of products.

    >>> real = np.array([[1.0], [2.0]])
    >>> kernel_distance(real, real)    # (27 + 27)/2 − (8 + 27 + 27 + 125)/4 × 2 + (27 + 27)/2
    -39.5

    Raises:
        TypeError, ShapeError, ValueError: not features, or of another kind; fewer than 2 points.
    """
    for name, array in (("real", real), ("generated", generated)):
        if len(points(array, name)) < 2:
            raise ValueError(f"{name}: the estimate is over pairs, so it needs at least 2 points, got {len(array)}")
    if real.shape[1] != generated.shape[1]:
        raise ShapeError(f"generated: expected {real.shape[1]} features, got {generated.shape[1]}")
    within = (_sum(part, part, own=True) / (len(part) * (len(part) - 1)) for part in (real, generated))
    return float(sum(within) - 2 * _sum(real, generated) / (len(real) * len(generated)))


def _sum(first: Array, second: Array, *, own: bool = False) -> float:
    """Σ k(a, b) over all pairs, without those of a point with itself if both sets are one.

    In float64: a distance is a small difference of large sums.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    total, step = 0.0, max(1, BLOCK_BYTES // (second.dtype.itemsize * len(second)))
    for start in range(0, len(first), step):
        total += _cubed(first[start : start + step] @ second.T, first.shape[1]).sum()
    if own:
        total -= _cubed(np.einsum("nf,nf->n", first, first), first.shape[1]).sum()
    return float(total)


def _cubed(products: Array, features: int) -> Array:
    products = products / features + 1
    cubes: Array = products * products * products
    return cubes
