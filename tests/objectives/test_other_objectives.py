"""Least squares, hinge, Wasserstein: values written out, gradients against finite differences, fixed points."""

import numpy as np
import pytest

import gan_np as gn


@pytest.mark.parametrize(
    ("objective", "part", "value"),
    [
        (gn.objectives.LeastSquares(), "real", lambda s: 0.5 * np.mean((s - 1) ** 2)),
        (gn.objectives.LeastSquares(), "fake", lambda s: 0.5 * np.mean(s**2)),
        (gn.objectives.LeastSquares(), "generator", lambda s: 0.5 * np.mean((s - 1) ** 2)),
        (gn.objectives.Hinge(), "real", lambda s: np.mean(np.maximum(0, 1 - s))),
        (gn.objectives.Hinge(), "fake", lambda s: np.mean(np.maximum(0, 1 + s))),
        (gn.objectives.Hinge(), "generator", lambda s: -np.mean(s)),
        (gn.objectives.Wasserstein(), "real", lambda s: -np.mean(s)),
        (gn.objectives.Wasserstein(), "fake", lambda s: np.mean(s)),
        (gn.objectives.Wasserstein(), "generator", lambda s: -np.mean(s)),
    ],
    ids=lambda value: getattr(value, "__class__", type(value)).__name__ if not isinstance(value, str) else value,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_value_and_gradient(objective, part, value, dtype):
    s = (2 * np.random.default_rng(0).standard_normal((7, 1))).astype(dtype)
    loss = getattr(objective, part)(s)
    assert float(loss.value) == pytest.approx(value(s.astype(np.float64)), rel=1e-6)
    assert loss.gradient.shape == s.shape
    assert loss.gradient.dtype == dtype
    for index in range(7):
        sides = []
        for sign in (1, -1):
            moved = s.astype(np.float64)
            moved[index, 0] += sign * 1e-6
            sides.append(value(moved))
        assert loss.gradient[index, 0] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_least_squares_optimum_is_the_share_of_real_density():
    """At one x with densities p and q the best score minimises p(s−1)² + q·s²: s* = p/(p+q), as D* of the first paper."""
    p, q = 3.0, 1.0
    s = np.full((4, 1), p / (p + q))
    total = p * gn.objectives.LeastSquares().real(s).gradient + q * gn.objectives.LeastSquares().fake(s).gradient
    np.testing.assert_allclose(total, 0, atol=1e-15)


def test_boundaries():
    assert gn.objectives.LeastSquares().boundary == 0.5
    for name, objective in {name: gn.objectives.OBJECTIVES[name]() for name in gn.objectives.OBJECTIVES}.items():
        compares = name in ("wasserstein", "relativistic", "relativistic-average")
        assert objective.boundary == (None if compares else 0.5 if name == "least-squares" else 0)
        assert objective.needs_constraint == (name == "wasserstein")
