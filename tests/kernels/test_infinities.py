"""Infinite numbers where the right answer is a number: derivatives at ±∞, updates by ±∞, gradients whose square overflows.

The kernels for GPUs pass the same checks in tests/cuda and tests/numba_cuda.
"""

import infinite
import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels, ops
from gan_np.kernels import Activation, reference

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@FLOATS
@pytest.mark.parametrize("name", ["reference", "numba"])
@pytest.mark.parametrize("check", infinite.CHECKS)
def test_kernels(check, name, dtype):
    operation, run = infinite.CHECKS[check]
    run(kernels.entry(operation, name).implementation, dtype, np.array)


@FLOATS
@pytest.mark.parametrize("kind", ["relu", "leaky_relu"])
@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 2, 16), (32, 96, 64)])
def test_derivatives_inside_dense_layers(kind, shape, dtype):
    """Each way of computing a dense layer has its own loop over f′."""
    batch, features, outputs = shape
    x, w = np.zeros((batch, features), dtype), np.zeros((features, outputs), dtype)
    b = np.where(np.arange(outputs) % 2, np.inf, -np.inf).astype(dtype)
    y, pullback = ops.dense(x, w, b, activation=Activation(kind, 0.25))
    _, _, db = pullback(np.ones_like(y))
    below = 0.25 if kind == "leaky_relu" else 0.0
    np.testing.assert_array_equal(db, np.where(np.arange(outputs) % 2, batch, below * batch))


@FLOATS
def test_the_cut_leaves_all_else_alone(dtype):
    usual = np.array([0.0, -0.0, 1e-30, -3.0, 1e18, -1e18], dtype)
    np.testing.assert_array_equal(reference.updates.squarable(usual).view(np.uint8), usual.view(np.uint8))


@FLOATS
def test_a_norm_whose_square_overflows_clips_and_does_not_stop(dtype):
    network = gn.Network(gn.Dense(2, bias=False), (2,), dtype=dtype)
    before = network.parameters.values.copy()
    network.gradient.slot("weight").array[...] = np.array([[3, 0], [0, -4]], dtype) * dtype(infinite.HUGE[dtype][1])
    gn.SGD(1.0, clip_norm=1.0).step(network.parameters, network.gradient)
    np.testing.assert_allclose(before - network.parameters.values, [0.6, 0, 0, -0.8], rtol=1e-5, atol=1e-6)


@FLOATS
@pytest.mark.parametrize("player", ["real", "fake"])
def test_hinge_at_a_right_infinity(player, dtype):
    """A score that is infinitely right costs nothing and teaches nothing."""
    sign = 1 if player == "real" else -1
    loss = getattr(gn.objectives.Hinge(), player)(sign * np.array([np.inf, 0.5], dtype))
    np.testing.assert_array_equal(loss.value, 0.25)
    np.testing.assert_array_equal(loss.gradient, [0, -sign * 0.5])


@pytest.mark.parametrize("objective", ["hinge", "wasserstein"])
def test_scores_without_a_margin(objective):
    made = gn.objectives.OBJECTIVES[objective]()
    for loss_of, sign in ((made.generator, -1), *([(made.fake, 1)] if objective == "wasserstein" else [])):
        for score in (np.inf, -np.inf):
            loss = loss_of(np.array([score, 1.0], np.float32))
            np.testing.assert_array_equal(loss.value, sign * score)
            np.testing.assert_array_equal(loss.gradient, [sign * 0.5] * 2)


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="nesterov: looks ahead along the momentum, expected momentum above 0"):
        gn.SGD(0.1, nesterov=True)
    with pytest.raises(ValueError, match="velocity: momentum needs a velocity vector, got None"):
        ops.sgd(np.zeros(2), np.ones(2), learning_rate=0.1, nesterov=True)
    assert gn.SGD(0.1, momentum=lambda update: 0.5, nesterov=True).nesterov
