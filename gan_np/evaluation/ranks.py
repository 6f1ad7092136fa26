"""Probabilities of rank and count statistics, without a statistics library."""

from __future__ import annotations

import math

import numpy as np

from gan_np.arrays import Array


def mann_whitney(first: Array, second: Array) -> tuple[float, float]:
    """Whether values of `first` (m,) tend to be below those of `second` (n,): z and the one-sided p-value Φ(z).

    U = #{first > second} + ½·#{first = second} over all pairs; z = (U − mn/2)/σ with
    σ² = mn/12·(m + n + 1 − Σ(t³ − t)/((m + n)(m + n − 1))), t the sizes of groups of ties (Mann and Whitney 1947). z is
    far below 0 where first is smaller. The normal approximation wants some 10 values on each side; where all values are
    equal, z = 0.

    >>> import numpy as np
    >>> z, p = mann_whitney(np.arange(10.0), np.arange(5.0, 15.0))
    >>> round(z, 2), round(p, 4)
    (-2.84, 0.0023)
    """
    m, n = len(first), len(second)
    both = np.concatenate([first, second])
    _, inverse, ties = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[inverse]
    u = ranks[:m].sum() - m * (m + 1) / 2
    tied = (ties.astype(np.float64) ** 3 - ties).sum() / ((m + n) * (m + n - 1))
    variance = m * n / 12 * (m + n + 1 - tied)
    z = float((u - m * n / 2) / math.sqrt(variance)) if variance > 0 else 0.0
    return z, normal_below(z)


def normal_below(z: float) -> float:
    """Φ(z)."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def binomial_below(count: int, trials: int, share: float) -> float:
    """P(X ≤ count) for X ~ Binomial(trials, share), 0 < share < 1, summed from logarithms."""
    k = np.arange(count + 1)
    logs = [math.lgamma(trials + 1) - math.lgamma(i + 1) - math.lgamma(trials - i + 1) for i in range(count + 1)]
    terms = np.array(logs) + k * math.log(share) + (trials - k) * math.log1p(-share)
    return min(1.0, float(np.exp(terms).sum()))


def run_below(count: int, first: int, second: int) -> float:
    """P(the `count` least of first + second exchangeable values without ties all belong to the first).

    Π_{i < count} (first − i)/(first + second − i).
    """
    return math.prod((first - i) / (first + second - i) for i in range(count))
