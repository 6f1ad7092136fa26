"""Rank and count statistics against SciPy."""

import numpy as np
import pytest
from scipy import stats

from gan_np.metrics.ranks import holm, hypergeometric_below, mann_whitney, normal_below, normal_two_sided, run_below


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


def test_normal_on_both_sides() -> None:
    assert normal_two_sided(-2.5) == normal_two_sided(2.5) == pytest.approx(2 * stats.norm.cdf(-2.5), rel=1e-9)
    assert normal_two_sided(0.0) == 1


@pytest.mark.parametrize(
    ("count", "draws", "marked", "total"),
    [(0, 500, 200, 10000), (7, 500, 200, 10000), (90, 1000, 100, 1000), (4, 5, 3, 6), (1, 5, 3, 6), (3, 5, 3, 6)],
)
def test_hypergeometric(count: int, draws: int, marked: int, total: int) -> None:
    expected = stats.hypergeom.cdf(count, total, marked, draws)
    assert hypergeometric_below(count, draws, marked, total) == pytest.approx(expected, rel=1e-8)


def test_holm(rng: np.random.Generator) -> None:
    """By hand, and the level that it keeps: of four true hypotheses one is refused in at most 5 of 100 cases."""
    found = holm({"a": 0.04, "b": 0.01, "c": 0.03, "d": 0.9})
    assert found == pytest.approx({"a": 0.09, "b": 0.04, "c": 0.09, "d": 0.9})
    assert list(found) == ["a", "b", "c", "d"]
    families = [holm(dict(zip("abcd", values, strict=True))) for values in rng.random((4000, 4)).tolist()]
    assert 0.03 < np.mean([min(family.values()) < 0.05 for family in families]) < 0.065


def test_run_of_the_least(rng: np.random.Generator) -> None:
    """Exchangeable values: how often the three least of 5 + 6 all belong to the first five."""
    orders = rng.permuted(np.tile(np.arange(11), (20000, 1)), axis=1)
    share = np.array([set(range(3)) <= set(row[:5]) for row in orders])
    assert run_below(3, 5, 6) == pytest.approx(5 * 4 * 3 / (11 * 10 * 9))
    assert share.mean() == pytest.approx(run_below(3, 5, 6), abs=0.006)
    assert run_below(0, 5, 6) == 1
