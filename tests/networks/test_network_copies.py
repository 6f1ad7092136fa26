"""The same structure with other numbers: sharing, astype."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.vectors import Vector


@pytest.fixture
def network(rng):
    made = gn.Network(gn.Sequential(gn.Dense(4), gn.BatchNorm(activation="tanh")), (3,))
    made.forward(rng.standard_normal((8, 3)).astype(np.float32), training=True, update_state=True)
    return made


def test_a_copy_starts_equal_and_goes_its_own_way(network, rng):
    x = rng.standard_normal((5, 3)).astype(np.float32)
    copy = network.sharing()
    np.testing.assert_array_equal(copy(x), network(x))
    before = network(x)
    with copy.parameters.edit() as memory:
        memory *= 2
    copy.forward(x, training=True, update_state=True)
    np.testing.assert_array_equal(network(x), before)
    assert (copy(x) != before).any()


def test_given_vectors_are_used_not_copied(network, rng):
    theta = Vector(network.parameters.layout, network.dtype)
    theta.assign(rng.standard_normal(len(theta)).astype(np.float32))
    other = network.sharing(theta)
    assert other.parameters is theta
    assert other.state is not network.state
    np.testing.assert_array_equal(other.state.values, network.state.values)
    same_state = network.sharing(theta, network.state)
    x = rng.standard_normal((8, 3)).astype(np.float32)
    same_state.forward(x, training=True, update_state=True)
    assert same_state.state is network.state
    assert network.state.version > other.state.version


def test_gradients_of_a_copy_are_its_own(network, rng):
    copy = network.sharing(network.parameters, network.state)
    y, pullback = copy.forward(rng.standard_normal((5, 3)).astype(np.float32))
    pullback(y)
    assert copy.gradient.started
    assert not network.gradient.started


def test_editing_shared_parameters_reaches_both(network, rng):
    x = rng.standard_normal((5, 3)).astype(np.float32)
    copy = network.sharing(network.parameters, network.state)
    y, pullback = copy.forward(x)
    with network.parameters.edit() as memory:
        memory += 1
    np.testing.assert_array_equal(copy(x), network(x))
    with pytest.raises(RuntimeError, match="θ was edited since forward"):
        pullback(y)


def test_astype(network, rng):
    wide = network.astype(np.float64)
    np.testing.assert_array_equal(wide.parameters.values, network.parameters.values.astype(np.float64))
    np.testing.assert_array_equal(wide.state.values, network.state.values.astype(np.float64))
    x = rng.standard_normal((5, 3)).astype(np.float32)
    y = wide(x.astype(np.float64))
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, network(x), rtol=1e-5, atol=1e-6)
    back = wide.astype("float32")
    np.testing.assert_array_equal(back(x), network(x))
    with pytest.raises(TypeError, match="dtype: expected float32 or float64, got float16"):
        network.astype(np.float16)


def test_astype_of_the_same_dtype_is_a_copy(network):
    copy = network.astype(np.float32)
    with copy.parameters.edit() as memory:
        memory += 1
    assert (copy.parameters.values != network.parameters.values).all()
