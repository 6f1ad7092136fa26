"""The one way to an interval: right for a mean, and as often right as it says."""

import numpy as np
import pytest

from gan_np.metrics import frechet_of_gaussians, jackknife, kernel_distance
from gan_np.metrics.intervals import GROUPS, STUDENT


def test_of_a_mean_is_students_interval_of_group_means(rng: np.random.Generator) -> None:
    values = rng.normal(size=200)
    found = jackknife(lambda chosen: {"mean": values[chosen].mean()}, [200], seed=3)["mean"]
    assert found.value == values.mean()
    assert found.sizes == (200,)
    # With equal groups θ_b − θ̄ = −(mean of group b − mean)/(B − 1), so s² = Σ(group mean − mean)²/(B(B − 1)).
    left = [values[chosen[0]] for chosen in groups_left_out(200, seed=3)]
    means = np.array([(values.sum() - part.sum()) / (200 - len(part)) for part in left])
    half = STUDENT * np.sqrt(((means - values.mean()) ** 2).sum() / (GROUPS * (GROUPS - 1)))
    assert np.isclose(found.high - found.value, half)
    assert np.isclose(found.value - found.low, half)


def groups_left_out(size: int, seed: int):
    from gan_np.metrics.intervals import _left_out

    return list(_left_out([size], seed))


def test_groups_are_disjoint_and_cover_all() -> None:
    missing = [np.setdiff1d(np.arange(57), chosen[0]) for chosen in groups_left_out(57, seed=0)]
    assert sorted(np.concatenate(missing)) == list(range(57))
    assert {len(part) for part in missing} == {5, 6}


def test_groups_are_random_since_data_may_lie_sorted() -> None:
    values = np.arange(1000.0)
    expected = STUDENT * values.std() / np.sqrt(1000)
    halves = []
    for seed in range(5):
        found = jackknife(lambda chosen: {"mean": values[chosen].mean()}, [1000], seed=seed)["mean"]
        halves.append(found.high - found.value)
    assert 0.6 * expected < np.mean(halves) < 1.4 * expected  # groups cut in order would give ten times as much
    assert len(set(halves)) == 5


def test_student_is_the_quantile() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert abs(stats.t.ppf(0.975, GROUPS - 1) - STUDENT) < 1e-3


@pytest.mark.parametrize("statistic", ["mean", "kernel_distance", "frechet_distance"])
def test_covers_the_truth_as_often_as_it_says(statistic: str) -> None:
    """200 intervals; 95 % should hold the truth. Binomial: outside 89 to 99 % with probability below 0.2 %."""
    rng = np.random.default_rng(1)
    truth = {"mean": 0.5, "frechet_distance": 0.25 + (1.5 - 1) ** 2 / 3}.get(statistic)
    if statistic == "kernel_distance":
        truth = expected_kernel_distance()
    hits = 0
    for trial in range(200):
        real, other = rng.uniform(-1, 1, (150, 1)), rng.uniform(-1, 2, (150, 1))

        def of(rows: np.ndarray, others: np.ndarray, real=real, other=other) -> dict[str, float]:
            one, two = real[rows], other[others]
            if statistic == "mean":
                return {"figure": two.mean() - one.mean()}
            if statistic == "kernel_distance":
                return {"figure": kernel_distance(one, two)}
            covariances = [np.atleast_2d(np.cov(part.T)) for part in (one, two)]
            return {"figure": frechet_of_gaussians(one.mean(axis=0), covariances[0], two.mean(axis=0), covariances[1])}

        found = jackknife(of, (150, 150), seed=trial)["figure"]
        hits += found.low <= truth <= found.high
    assert 0.89 <= hits / 200 <= 0.99


def expected_kernel_distance() -> float:
    """MMD² of U(−1, 1) and U(−1, 2) under (ab + 1)³, from moments: Σ_j C(3, j)·(E[a^j] − E[b^j])²."""
    first, second = (
        [(high ** (j + 1) - (-1) ** (j + 1)) / ((j + 1) * (high + 1)) for j in range(4)] for high in (1, 2)
    )
    return sum(c * (a - b) ** 2 for c, a, b in zip([1, 3, 3, 1], first, second, strict=True))


def test_shares_stay_shares() -> None:
    def of(chosen: np.ndarray) -> dict[str, float]:
        return {"none": 0.0, "all": 1.0, "few": float((chosen < 2).mean())}

    found = jackknife(of, [300], shares=["none", "all", "few"])
    assert (found["none"].low, found["none"].high) == (0.0, 0.01)
    assert (found["all"].low, found["all"].high) == (0.99, 1.0)
    assert found["few"].low >= 0
    free = jackknife(of, [300])
    assert (free["none"].low, free["none"].high) == (0.0, 0.0)
    assert free["few"].low < 0


def test_refuses_fewer_members_than_groups() -> None:
    with pytest.raises(ValueError, match=r"sizes\[1\].*10.*got 9"):
        jackknife(lambda a, b: {"x": 0.0}, (10, 9))


def test_json_has_no_infinities() -> None:
    found = jackknife(lambda chosen: {"ratio": float("inf")}, [10])["ratio"].to_mapping()
    assert found == {"value": None, "low": None, "high": None, "sizes": [10]}
