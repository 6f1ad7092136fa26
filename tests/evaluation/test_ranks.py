"""Rank and count statistics against SciPy."""

import numpy as np
import pytest
from scipy import stats

from gan_np.evaluation.ranks import binomial_below, mann_whitney, normal_below, run_below


@pytest.mark.parametrize("ties", [False, True])
def test_mann_whitney(ties: bool, rng: np.random.Generator) -> None:
    first, second = rng.standard_normal(40), 0.4 + rng.standard_normal(30)
    if ties:
        first, second = first.round(), second.round()
    z, p = mann_whitney(first, second)
    expected = stats.mannwhitneyu(first, second, alternative="less", method="asymptotic", use_continuity=False)
    assert p == pytest.approx(expected.pvalue, rel=1e-9)
    assert z == pytest.approx(stats.norm.ppf(expected.pvalue), rel=1e-9)


def test_all_values_equal() -> None:
    assert mann_whitney(np.ones(12), np.ones(11)) == (0.0, 0.5)


def test_normal_far_out() -> None:
    assert normal_below(-30.0) == pytest.approx(stats.norm.cdf(-30.0), rel=1e-9)


@pytest.mark.parametrize(("count", "trials", "share"), [(0, 500, 0.02), (7, 500, 0.02), (90, 1000, 0.1), (5, 5, 0.3)])
def test_binomial(count: int, trials: int, share: float) -> None:
    assert binomial_below(count, trials, share) == pytest.approx(stats.binom.cdf(count, trials, share), rel=1e-9)


def test_run_of_the_least(rng: np.random.Generator) -> None:
    """Exchangeable values: how often the three least of 5 + 6 all belong to the first five."""
    orders = rng.permuted(np.tile(np.arange(11), (20000, 1)), axis=1)
    share = np.array([set(range(3)) <= set(row[:5]) for row in orders])
    assert run_below(3, 5, 6) == pytest.approx(5 * 4 * 3 / (11 * 10 * 9))
    assert share.mean() == pytest.approx(run_below(3, 5, 6), abs=0.006)
    assert run_below(0, 5, 6) == 1
