"""What a network refuses, before any work: shapes, dtypes, tuples, pullbacks misused."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.networks import parameter_limit


@pytest.fixture
def network():
    return gn.Network(gn.Sequential(gn.Dense(4, activation="tanh"), gn.Dense(2)), (3,))


def test_shapes(network):
    for x in (np.zeros((5, 4), np.float32), np.zeros(3, np.float32), np.zeros((5, 3, 1), np.float32)):
        with pytest.raises(gn.ShapeError, match=r"x: expected a batch of shape \(N, 3\), got"):
            network.forward(x)
    with pytest.raises(gn.ShapeError, match=r"expected a batch of shape \(N, 3\), got list"):
        network.forward([[1.0, 2.0, 3.0]])


def test_dtypes(network):
    with pytest.raises(TypeError, match="x: the network computes in float32, got float64; convert explicitly"):
        network.forward(np.zeros((5, 3)))
    with pytest.raises(TypeError, match="x must be float32 or float64, got uint8"):
        network.forward(np.zeros((5, 3), np.uint8))


def test_several_inputs():
    network = gn.Network(gn.Parallel(gn.Dense(2), gn.Dense(2)), ((3,), (4,)))
    right = np.zeros((5, 3), np.float32), np.zeros((5, 4), np.float32)
    assert len(network(right)) == 2
    with pytest.raises(gn.ShapeError, match="x: expected a tuple of 2 arrays, got ndarray"):
        network(right[0])
    with pytest.raises(gn.ShapeError, match="x: expected a tuple of 2 arrays"):
        network(right[:1])
    with pytest.raises(gn.ShapeError, match=r"x\[1\]: expected a batch of shape \(N, 4\), got \(5, 3\)"):
        network((right[0], right[0]))
    with pytest.raises(TypeError, match=r"x\[1\]: the network computes in float32, got float64"):
        network((right[0], right[1].astype(np.float64)))


def test_nothing_changed_by_a_refused_forward():
    network = gn.Network(gn.BatchNorm(), (3,))
    with pytest.raises(gn.ShapeError, match="expected a batch"):
        network.forward(np.zeros((5, 4), np.float32), training=True, update_state=True)
    assert network.state.version == 1


def test_a_limit_on_parameters():
    """For structures read from a file: refused before memory is taken, inside the block only."""
    huge = gn.Dense(2_000_000, bias=False)
    with parameter_limit(1000):
        gn.Network(gn.Dense(100), (9,))
        with parameter_limit(10), pytest.raises(ValueError, match="at most 10 can be"):
            gn.Network(gn.Dense(100), (9,))
        with pytest.raises(ValueError, match="a network of 4,000,000,000,000 parameters was described"):
            gn.Network(huge, (2_000_000,))
    assert len(gn.Network(gn.Dense(1000), (9,)).parameters) == 10_000


class TestPullback:
    @pytest.fixture
    def forward(self, network, rng):
        return network.forward(rng.standard_normal((5, 3)).astype(np.float32))

    def test_once_unless_kept(self, forward):
        y, pullback = forward
        pullback(y)
        with pytest.raises(RuntimeError, match="second time; call it with keep=True"):
            pullback(y)

    def test_linear_uses_it_up_too(self, rng):
        network = gn.Network(gn.Dense(2), (3,))
        x = rng.standard_normal((5, 3)).astype(np.float32)
        y, pullback = network.forward(x)
        pullback.linear(x)
        with pytest.raises(RuntimeError, match="second time"):
            pullback(y)

    def test_not_after_an_edit(self, network, forward):
        y, pullback = forward
        with network.parameters.edit():
            pass
        with pytest.raises(RuntimeError, match=r"θ was edited since forward \(version 1 → 2\); run forward again"):
            pullback(y)
        with pytest.raises(RuntimeError, match="θ was edited"):
            pullback.linear(np.zeros((5, 3), np.float32))

    def test_after_a_failed_call_it_can_still_be_used(self, forward):
        y, pullback = forward
        with pytest.raises(gn.ShapeError, match="dy has shape"):
            pullback(y[:, :1])
        assert pullback(y).shape == (5, 3)

    def test_shape(self, forward):
        y, pullback = forward
        with pytest.raises(gn.ShapeError, match=r"pullback: dy has shape \(4, 2\), the output has \(5, 2\)"):
            pullback(y[:4])

    def test_dtype(self, forward):
        y, pullback = forward
        with pytest.raises(TypeError, match="pullback: the output is float32 but dy is float64"):
            pullback(y.astype(np.float64))

    def test_nothing_written_by_a_refused_call(self, network, forward):
        y, pullback = forward
        with pytest.raises(gn.ShapeError, match="dy has shape"):
            pullback(y[:4])
        assert not network.gradient.started

    def test_an_edit_of_state_is_allowed(self, rng):
        """Statistics may move between forward and backward: a second batch of D's step does that."""
        network = gn.Network(gn.BatchNorm(), (3,))
        x = rng.standard_normal((5, 3)).astype(np.float32)
        y, pullback = network.forward(x, training=True, update_state=True)
        network.forward(x, training=True, update_state=True)
        assert pullback(y).shape == (5, 3)
