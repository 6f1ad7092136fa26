"""The fused optimiser steps on flat arrays: formulas and errors. (Against PyTorch: tests/test_torch_parity.py.)"""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops


@pytest.fixture
def theta(rng):
    return rng.standard_normal(12)


@pytest.fixture
def gradient(rng):
    return rng.standard_normal(12)


def test_sgd(theta, gradient):
    before = theta.copy()
    ops.sgd(theta, gradient, learning_rate=0.1)
    np.testing.assert_allclose(theta, before - 0.1 * gradient, rtol=1e-14)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(theta, gradient, nesterov, rng):
    before, velocity = theta.copy(), rng.standard_normal(12)
    moved = 0.9 * velocity + gradient
    ops.sgd(theta, gradient, velocity, learning_rate=0.1, momentum=0.9, nesterov=nesterov)
    np.testing.assert_allclose(velocity, moved, rtol=1e-14)
    np.testing.assert_allclose(theta, before - 0.1 * (gradient + 0.9 * moved if nesterov else moved), rtol=1e-13)


def test_adam_first_step_has_the_size_of_the_learning_rate(theta, gradient):
    before = theta.copy()
    first, second = np.zeros(12), np.zeros(12)
    ops.adam(theta, gradient, first, second, 1, learning_rate=0.01, epsilon=1e-12)
    np.testing.assert_allclose(before - theta, 0.01 * np.sign(gradient), rtol=1e-9)


def test_adam_formula(theta, gradient, rng):
    before, first, second = theta.copy(), rng.standard_normal(12), rng.random(12)
    m, v = 0.5 * first + 0.5 * gradient, 0.99 * second + 0.01 * gradient**2
    ops.adam(theta, gradient, first, second, 7, learning_rate=0.01, beta1=0.5, beta2=0.99, epsilon=1e-3)
    step = 0.01 * (m / (1 - 0.5**7)) / (np.sqrt(v / (1 - 0.99**7)) + 1e-3)
    np.testing.assert_allclose(theta, before - step, rtol=1e-12)
    np.testing.assert_allclose(first, m, rtol=1e-14)
    np.testing.assert_allclose(second, v, rtol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_rmsprop_formula(theta, gradient, momentum, rng):
    before, second, velocity = theta.copy(), rng.random(12), rng.standard_normal(12)
    v = 0.9 * second + 0.1 * gradient**2
    update = gradient / (np.sqrt(v) + 1e-3)
    if momentum:
        update = momentum * velocity + update
    given = velocity if momentum else None
    ops.rmsprop(theta, gradient, second, given, learning_rate=0.01, smoothing=0.9, epsilon=1e-3, momentum=momentum)
    np.testing.assert_allclose(theta, before - 0.01 * update, rtol=1e-12)
    np.testing.assert_allclose(second, v, rtol=1e-14)


def test_moving_average(theta, gradient):
    before = theta.copy()
    ops.moving_average(theta, gradient, 0.75)
    np.testing.assert_allclose(theta, 0.75 * before + 0.25 * gradient, rtol=1e-14)


def test_errors(theta, gradient):
    with pytest.raises(ValueError, match="velocity: momentum needs a velocity vector"):
        ops.sgd(theta, gradient, learning_rate=0.1, momentum=0.9)
    with pytest.raises(ValueError, match="velocity: momentum needs a velocity vector"):
        ops.rmsprop(theta, gradient, gradient.copy(), learning_rate=0.1, momentum=0.9)
    with pytest.raises(ValueError, match="count: expected the step's number, at least 1, got 0"):
        ops.adam(theta, gradient, theta.copy(), theta.copy(), 0, learning_rate=0.1)
    with pytest.raises(gn.ShapeError, match=r"sgd: gradient has shape \(5,\), expected \(12,\)"):
        ops.sgd(theta, gradient[:5], learning_rate=0.1)
    with pytest.raises(TypeError, match="theta is float64 but gradient is float32"):
        ops.sgd(theta, gradient.astype(np.float32), learning_rate=0.1)


def test_the_gradient_is_not_modified(theta, gradient):
    gradient.flags.writeable = False
    ops.sgd(theta, gradient, np.zeros(12), learning_rate=0.1, momentum=0.9, nesterov=True)
    ops.adam(theta, gradient, np.zeros(12), np.zeros(12), 1, learning_rate=0.1)
    ops.rmsprop(theta, gradient, np.zeros(12), np.zeros(12), learning_rate=0.1, momentum=0.5)
