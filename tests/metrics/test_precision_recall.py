"""Precision, recall, density, coverage: by hand, by loops, by the paper's closed forms."""

import tracemalloc

import numpy as np
import pytest

import gan_np as gn
from gan_np.metrics import PRDC, precision_recall_density_coverage
from gan_np.metrics import distances as blocks


def by_loops(real: np.ndarray, generated: np.ndarray, k: int) -> PRDC:
    """The definitions, one point at a time."""

    def radius(points: np.ndarray, i: int) -> float:
        return sorted(np.linalg.norm(points[i] - other) for j, other in enumerate(points) if j != i)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    radii = [radius(generated, i) for i in range(len(generated))]
    inside = np.array([[np.linalg.norm(x - y) < r for y in generated] for x, r in zip(real, real_radii, strict=True)])
    backward = np.array([[np.linalg.norm(x - y) < r for y, r in zip(generated, radii, strict=True)] for x in real])
    return PRDC(
        float(inside.any(axis=0).mean()),
        float(backward.any(axis=1).mean()),
        inside.sum() / (k * len(generated)),
        float(inside.any(axis=1).mean()),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_as_the_definitions(k: int, rng: np.random.Generator) -> None:
    real, generated = rng.normal(size=(40, 3)), rng.normal(0.7, 0.8, (30, 3))
    found = precision_recall_density_coverage(real, generated, neighbours=k)
    assert np.allclose(found, by_loops(real, generated, k), atol=1e-12)
    assert 0 < found.precision < 1


def test_by_hand() -> None:
    """On a line, k = 1: real 0, 1, 10 have radii 1, 1, 9; generated 0.5, 2.5, 30 have radii 2, 2, 27.5."""
    real, generated = (np.array(points)[:, None] for points in ([0.0, 1.0, 10.0], [0.5, 2.5, 30.0]))
    found = precision_recall_density_coverage(real, generated, neighbours=1)
    # 0.5 lies in the balls of 0 and 1; 2.5 in that of 10 only; 30 in none.
    assert np.allclose(found, (2 / 3, 1.0, 3 / 3, 1.0))  # 30's ball reaches 10, as an outlier's does


def test_identical_and_disjoint_sets(rng: np.random.Generator) -> None:
    real = rng.normal(size=(60, 4))
    same = precision_recall_density_coverage(real, real.copy())
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert same.density >= 1
    assert precision_recall_density_coverage(real, real + 1000) == (0, 0, 0, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 0.1, 3.7, 1e4])
def test_identical_sets_of_equal_points(size: float, dtype: type, rng: np.random.Generator) -> None:
    """A collapsed generator and constant features: all distances are 0, and 0 lies in a ball of radius 0."""
    constant = np.full((30, 64), size, dtype)
    row = np.repeat((size * rng.normal(size=(1, 64))).astype(dtype), 30, axis=0)
    for points in (constant, row):
        assert precision_recall_density_coverage(points, points.copy()) == (1, 1, 30 / 5, 1)
        assert precision_recall_density_coverage(points, points + dtype(1 + size)) == (0, 0, 0, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("features", [3, 2048])
def test_doubles(features: int, dtype: type, rng: np.random.Generator) -> None:
    """Ten of each of 20 points: every ball has radius 0, and holds the ten doubles in the other set."""
    distinct = (100 * rng.normal(size=(20, features)) + 1000).astype(dtype)
    real, generated = distinct[np.arange(200) % 20], distinct[np.arange(200) // 10]
    assert precision_recall_density_coverage(real, generated) == (1, 1, 10 / 5, 1)
    half = distinct[np.arange(200) % 10]
    assert precision_recall_density_coverage(real, half) == (1, 0.5, 10 / 5, 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_a_border_that_is_met_exactly_is_inside(seed: int) -> None:
    """Features of a ReLU have many points that are equal, and distances that are: all four figures as exact sums give
    them."""
    rng = np.random.default_rng(seed)
    real, generated = (np.maximum(rng.normal(-1, 1, (200, 5)), 0).astype(np.float32) for _ in range(2))
    generated[:60] = real[:60]
    real[100:110] = real[99]
    squares = [
        ((x[:, None].astype(float) - y) ** 2).sum(-1)
        for x, y in ((real, real), (generated, generated), (real, generated))
    ]
    radii, other = (np.sort(block, axis=1)[:, 5] for block in squares[:2])
    inside, backward = squares[2] <= radii[:, None], squares[2] <= other
    expected = inside.any(0).mean(), backward.any(1).mean(), inside.sum() / (5 * 200), inside.any(1).mean()
    assert precision_recall_density_coverage(real, generated) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("features", [1, 16])
def test_expected_density_and_coverage_of_equal_distributions(features: int) -> None:
    """Naeem et al.: E[density] = 1, E[coverage] = 1 − Π (N − i)/(M + N − i) for i = 1…k, whatever the distribution."""
    rng = np.random.default_rng(0)
    n, m, k = 100, 50, 3
    found = np.array(
        [
            precision_recall_density_coverage(
                rng.normal(size=(n, features)), rng.normal(size=(m, features)), neighbours=k
            )
            for _ in range(150)
        ]
    )
    expected = 1 - np.prod([(n - i) / (m + n - i) for i in range(1, k + 1)])
    error = found.std(axis=0) / np.sqrt(len(found))
    assert abs(found[:, 2].mean() - 1) < 4 * error[2]
    assert abs(found[:, 3].mean() - expected) < 4 * error[3]
    assert error.max() < 0.02


def test_an_outlier_deceives_precision_and_not_density(rng: np.random.Generator) -> None:
    """The example by which the authors introduce density: one far real point whose ball holds all generated ones."""
    real = np.concatenate([rng.normal(size=(99, 2)), [[40.0, 0.0]]])
    generated = rng.normal(30, 0.1, (100, 2))
    found = precision_recall_density_coverage(real, generated)
    assert found.precision == 1
    assert found.density < 0.25
    assert found.coverage <= 0.01


def test_a_missing_mode_costs_recall_and_coverage(rng: np.random.Generator) -> None:
    real = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(50, 1, (100, 2))])
    found = precision_recall_density_coverage(real, rng.normal(0, 1, (200, 2)))
    assert found.precision > 0.9
    assert found.recall < 0.55
    assert found.coverage < 0.55


def test_blocks_change_nothing_and_bound_memory(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = (rng.normal(size=(2000, 8)).astype(np.float32) for _ in range(2))
    whole = precision_recall_density_coverage(real, generated)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 18)
    tracemalloc.start()
    try:
        small = precision_recall_density_coverage(real, generated)
        assert tracemalloc.get_traced_memory()[1] < 2e6  # the whole matrix would be 16 MB
    finally:
        tracemalloc.stop()
    assert np.allclose(whole, small, atol=2e-3)


def test_distances_far_from_the_origin(rng: np.random.Generator) -> None:
    one, two = (rng.normal(1e4, 1, (20, 6)).astype(np.float32) for _ in range(2))
    exact = ((one.astype(float)[:, None] - two.astype(float)[None]) ** 2).sum(axis=2)
    found = np.concatenate([block for _, block in blocks.squared_distances(one, two)])
    assert np.allclose(found, exact, rtol=1e-4, atol=1e-3)


def test_refusals(rng: np.random.Generator) -> None:
    real = rng.normal(size=(10, 2))
    with pytest.raises(ValueError, match=r"generated.*more than 5 points, got 5"):
        precision_recall_density_coverage(real, real[:5])
    with pytest.raises(gn.ShapeError, match="features"):
        precision_recall_density_coverage(real, rng.normal(size=(10, 3)))
    with pytest.raises(ValueError, match="NaN"):
        precision_recall_density_coverage(real, np.full((10, 2), np.nan))
    with pytest.raises(TypeError, match="floats"):
        precision_recall_density_coverage(real, np.zeros((10, 2), int))
