"""The dropout layer: seeds, modes, several masks in one forward."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.arrays import generator

X = np.ones((50, 40), np.float32)


@pytest.fixture
def network():
    return gn.Network(gn.Dropout(0.5), (40,))


def test_the_same_generator_gives_the_same_mask(network):
    one, same, other = (network.forward(X, training=True, rng=generator(seed))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_generator_moves_on(network):
    rng = generator(0)
    one, two = (network.forward(X, training=True, rng=rng)[0] for _ in range(2))
    assert (one != two).any()


def test_backward_uses_forwards_mask(network):
    y, pullback = network.forward(X, training=True, rng=generator(3))
    np.testing.assert_array_equal(pullback(X), y)
    assert set(np.unique(y)) == {0.0, 2.0}


def test_evaluation_does_nothing_and_needs_no_generator(network):
    y, pullback = network.forward(X)
    np.testing.assert_array_equal(y, X)
    np.testing.assert_array_equal(pullback(3 * X), 3 * X)


def test_training_without_a_generator_is_refused(network):
    with pytest.raises(ValueError, match=r"Dropout\(0\.5\): training draws random numbers, pass rng= to forward"):
        network.forward(X, training=True)


def test_a_rate_of_0_draws_nothing():
    network = gn.Network(gn.Dropout(0.0), (40,))
    np.testing.assert_array_equal(network.forward(X, training=True)[0], X)


def test_layers_of_one_forward_have_masks_of_their_own():
    structure = gn.Fork(gn.Dropout(0.5), gn.Dropout(0.5))
    one, two = gn.Network(structure, (40,)).forward(X, training=True, rng=generator(0))[0]
    assert (one != two).any()


def test_the_mean_is_kept():
    network = gn.Network(gn.Dropout(0.2), (40,))
    rng = generator(5)
    mean = np.mean([network.forward(X, training=True, rng=rng)[0].mean() for _ in range(20)])
    assert abs(mean - 1) < 5 * np.sqrt(0.25 / (20 * X.size))
