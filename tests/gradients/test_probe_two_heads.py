"""Probe 3: two heads on one trunk; a head may receive no gradient."""

import numpy as np
import pytest

import gan_np as gn


class Counting(gn.Layer):
    """Tanh that counts how often its pullback runs."""

    def __init__(self):
        self.runs = 0

    def forward(self, variables, x, run):
        y = np.tanh(x)

        def pullback(dy, wrt):
            self.runs += 1
            return dy * (1 - y * y)

        return y, pullback


@pytest.fixture
def parts():
    counters = Counting(), Counting()
    heads = [gn.Sequential(gn.Dense(size), counter) for size, counter in zip((2, 3), counters, strict=True)]
    trunk = gn.Sequential(gn.Dense(5, activation="leaky_relu"), gn.BatchNorm())
    return gn.Network(gn.Sequential(trunk, gn.Fork(*heads)), (4,), dtype=np.float64), counters


def test_gradients_of_both_heads(parts):
    network, _ = parts
    gn.testing.check_gradients(network, batch=5)


def test_a_head_that_receives_none_is_not_run_backwards(parts, rng):
    network, counters = parts
    (first, second), pullback = network.forward(rng.standard_normal((6, 4)), training=True)
    dx = pullback((None, rng.standard_normal(second.shape)))
    assert dx.shape == (6, 4)
    assert (counters[0].runs, counters[1].runs) == (0, 1)
    for name in ("weight", "bias"):
        np.testing.assert_array_equal(network.gradient[f"1.0.0.{name}"], 0)
        assert np.abs(network.gradient[f"1.1.0.{name}"]).max() > 0
    assert np.abs(network.gradient["0.0.weight"]).max() > 0
    assert first.shape == (6, 2)


def test_each_head_alone_adds_up_to_both(parts, rng):
    network, _ = parts
    x = rng.standard_normal((6, 4))
    (first, second), _ = network.forward(x, training=True)
    da, db = rng.standard_normal(first.shape), rng.standard_normal(second.shape)
    results = []
    for given in ((da, None), (None, db), (da, db)):
        _, pullback = network.forward(x, training=True)
        dx = pullback(given)
        results.append((dx, network.gradient.values.copy()))
        network.gradient.spend()
    for only_a, only_b, both in zip(*results, strict=True):
        np.testing.assert_allclose(only_a + only_b, both, rtol=1e-12, atol=1e-14)


def test_none_equals_zeros(parts, rng):
    network, _ = parts
    x = rng.standard_normal((6, 4))
    (first, second), pullback = network.forward(x, training=True)
    db = rng.standard_normal(second.shape)
    with_none = pullback((None, db)), network.gradient.values.copy()
    network.gradient.spend()
    _, pullback = network.forward(x, training=True)
    with_zeros = pullback((np.zeros_like(first), db)), network.gradient.values.copy()
    for left, right in zip(with_none, with_zeros, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-13, atol=1e-15)


def test_no_head_receives_anything(parts, rng):
    network, _ = parts
    _, pullback = network.forward(rng.standard_normal((6, 4)), training=True)
    assert pullback((None, None)) is None
    assert not network.gradient.started


def test_wrong_number_of_gradients(parts, rng):
    network, _ = parts
    (first, _), pullback = network.forward(rng.standard_normal((6, 4)), training=True)
    with pytest.raises(gn.ShapeError, match="tuple of 2"):
        pullback((np.ones_like(first),))


def test_a_parallel_branch_that_receives_none(rng):
    """The trunk gets the other branch's gradient alone, and the idle branch's parameters none."""
    structure = gn.Sequential(gn.Fork(gn.Dense(3), gn.Dense(3)), gn.Parallel(gn.Dense(2), gn.Dense(1)))
    network = gn.Network(structure, (4,), dtype=np.float64)
    x = rng.standard_normal((5, 4))
    (first, second), pullback = network.forward(x)
    db = rng.standard_normal(second.shape)
    with_none = pullback((None, db)), network.gradient.values.copy()
    network.gradient.spend()
    _, pullback = network.forward(x)
    with_zeros = pullback((np.zeros_like(first), db)), network.gradient.values.copy()
    for left, right in zip(with_none, with_zeros, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-13, atol=1e-15)


def test_parallel_inputs_may_be_asked_for_one_by_one(rng):
    """An image that needs a gradient beside a label that needs none."""
    structure = gn.Sequential(gn.Parallel(gn.Dense(3), gn.Dense(2)), gn.Concatenate(), gn.Dense(1))
    network = gn.Network(structure, ((4,), (5,)), dtype=np.float64)
    x = rng.standard_normal((3, 4)), rng.standard_normal((3, 5))
    y, pullback = network.forward(x, wrt=gn.Wrt((True, False), False))
    dx, nothing = pullback(np.ones_like(y))
    assert nothing is None
    y, pullback = network.forward(x)
    everything = pullback(np.ones_like(y))
    np.testing.assert_array_equal(dx, everything[0])
    assert everything[1].shape == (3, 5)
