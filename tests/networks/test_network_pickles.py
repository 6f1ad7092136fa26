"""A copy of a network has numbers of its own, and its views are views of them."""

import copy
import pickle

import numpy as np
import pytest

import gan_np as gn


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_compute_the_same_and_are_apart(copied, rng):
    network = gn.Network(gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.Dense(2)), (3,), seed=1)
    x = rng.standard_normal((5, 3)).astype(np.float32)
    network.forward(x, training=True, update_state=True)
    other = copied(network)
    assert np.array_equal(other(x), network(x))
    with other.parameters.edit() as theta:
        theta += 1
    assert not np.array_equal(other(x), network(x))
    y, pullback = other.forward(x, training=True)
    pullback(np.ones_like(y))
    assert other.gradient.started
    assert not network.gradient.started
