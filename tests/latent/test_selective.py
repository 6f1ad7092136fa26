"""`selective`: its gradient against finite differences, and what it finds where the answer is known."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.latent.selective import _Composed, _Objective
from gan_np.models.prior import Prior


def linear_gan(dim: int = 3) -> gn.GAN:
    """A generator whose image is z itself in the first `dim` pixels of four."""
    g = gn.Network(gn.Sequential(gn.Dense(4, bias=False), gn.Reshape(2, 2, 1)), (dim,), seed=0, dtype=np.float64)
    g.parameters.assign(np.eye(dim, 4).ravel())
    d = gn.Network(gn.Sequential(gn.Flatten(), gn.Dense(1)), (2, 2, 1), seed=1, dtype=np.float64)
    return gn.GAN(g, d, Prior(dim), "-1..1")


def linear_reader(weight: np.ndarray) -> gn.Network:
    """Factors that are linear in the pixels: image (4,) times weight (4, F)."""
    structure = gn.Sequential(gn.Flatten(), gn.Dense(weight.shape[1], bias=False))
    read = gn.Network(structure, (2, 2, 1), seed=0, dtype=np.float64)
    read.parameters.assign(weight.ravel())
    return read


def test_the_gradient_agrees_with_finite_differences() -> None:
    """Through G and the reader, with a factor of two columns."""
    gan = gn.models.dcgan(image_shape=(8, 8, 1), latent_dim=6, width=4, seed=0, dtype=np.float64)
    structure = gn.Sequential(gn.Flatten(), gn.Dense(7, activation="tanh"), gn.Dense(4))
    composed = _Composed(gan, gn.Network(structure, (8, 8, 1), seed=3, dtype=np.float64), average=True)
    z = gan.prior.of_seed(0, 16, np.dtype(np.float64))
    member, spread = np.array([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]), np.array([0.3, 0.2, 0.5])
    objective = _Objective(composed, member, spread, 1, 2.0)
    u = np.random.default_rng(0).standard_normal(6)
    _, slope = objective(z, u)
    numerical = [(objective(z, u + 1e-6 * e)[0] - objective(z, u - 1e-6 * e)[0]) / 2e-6 for e in np.eye(6)]
    np.testing.assert_allclose(slope, numerical, rtol=1e-6, atol=1e-8)


def test_the_value_is_the_formula() -> None:
    """Of linear factors: tall = z₀ + z₁ moves by 2s(u₀ + u₁), wide = z₁ by t·u₁."""
    composed = _Composed(linear_gan(), linear_reader(np.array([[1.0, 0], [1, 1], [0, 0], [0, 0]])), average=True)
    u, s = np.array([0.8, 0.6, 0]), 2.0
    value, _ = _Objective(composed, np.eye(2), np.array([2.0, 1.0]), 0, s)(np.ones((3, 3)), u)
    held = np.mean([(t * u[1]) ** 2 for t in (-s, -s / 2, s / 2, s)]) / 2
    assert value == pytest.approx(np.log(held) - 1.5 * np.log((2 * s * (u[0] + u[1])) ** 2 / 4))


def test_it_leaves_the_other_factor_where_a_regression_does_not() -> None:
    """tall = z₀ + z₁, wide = z₁: only along z₀ does the first grow while the second stays."""
    weight = np.array([[1.0, 0], [1, 1], [0, 0], [0, 0]])
    gan = linear_gan()
    z = gan.prior.of_seed(5, 2000, np.dtype(np.float64))
    start = gn.latent.by_property("tall", z, z[:, 0] + z[:, 1])
    assert abs(start.vector[1]) > 0.6
    found = gn.latent.selective(gan, linear_reader(weight), ["tall", "wide"], "tall", start=start)
    np.testing.assert_allclose(np.abs(found.vector[:2]), [1, 0], atol=0.05)
    assert "holding wide" in found.source


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": "long"}, "factor"),
        ({"factors": ["tall", "wide", "high"]}, "read: expected a network"),
        ({"factors": ["tall=a", "tall=b"]}, "factors: expected at least two.* got tall"),
        ({"factors": ["tall"]}, "factors: expected at least two.* got tall"),
        ({"factors": ["tall", "tall"]}, "factors: 'tall' is given twice"),
        ({"start": np.ones(3)}, "start: expected a Direction, got ndarray"),
        ({"start": gn.latent.axis(2, 3)}, "start: moving along it does not change the factor"),
        ({"at": np.full((2, 3), np.nan)}, "at: 6 of 6 values are NaN"),
        ({"at": [[0, 0]]}, r"at: expected points \(N, 3\), got \(1, 2\)"),
        ({"at": "here"}, "at: expected a NumPy array"),
        ({"start": gn.latent.axis(0, 2)}, "start: expected a direction of 3"),
        ({"at": np.zeros((1, 2))}, "at: expected points"),
        ({"iterations": 0}, "iterations"),
        ({"step": 0.0}, "step"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    """Each message names its argument."""
    weight = np.array([[1.0, 0], [1, 1], [0, 0], [0, 0]])
    arguments = {"factors": ["tall", "wide"], "factor": "tall", "start": gn.latent.axis(0, 3)} | change
    with pytest.raises((ValueError, TypeError), match=message):
        gn.latent.selective(linear_gan(), linear_reader(weight), **arguments)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error")
def test_points_may_be_a_list_and_a_start_that_holds_all_else_stays() -> None:
    """Along z₀ the other factor does not change, so that the logarithm of its change has no slope."""
    weight = np.array([[1.0, 0], [1, 1], [0, 0], [0, 0]])
    arguments = (linear_gan(), linear_reader(weight), ["tall", "wide"], "tall")
    found = gn.latent.selective(*arguments, start=gn.latent.axis(0, 3), at=[[0, 0, 0]], iterations=3)
    np.testing.assert_allclose(found.vector, [1, 0, 0], atol=0.2)


def test_a_factor_that_never_changes_is_named() -> None:
    """The reader gives 0 for wide."""
    weight = np.array([[1.0, 0], [1, 0], [0, 0], [0, 0]])
    with pytest.raises(ValueError, match="'wide' is the same in all samples"):
        gn.latent.selective(linear_gan(), linear_reader(weight), ["tall", "wide"], "tall", start=gn.latent.axis(0, 3))
