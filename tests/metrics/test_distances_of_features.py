"""Fréchet and kernel distance and Vendi score: closed forms, and what must not be overlooked."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.metrics import frechet_distance, frechet_of_gaussians, kernel_distance, sliced_wasserstein, vendi_score
from gan_np.metrics import kernel_distance as module_function


def test_frechet_of_two_known_gaussians() -> None:
    """Commuting covariances: d² = ‖Δμ‖² + Σ (√λ₁ − √λ₂)²."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    one, two = (turn @ np.diag(values) @ turn.T for values in ([4.0, 1.0, 9.0], [1.0, 1.0, 16.0]))
    found = frechet_of_gaussians(np.array([1.0, 0, 0]), one, np.array([0.0, 2.0, 0]), two)
    assert np.isclose(found, 5 + (2 - 1) ** 2 + 0 + (3 - 4) ** 2)


def test_frechet_of_covariances_that_do_not_commute(rng: np.random.Generator) -> None:
    """Against the square root of the product itself, by SciPy."""
    linalg = pytest.importorskip("scipy.linalg")
    one, two = (part @ part.T for part in rng.normal(size=(2, 5, 5)))
    expected = np.trace(one) + np.trace(two) - 2 * np.trace(linalg.sqrtm(one @ two)).real
    zero = np.zeros(5)
    assert np.isclose(frechet_of_gaussians(zero, one, zero, two), expected)
    assert np.isclose(frechet_of_gaussians(zero, two, zero, one), expected)
    # Dropping the square root of one factor, a common slip, is another number.
    assert not np.isclose(expected, np.trace(one) + np.trace(two) - 2 * np.trace(linalg.sqrtm(one)).real)


def test_frechet_of_singular_covariances() -> None:
    one, two = np.diag([1.0, 0.0]), np.diag([0.0, 4.0])
    zero = np.zeros(2)
    assert np.isclose(frechet_of_gaussians(zero, one, zero, two), 5)
    assert frechet_of_gaussians(zero, one, zero, one) == pytest.approx(0, abs=1e-12)


def test_frechet_of_samples(rng: np.random.Generator) -> None:
    real = rng.normal(size=(500, 3))
    assert frechet_distance(real, real) < 1e-12
    assert np.isclose(frechet_distance(real, real + np.array([1, 2, 3])), 14)
    assert np.isclose(frechet_distance(real, 3 * real), frechet_distance(3 * real, real))
    constant = np.full((10, 3), 5.0)
    assert np.isclose(frechet_distance(real, constant), ((real.mean(0) - 5) ** 2).sum() + np.cov(real.T).trace())


def by_square_roots(real: np.ndarray, generated: np.ndarray) -> float:
    """The formula of the docstring as it stands, by F × F matrices."""
    means = [part.mean(axis=0) for part in (real, generated)]
    one, two = (np.cov(part, rowvar=False) for part in (real, generated))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0)).sum()
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(one + two) - 2 * cross)


@pytest.mark.parametrize("sizes", [(12, 15), (3, 400), (400, 3), (60, 80), (25, 24), (2, 2)])
def test_frechet_is_the_formula_with_fewer_points_than_features_and_with_more(
    sizes: tuple[int, int], rng: np.random.Generator
) -> None:
    """24 features, correlated, the last one 0 as a ReLU's may be."""
    mixed = rng.normal(size=(24, 24)) * (np.arange(24) < 23)
    real, generated = (shift + rng.normal(size=(size, 24)) @ mixed for size, shift in zip(sizes, (0, 1), strict=True))
    assert frechet_distance(real, generated) == pytest.approx(by_square_roots(real, generated), rel=1e-6)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-10 * np.trace(mixed @ mixed.T))


def test_few_points_need_no_matrix_of_all_features(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """The time of F × F matrices' eigenvalues is F³, however few points there are."""

    def refused(matrix: np.ndarray, real=np.linalg.eigvalsh) -> np.ndarray:
        assert len(matrix) <= 20
        return real(matrix)

    monkeypatch.setattr(np.linalg, "eigvalsh", refused)
    real, generated = rng.normal(size=(20, 300)), rng.normal(size=(18, 300))
    assert frechet_distance(real, generated) > 0
    assert vendi_score(real) > 15
    with pytest.raises(AssertionError):
        frechet_of_gaussians(real[0], np.eye(300), real[1], np.eye(300))


def test_frechet_is_biased_upwards_by_few_samples() -> None:
    rng = np.random.default_rng(0)
    means = [np.mean([frechet_distance(*rng.normal(size=(2, size, 8))) for _ in range(30)]) for size in (20, 80, 320)]
    assert means[0] > 2 * means[1] > 4 * means[2] > 0


def by_pairs(real: np.ndarray, generated: np.ndarray) -> float:
    def mean(one: np.ndarray, two: np.ndarray, own: bool) -> float:
        values = [
            (float(a @ b) / len(a) + 1) ** 3
            for i, a in enumerate(one)
            for j, b in enumerate(two)
            if not (own and i == j)
        ]
        return float(np.mean(values))

    return mean(real, real, True) + mean(generated, generated, True) - 2 * mean(real, generated, False)


def test_kernel_distance_as_the_definition(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = rng.normal(size=(30, 4)), rng.normal(0.3, 1.2, (20, 4))
    assert np.isclose(kernel_distance(real, generated), by_pairs(real, generated))
    module = __import__(module_function.__module__, fromlist=["BLOCK_BYTES"])
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    assert np.isclose(kernel_distance(real, generated), by_pairs(real, generated))


def test_kernel_distance_is_unbiased() -> None:
    """Of equal distributions about 0, as often below as above; the estimate with each point's pair with itself is not."""
    rng = np.random.default_rng(0)
    found, biased = [], []
    for _ in range(400):
        real, generated = rng.normal(size=(2, 25, 4))
        found.append(kernel_distance(real, generated))
        own = sum(((part**2).sum(axis=1) / 4 + 1) ** 3 for part in (real, generated))
        biased.append(found[-1] + own.mean() / 25)
    error = np.std(found) / 20
    assert abs(np.mean(found)) < 4 * error
    assert np.mean(biased) > 4 * error
    assert 0.4 < np.mean(np.array(found) < 0) < 0.75


def test_vendi_counts_what_is_different(rng: np.random.Generator) -> None:
    assert vendi_score(np.eye(7)) == pytest.approx(7)
    assert vendi_score(np.repeat(np.eye(3), 10, axis=0)) == pytest.approx(3)
    assert vendi_score(np.ones((50, 4)) * rng.uniform(1, 2, (50, 1))) == pytest.approx(1)
    # Points at 0 have no cosine, but equal points count as one: dead features of a collapsed generator are no variety.
    assert vendi_score(np.zeros((4, 3))) == pytest.approx(1)
    assert vendi_score(np.concatenate([np.zeros((4, 3)), np.ones((4, 3))])) == pytest.approx(2)
    rows = rng.normal(size=(12, 5))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / 12)  # the definition, by the N × N matrix
    values = values[values > 1e-12]
    assert vendi_score(rows) == pytest.approx(np.exp(-(values * np.log(values)).sum()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 0.1, 3.7, 100.0])
def test_constant_features(size: float, dtype: type, rng: np.random.Generator) -> None:
    """Two equal sets of one point again and again: distances 0 to rounding, though k(x, x) may be 10¹²."""
    row = (size * rng.normal(size=(1, 128))).astype(dtype)
    points = np.repeat(row, 50, axis=0)
    of_pair = (float((row.astype(float) ** 2).mean()) + 1) ** 3
    assert frechet_distance(points, points.copy()) == pytest.approx(0, abs=1e-9 * of_pair)
    assert kernel_distance(points, points.copy()) == pytest.approx(0, abs=1e-13 * of_pair)
    assert vendi_score(points) == pytest.approx(1)


def test_kernel_distance_of_float32_is_that_of_the_same_numbers(rng: np.random.Generator) -> None:
    """Features of some size, as ReLU gives: summed in float32 the figure was off by more than real sets differ."""
    real, generated = (rng.normal(20, 1, (300, 16)).astype(np.float32) for _ in range(2))
    exact = kernel_distance(real.astype(np.float64), generated.astype(np.float64))
    assert kernel_distance(real, generated) == exact


@pytest.mark.parametrize("metric", [frechet_distance, kernel_distance])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite(metric, bad: float, rng: np.random.Generator) -> None:
    features = rng.normal(size=(5, 2))
    spoiled = features.copy()
    spoiled[3, 1] = bad
    with pytest.raises(ValueError, match=r"generated: 1 of 10 values are NaN or infinite"):
        metric(features, spoiled)
    with pytest.raises(ValueError, match="features: 1 of 10"):
        vendi_score(spoiled)
    with pytest.raises(ValueError, match="second: 1 of 10"):
        sliced_wasserstein(features, spoiled)
    with pytest.raises(ValueError, match="other_covariance: 1 of 4"):
        frechet_of_gaussians(np.zeros(2), np.eye(2), np.zeros(2), np.array([[1.0, 0], [0, bad]]))


@pytest.mark.parametrize("metric", [frechet_distance, kernel_distance])
def test_refusals(metric, rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="at least 2 points, got 1"):
        metric(rng.normal(size=(5, 2)), rng.normal(size=(1, 2)))
    with pytest.raises(gn.ShapeError):
        metric(rng.normal(size=(5, 2)), rng.normal(size=(5, 3)))
    with pytest.raises(TypeError, match="real"):
        metric([[1.0]], rng.normal(size=(5, 1)))
