"""Interpolation and arithmetic."""

import numpy as np
import pytest

from gan_np.checks import ShapeError
from gan_np.latent import combined, linear, spherical

SHARES = np.linspace(0, 1, 9)


def test_spherical_keeps_the_norm_and_goes_evenly(rng: np.random.Generator) -> None:
    first, second = rng.standard_normal((2, 64))
    second *= np.linalg.norm(first) / np.linalg.norm(second)
    path = spherical(first, second, SHARES)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linalg.norm(first), rtol=1e-12)
    np.testing.assert_allclose(path[[0, -1]], [first, second], atol=1e-12)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    assert np.linalg.norm(linear(first, second, SHARES), axis=1).min() < 0.9 * np.linalg.norm(first)


def test_spherical_between_norms(rng: np.random.Generator) -> None:
    first, second = rng.standard_normal(5), 3 * rng.standard_normal(5)
    lengths = np.linalg.norm(spherical(first, second, SHARES), axis=1)
    np.testing.assert_allclose(lengths, np.linspace(np.linalg.norm(first), np.linalg.norm(second), 9), rtol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-7, 1e-4, 1.0, 3.1])
def test_spherical_at_all_angles(angle: float) -> None:
    first, second = np.array([2.0, 0.0]), 2 * np.array([np.cos(angle), np.sin(angle)])
    expected = 2 * np.stack([np.cos(SHARES * angle), np.sin(SHARES * angle)], axis=1)
    np.testing.assert_allclose(spherical(first, second, SHARES), expected, atol=1e-8)


def test_no_shortest_path() -> None:
    with pytest.raises(ValueError, match="opposite"):
        spherical(np.array([1.0, 0.0]), np.array([-2.0, 0.0]), SHARES)
    with pytest.raises(ValueError, match="0"):
        spherical(np.zeros(2), np.ones(2), SHARES)


def test_linear(rng: np.random.Generator) -> None:
    first, second = rng.standard_normal((2, 3)).astype(np.float32)
    path = linear(first, second, np.array([0.0, 0.25, 1.0]))
    assert path.dtype == np.float32
    np.testing.assert_allclose(path, [first, 0.75 * first + 0.25 * second, second], rtol=1e-6)
    with pytest.raises(TypeError, match="dtype"):
        linear(first, second.astype(np.float64), SHARES)


def test_arithmetic() -> None:
    """Glasses added to one person are added to another."""
    person, other, glasses = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, 1.0])
    noise = np.array([[0.1, 0, 0], [-0.1, 0, 0]])
    found = combined([person + glasses + noise, other + noise], [person + noise])
    np.testing.assert_allclose(found, other + glasses, atol=1e-12)
    np.testing.assert_allclose(combined([person[None]]), person)
    with pytest.raises(ValueError, match="groups"):
        combined([person[None]], [np.zeros((1, 2))])


def test_lists_are_points_and_one_share_is_none() -> None:
    np.testing.assert_array_equal(linear([0.0, 2.0], [2.0, 0.0], [0.5]), [[1.0, 1.0]])
    np.testing.assert_array_equal(combined([[[1.0, 2.0]], [[1.0, 0.0]]]), [2.0, 2.0])
    for path in (linear, spherical):
        with pytest.raises(ShapeError, match=r"shares: expected .* as a list \(T,\), .*, got 3$"):
            path(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3)
