"""A network: seeds, dtypes, calling, and that a forward changes nothing."""

import numpy as np

import gan_np as gn
from gan_np.layers import NOTHING


def structure():
    return gn.Sequential(gn.Dense(6, activation="leaky_relu"), gn.BatchNorm(), gn.Dense(2))


def test_the_same_seed_gives_the_same_weights():
    one, same, other = (gn.Network(structure(), (4,), seed=seed).parameters.values for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_same_seed_gives_the_same_weights_in_any_dtype():
    narrow = gn.Network(structure(), (4,), seed=5)
    wide = gn.Network(structure(), (4,), seed=5, dtype=np.float64)
    np.testing.assert_array_equal(narrow.parameters.values, wide.parameters.values.astype(np.float32))
    assert narrow.dtype == np.float32
    assert wide.dtype == np.float64


def test_segments_are_named_by_their_path():
    network = gn.Network(gn.Sequential(gn.Sequential(gn.Dense(3)), gn.Residual(gn.BatchNorm())), (2,))
    names = [segment.name for segment in network.parameters.layout.segments]
    assert names == ["0.0.weight", "0.0.bias", "1.0.0.scale", "1.0.0.bias"]
    assert network.gradient.layout is network.parameters.layout


def test_calling_is_evaluation(rng):
    network = gn.Network(structure(), (4,))
    x = rng.standard_normal((5, 4)).astype(np.float32)
    np.testing.assert_array_equal(network(x), network.forward(x)[0])
    assert (network(x) != network.forward(x, training=True)[0]).any()


def test_what_is_asked_does_not_change_the_output(rng):
    network = gn.Network(structure(), (4,))
    x = rng.standard_normal((5, 4)).astype(np.float32)
    for training in (False, True):
        y, _ = network.forward(x, training=training)
        np.testing.assert_array_equal(network.forward(x, training=training, wrt=NOTHING)[0], y)


def test_a_forward_changes_nothing(rng):
    network = gn.Network(structure(), (4,))
    x = rng.standard_normal((5, 4)).astype(np.float32)
    x.flags.writeable = False
    theta, state = network.parameters.values.copy(), network.state.values.copy()
    y, pullback = network.forward(x, training=True)
    dy = y.copy()
    dy.flags.writeable = False
    pullback(dy)
    np.testing.assert_array_equal(network.parameters.values, theta)
    np.testing.assert_array_equal(network.state.values, state)
    assert (network.parameters.version, network.state.version) == (1, 1)


def test_float32_all_the_way(rng):
    network = gn.Network(structure(), (4,))
    y, pullback = network.forward(rng.standard_normal((5, 4)).astype(np.float32), training=True)
    assert y.dtype == np.float32
    assert pullback(y).dtype == np.float32
    assert network.gradient.values.dtype == np.float32


def test_one_update_of_each_array_moves_the_output(rng):
    network = gn.Network(structure(), (4,))
    x = rng.standard_normal((5, 4)).astype(np.float32)
    before = network(x)
    with network.parameters.edit() as memory:
        memory += 0.1
    assert (network(x) != before).all()


def test_a_single_layer_is_a_network(rng):
    network = gn.Network(gn.Dense(3), (2,))
    assert network.output_shape == (3,)
    assert [segment.name for segment in network.parameters.layout.segments] == ["weight", "bias"]


def test_a_network_without_parameters(rng):
    network = gn.Network(gn.Tanh(), (3,))
    x = rng.standard_normal((2, 3)).astype(np.float32)
    _, pullback = network.forward(x)
    np.testing.assert_allclose(pullback(np.ones_like(x)), 1 - np.tanh(x) ** 2, rtol=1e-5)
    assert len(network.parameters) == 0


def test_repr():
    network = gn.Network(gn.Dense(1000), (2000,))
    assert repr(network) == "<Network (2000,) → (1000,), 2,001,000 parameters, float32 on cpu>"


def test_an_empty_batch_goes_through(rng):
    network = gn.Network(gn.Sequential(gn.Conv2d(2, 3), gn.ReLU(), gn.Flatten(), gn.Dense(1)), (4, 4, 1))
    assert network(np.zeros((0, 4, 4, 1), np.float32)).shape == (0, 1)
