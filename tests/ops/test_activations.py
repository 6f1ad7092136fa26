"""Activations: values, names, slopes."""

import numpy as np
import pytest
from scipy import special

from gan_np import Activation, ops

X = np.array([-30.0, -2.0, -0.5, 0.0, 0.25, 1.0, 30.0])
FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "tanh": np.tanh,
    "sigmoid": special.expit,
}


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values(kind, dtype):
    y, _ = ops.activate(X.astype(dtype), kind)
    np.testing.assert_allclose(y, FORMULAS[kind](X), rtol=1e-6, atol=1e-7 if dtype == np.float32 else 1e-15)


@pytest.mark.parametrize("kind", FORMULAS)
def test_bias_is_added_along_the_last_axis(kind, rng):
    x, bias = rng.standard_normal((2, 3, 5)), rng.standard_normal(5)
    np.testing.assert_allclose(ops.activate(x, kind, bias=bias)[0], FORMULAS[kind](x + bias), rtol=1e-12, atol=1e-15)


def test_another_slope():
    y, pullback = ops.activate(X, Activation("leaky_relu", 0.01))
    np.testing.assert_allclose(y, np.where(X > 0, X, 0.01 * X))
    np.testing.assert_allclose(pullback(np.ones_like(X))[0], np.where(X > 0, 1, 0.01))


def test_names():
    assert ops.activation(None) == Activation("linear")
    assert ops.activation("leaky_relu") == Activation("leaky_relu", 0.2)
    assert ops.activation(Activation("leaky_relu", 0.1)).slope == 0.1
    with pytest.raises(
        ValueError, match=r"activation: expected one of .*, got 'leaky' \(did you mean 'leaky_relu'\?\)"
    ):
        ops.activation("leaky")
    with pytest.raises(ValueError, match="activation: expected one of"):
        ops.activation(Activation("swish"))


@pytest.mark.parametrize("slope", [0.0, -0.1, 1.0, 2.0, float("nan")])
def test_slopes_that_the_outputs_sign_cannot_tell(slope):
    with pytest.raises(ValueError, match="slope: expected"):
        ops.activation(Activation("leaky_relu", slope))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softplus(dtype):
    s = np.array([-1000.0, -20, -1, 0, 1, 20, 1000], dtype)
    y, pullback = ops.softplus(s)
    np.testing.assert_allclose(y, np.logaddexp(0, s.astype(np.float64)), rtol=1e-6)
    (ds,) = pullback(np.ones_like(s))
    np.testing.assert_allclose(ds, special.expit(s.astype(np.float64)), rtol=1e-6)


def test_maxout_over_neighbouring_features(rng):
    x = rng.standard_normal((2, 3, 3, 8))
    y, pullback = ops.maxout(x, 4)
    np.testing.assert_array_equal(y, x.reshape(2, 3, 3, 2, 4).max(axis=-1))
    (dx,) = pullback(np.ones_like(y))
    np.testing.assert_array_equal(dx.reshape(2, 3, 3, 2, 4).sum(axis=-1), 1)
    np.testing.assert_array_equal(dx != 0, x == np.repeat(y, 4, axis=-1))


def test_maxout_arguments(rng):
    with pytest.raises(ValueError, match="not a multiple of pieces=3"):
        ops.maxout(rng.standard_normal((2, 8)), 3)
    with pytest.raises(ValueError, match="pieces: expected an integer of at least 1 and at most 255, got 256"):
        ops.maxout(rng.standard_normal((2, 256)), 256)
