"""Probabilities of rank and count statistics, without a statistics library."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
    """Return Φ(z), the standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_two_sided(z: float) -> float:
    """Return P(|Z| ≥ |z|) of a standard normal Z."""
    return math.erfc(abs(z) / math.sqrt(2))


def hypergeometric_below(count: int, draws: int, marked: int, total: int) -> float:
    """P(X ≤ count), X the number of marked ones among `draws` of `total` drawn without replacement, `marked` of them marked.

    >>> round(hypergeometric_below(0, 2, 1, 4), 12)
    0.5
    """
    least = max(0, draws + marked - total)
    whole = _log_choose(total, draws)
    terms = [
        math.exp(_log_choose(marked, k) + _log_choose(total - marked, draws - k) - whole)
        for k in range(least, min(count, draws, marked) + 1)
    ]
    return min(1.0, math.fsum(terms))


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values of several tests, adjusted: those below a level may all be believed at that level (Holm 1979).

    Of m sorted values the i-th (from 0) is multiplied by m − i, and none is less than the one before it. For tests that
    depend on each other in any way.

    >>> holm({"one": 0.01, "two": 0.3, "three": 0.02})
    {'one': 0.03, 'two': 0.3, 'three': 0.04}
    """
    adjusted, highest = {}, 0.0
    for index, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - index) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def run_below(count: int, first: int, second: int) -> float:
    """P(the `count` least of first + second exchangeable values without ties all belong to the first).

    Π_{i < count} (first − i)/(first + second − i).
    """
    return math.prod((first - i) / (first + second - i) for i in range(count))
