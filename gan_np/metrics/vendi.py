"""The Vendi score: how many different images there are, in effect (Friedman and Dieng 2023).

    exp(−Σ λ_i log λ_i),   λ the eigenvalues of K/N,   K_ij = ⟨x_i, x_j⟩/(‖x_i‖·‖x_j‖)

1 if all are the same, N if all are orthogonal; it needs no real images, so read it beside that of real ones. With this
kernel K and XᵀX have the same eigenvalues but for zeros, so the smaller of the two, N × N or F × F, is taken, and the
score is at most F. Needs several times F images: with fewer it grows with N.
"""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .distances import points


def vendi_score(features: Array) -> float:
    """Of features (N, F), by the cosine between them. Points at 0 are like each other and like no other point.

    >>> round(vendi_score(np.eye(4)), 9), round(vendi_score(np.ones((4, 3))), 9)
    (4.0, 1.0)
    >>> round(vendi_score(np.zeros((4, 3))), 9)    # four times the same
    1.0

    Raises:
        TypeError, ShapeError, ValueError: not features.
    """
    rows = points(features, "features").astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1)
    products = unit.T @ unit if len(unit) > unit.shape[1] else unit @ unit.T
    values = np.linalg.eigvalsh(products / len(unit))
    # The Z points at 0 are a block of ones in K, with one eigenvalue, Z.
    values = np.append(values, (lengths == 0).sum() / len(unit))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
