"""The batch normalisation layer: running statistics, modes, batch-mates."""

import numpy as np
import pytest

import gan_np as gn


@pytest.fixture
def network():
    return gn.Network(gn.BatchNorm(momentum=0.25), (4, 3, 2), dtype=np.float64)


def batch(rng, count=5):
    return 2 * rng.standard_normal((count, 4, 3, 2)) + np.array([1.0, -3.0])


def test_running_statistics_start_at_0_and_1(network):
    np.testing.assert_array_equal(network.state["running_mean"], 0)
    np.testing.assert_array_equal(network.state["running_variance"], 1)


def test_running_statistics_move_by_the_momentum_with_the_unbiased_variance(network, rng):
    mean, variance = np.zeros(2), np.ones(2)
    for _ in range(3):
        x = batch(rng)
        network.forward(x, training=True, update_state=True)
        mean = 0.75 * mean + 0.25 * x.mean(axis=(0, 1, 2))
        variance = 0.75 * variance + 0.25 * x.reshape(-1, 2).var(axis=0, ddof=1)
    np.testing.assert_allclose(network.state["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(network.state["running_variance"], variance, rtol=1e-12)


def test_momentum_can_be_overridden(network, rng):
    x = batch(rng)
    network.forward(x, training=True, update_state=True, momentum=1.0)
    np.testing.assert_allclose(network.state["running_mean"], x.mean(axis=(0, 1, 2)), rtol=1e-12)


@pytest.mark.parametrize(("training", "update_state"), [(True, False), (False, False), (False, True)])
def test_state_stays_unless_training_says_update_state(network, training, update_state, rng):
    before, version = network.state.values.copy(), network.state.version
    _, pullback = network.forward(batch(rng), training=training, update_state=update_state)
    pullback(batch(rng))
    np.testing.assert_array_equal(network.state.values, before)
    assert network.state.version == version


def test_the_output_in_training_does_not_depend_on_the_state(network, rng):
    x = batch(rng)
    y, _ = network.forward(x, training=True)
    network.state.assign(network.state.values + 5)
    np.testing.assert_array_equal(network.forward(x, training=True)[0], y)
    assert np.abs(network(x) - y).max() > 0.1


def test_update_state_does_not_change_the_output(network, rng):
    x = batch(rng)
    np.testing.assert_array_equal(
        network.forward(x, training=True, update_state=True)[0], network.forward(x, training=True)[0]
    )


def test_evaluation_does_not_depend_on_batch_mates(network, rng):
    x = batch(rng)
    network.forward(x, training=True, update_state=True)
    together = network(x)
    for index in range(len(x)):
        np.testing.assert_allclose(network(x[index : index + 1])[0], together[index], rtol=1e-13)
    with_others = network(np.concatenate([x[:1], 100 * batch(rng)]))
    np.testing.assert_allclose(with_others[0], together[0], rtol=1e-13)


def test_training_depends_on_batch_mates(network, rng):
    x = batch(rng)
    alone = network.forward(x[:2], training=True)[0]
    assert np.abs(network.forward(x, training=True)[0][:2] - alone).max() > 1e-2


def test_running_statistics_converge_to_those_of_the_data(rng):
    network = gn.Network(gn.BatchNorm(momentum=0.02), (2,), dtype=np.float64)
    for _ in range(400):
        network.forward(3 * rng.standard_normal((64, 2)) + 1, training=True, update_state=True)
    np.testing.assert_allclose(network.state["running_mean"], 1, atol=0.2)
    np.testing.assert_allclose(network.state["running_variance"], 9, rtol=0.1)


def test_float32_statistics_stay_float32(rng):
    network = gn.Network(gn.BatchNorm(), (3,))
    y, _ = network.forward(rng.standard_normal((6, 3)).astype(np.float32), training=True, update_state=True)
    assert y.dtype == np.float32
    assert network.state.values.dtype == np.float32


def test_a_batch_of_one_row_has_no_statistics(rng):
    network = gn.Network(gn.BatchNorm(), (3,))
    x = rng.standard_normal((1, 3)).astype(np.float32)
    with pytest.raises(gn.ShapeError, match="batch statistics need at least 2"):
        network.forward(x, training=True)
    assert network(x).shape == (1, 3)


def test_a_pullback_of_evaluation_uses_the_statistics_of_its_forward(network, rng):
    x, dy = batch(rng), batch(rng)
    _, pullback = network.forward(x)
    expected = pullback(dy), network.gradient.values.copy()
    network.gradient.spend()
    _, pullback = network.forward(x)
    network.forward(x, training=True, update_state=True)
    np.testing.assert_array_equal(pullback(dy), expected[0])
    np.testing.assert_array_equal(network.gradient.values, expected[1])
