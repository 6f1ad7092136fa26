"""Probe 4: a loop over shared weights with statistics per step."""

import numpy as np
import pytest
from layer_cases import float64_network

import gan_np as gn
from gan_np.averaging import recompute_statistics

STEPS, ROWS = 3, 64


@pytest.fixture
def looped():
    body = gn.Sequential(gn.Dense(4), gn.BatchNorm(activation="tanh"))
    return float64_network(gn.Loop(body, STEPS), (4,))


def _make_biased(network, count):
    """Running variances as the batch's own: the state holds the unbiased estimate, training divides by the count."""
    values = network.state.values.copy()
    for segment in network.state.layout.segments:
        if segment.name.endswith("running_variance"):
            values[segment.start : segment.stop] *= (count - 1) / count
    network.state.assign(values)


def test_gradients(looped):
    gn.testing.check_gradients(looped, batch=6)


def test_weights_are_shared_and_state_is_not(looped):
    names = [segment.name for segment in looped.parameters.layout.segments]
    assert names == ["shared.0.weight", "shared.0.bias", "shared.1.scale", "shared.1.bias"]
    states = [segment.name for segment in looped.state.layout.segments]
    assert states == [f"step{t}.1.{name}" for t in range(STEPS) for name in ("running_mean", "running_variance")]


def test_gradient_of_a_shared_weight_is_the_sum_over_steps(looped, rng):
    """The same steps written out with a copy of the weights each."""
    body = gn.Sequential(gn.Dense(4), gn.BatchNorm(activation="tanh"))
    apart = gn.Network(gn.Sequential(*[body] * STEPS), (4,), dtype=np.float64)
    apart.parameters.assign(np.tile(looped.parameters.values, STEPS))
    x, dy = rng.standard_normal((2, ROWS, 4))
    results = []
    for network in (looped, apart):
        y, pullback = network.forward(x, training=True)
        results.append((y, pullback(dy), network.gradient.values.copy()))
    (y, dx, gradient), (y_apart, dx_apart, gradients) = results
    np.testing.assert_array_equal(y, y_apart)
    np.testing.assert_allclose(dx, dx_apart, rtol=1e-13)
    np.testing.assert_allclose(gradient, gradients.reshape(STEPS, -1).sum(axis=0), rtol=1e-12, atol=1e-14)


def test_evaluation_after_recomputing_agrees_with_training(looped, rng):
    x = 3 * rng.standard_normal((ROWS, 4)) + 1
    recompute_statistics(looped, [x])
    in_training = looped.forward(x, training=True)[0]
    assert np.abs(looped(x) - in_training).max() < 0.02  # all that is left is √((M − 1)/M) of the unbiased variance
    _make_biased(looped, ROWS)
    np.testing.assert_allclose(looped(x), in_training, rtol=0, atol=1e-12)


def test_one_shared_running_statistic_would_not_agree(looped, rng):
    """What the statistics per step are for: their mean over the steps in all places gives another function."""
    x = 3 * rng.standard_normal((ROWS, 4)) + 1
    recompute_statistics(looped, [x])
    _make_biased(looped, ROWS)
    in_training = looped.forward(x, training=True)[0]
    looped.state.assign(np.tile(looped.state.values.reshape(STEPS, -1).mean(axis=0), STEPS))
    assert np.abs(looped(x) - in_training).max() > 0.1


def test_each_step_sees_its_own_input(looped, rng):
    """Statistics of step t are those of what step t − 1 gave out."""
    x = rng.standard_normal((ROWS, 4))
    recompute_statistics(looped, [x])
    weight, bias = looped.parameters["shared.0.weight"], looped.parameters["shared.0.bias"]
    scale, shift = looped.parameters["shared.1.scale"], looped.parameters["shared.1.bias"]
    for t in range(STEPS):
        z = x @ weight + bias
        np.testing.assert_allclose(looped.state[f"step{t}.1.running_mean"], z.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(looped.state[f"step{t}.1.running_variance"], z.var(axis=0, ddof=1), rtol=1e-12)
        x = np.tanh(scale * (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5) + shift)


def test_a_body_that_changes_the_shape_is_refused():
    with pytest.raises(gn.ShapeError, match="must keep its input's shape"):
        gn.Network(gn.Loop(gn.Dense(3), 2), (4,))
