"""Batch and layer normalisation: values, statistics, errors."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops


@pytest.mark.parametrize("shape", [(8, 3), (4, 5, 6, 3)])
def test_batch_norm_values_and_statistics(shape, rng):
    x, scale, bias = 3 * rng.standard_normal(shape) + 1, rng.standard_normal(3), rng.standard_normal(3)
    y, _, statistics = ops.batch_norm(x, scale, bias, epsilon=1e-3)
    axes = tuple(range(len(shape) - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    np.testing.assert_allclose(y, scale * (x - mean) / np.sqrt(variance + 1e-3) + bias, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(statistics.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(statistics.variance, variance, rtol=1e-12)
    assert statistics.count == x.size // 3


def test_batch_norm_input_gradient_has_no_part_along_ones_or_the_output(rng):
    """A shift or a scaling of x does not change x̂: both derivatives vanish (ε apart)."""
    x, dy = rng.standard_normal((2, 16, 3))
    _, pullback, _ = ops.batch_norm(x, epsilon=1e-12)
    dx = pullback(dy)[0]
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((dx * x).sum(axis=0), 0, atol=1e-10)


def test_inference_with_the_batchs_own_statistics_is_training(rng):
    x, scale, bias = rng.standard_normal((6, 4)), rng.standard_normal(4), rng.standard_normal(4)
    tanh = ops.activation("tanh")
    y, _, statistics = ops.batch_norm(x, scale, bias, activation=tanh)
    same, _ = ops.batch_norm_inference(x, statistics.mean, statistics.variance, scale, bias, activation=tanh)
    np.testing.assert_allclose(same, y, rtol=1e-12, atol=1e-14)


def test_inference_does_not_hold_on_to_moving_statistics(rng):
    x, mean, variance, dy = rng.standard_normal((5, 3)), rng.standard_normal(3), np.ones(3), rng.standard_normal((5, 3))
    scale = rng.standard_normal(3)
    _, pullback = ops.batch_norm_inference(x, mean, variance, scale)
    expected = pullback(dy)
    mean += 5
    variance *= 7
    for found, wanted in zip(pullback(dy)[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3)])
def test_batch_statistics_of_one_value_are_refused(shape):
    with pytest.raises(gn.ShapeError, match="has 1 value a channel, batch statistics need at least 2"):
        ops.batch_norm(np.ones(shape))


def test_a_constant_channel_gives_its_bias(rng):
    x = np.full((5, 2), 3.0)
    y, pullback, _ = ops.batch_norm(x, np.ones(2), np.array([0.5, -0.5]))
    np.testing.assert_array_equal(y, np.tile([0.5, -0.5], (5, 1)))
    assert np.isfinite(pullback(rng.standard_normal((5, 2)))[0]).all()


@pytest.mark.parametrize("shape", [(3, 7), (2, 3, 4, 5)])
def test_layer_norm_values(shape, rng):
    x, scale, bias = rng.standard_normal(shape), rng.standard_normal(shape[1:]), rng.standard_normal(shape[1:])
    y, _ = ops.layer_norm(x, scale, bias, epsilon=1e-3)
    axes = tuple(range(1, len(shape)))
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    np.testing.assert_allclose(y, scale * (x - mean) / np.sqrt(variance + 1e-3) + bias, rtol=1e-10, atol=1e-12)


def test_layer_norm_does_not_mix_examples(rng):
    x = rng.standard_normal((4, 6))
    together, _ = ops.layer_norm(x)
    for row in range(4):
        np.testing.assert_allclose(together[row], ops.layer_norm(x[row : row + 1])[0][0], rtol=1e-12)


@pytest.mark.parametrize("name", ["scale", "bias"])
def test_parameters_of_the_wrong_shape_are_named(name, rng):
    x = rng.standard_normal((4, 3))
    with pytest.raises(gn.ShapeError, match=rf"batch_norm: {name} must have shape \(3,\), got \(4,\)"):
        ops.batch_norm(x, **{name: np.ones(4)})
    with pytest.raises(gn.ShapeError, match=rf"layer_norm: {name} must have shape \(3,\)"):
        ops.layer_norm(x, **{name: np.ones((4, 3))})
    with pytest.raises(gn.ShapeError, match=rf"batch_norm_inference: {name} must have shape \(3,\)"):
        ops.batch_norm_inference(x, np.zeros(3), np.ones(3), **{name: np.ones(4)})
