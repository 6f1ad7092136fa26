"""Between layers: what a layer of one's own gives out is checked in its name before the next layer reads it."""

import numpy as np
import pytest

import gan_np as gn


class Own(gn.Layer):
    """y = 2·x, with something wrong; registered nowhere."""

    def __init__(self, wrong=None):
        self.wrong = wrong

    def declare(self, input_shape):
        return gn.Declaration(input_shape, {"weight": gn.Parameter((1,), gn.ONES)})

    def forward(self, variables, x, run):
        y = {
            "output dtype": lambda: x * np.float64(2.0) * np.ones(x.shape),
            "output shape": lambda: 2 * x[:, :-1],
            "output list": lambda: [2 * x],
        }.get(self.wrong, lambda: 2 * x)()

        def pullback(dy, wrt):
            if wrt.parameters:
                value = np.zeros(1, np.float64 if self.wrong == "parameter dtype" else x.dtype)
                variables.add_gradient("weight", value[:0] if self.wrong == "parameter shape" else value)
            return {
                "dtype": lambda: 2.0 * dy * np.ones(dy.shape),
                "big-endian": lambda: (2 * dy).astype(">f4"),
                "integers": lambda: (2 * dy).astype(np.int32),
                "half": lambda: (2 * dy).astype(np.float16),
                "shape": lambda: 2 * dy[:, :-1],
                "list": lambda: [2 * dy],
                "number": lambda: 2.0,
                "tuple": lambda: (2 * dy, 2 * dy),
            }.get(self.wrong, lambda: 2 * dy)()

        return y, pullback


def _network(wrong, dtype=np.float32):
    return gn.Network(gn.Sequential(gn.Dense(8), Own(wrong), gn.Dense(1)), (4,), dtype=dtype)


def _step(network, dtype=np.float32):
    y, pullback = network.forward(np.ones((6, 4), dtype), training=True)
    return pullback(np.ones_like(y))


GRADIENTS = {
    "dtype": (TypeError, "Own.*: the input is float32 but the gradient from its pullback is float64"),
    "big-endian": (TypeError, "Own.*: the input is float32 but the gradient from its pullback is >f4"),
    "integers": (TypeError, "Own.*: the input is float32 but the gradient from its pullback is int32"),
    "half": (TypeError, "Own.*: the input is float32 but the gradient from its pullback is float16"),
    "shape": (gn.ShapeError, r"Own.*: the gradient from its pullback has shape \(6, 7\), the input has \(6, 8\)"),
    "list": (TypeError, "Own.*: the gradient from its pullback must be an array like the input, got list"),
    "number": (TypeError, "Own.*: the gradient from its pullback must be an array like the input, got float"),
    "tuple": (TypeError, "Own.*: the gradient from its pullback must be an array like the input, got tuple"),
    "parameter dtype": (TypeError, "Own.*: the parameter is float32 but the gradient of 'weight' is float64"),
    "parameter shape": (gn.ShapeError, r"Own.*: the gradient of 'weight' has shape \(0,\), the parameter has \(1,\)"),
    "output dtype": (TypeError, "Own.*: the network computes in float32, forward gave float64"),
    "output shape": (gn.ShapeError, r"Own.*: declared an output of shape \(N, 8\), forward gave \(6, 7\)"),
    "output list": (TypeError, "Own.*: the network computes in float32, forward gave list"),
}


@pytest.mark.parametrize("wrong", GRADIENTS)
def test_a_layer_of_one_s_own_is_named(wrong):
    error, message = GRADIENTS[wrong]
    with pytest.raises(error, match=message):
        _step(_network(wrong))


def test_right_ones_pass_in_both_dtypes():
    for dtype in (np.float32, np.float64):
        assert _step(_network(None, dtype), dtype).dtype == dtype


def test_inside_every_structure():
    """The layer is named wherever it stands, and not the structure around it."""
    own = Own("dtype")
    for structure in (
        gn.Sequential(gn.Dense(4), gn.Sequential(own)),
        gn.Sequential(gn.Dense(4), gn.Residual(own)),
        gn.Sequential(gn.Dense(4), gn.Fork(own, gn.Identity()), gn.Add()),
        gn.Sequential(gn.Dense(4), gn.Loop(own, 2)),
    ):
        network = gn.Network(structure, (4,))
        with pytest.raises(TypeError, match=r"^Own.*the gradient from its pullback is float64"):
            _step(network)


def test_after_a_refused_pullback_the_network_still_works():
    network = _network("dtype")
    with pytest.raises(TypeError, match="Own"):
        _step(network)
    network.gradient.spend()
    own = network.structure.layers[1]
    own.wrong = None
    assert np.isfinite(_step(network)).all()


def test_several_inputs_and_inputs_of_integers():
    class Chooses(gn.Layer):
        """The first input where the second, of integers, is not 0."""

        def __init__(self, count=2):
            self.count = count

        def declare(self, input_shape):
            return gn.Declaration(input_shape[0])

        def forward(self, variables, x, run):
            mask = x[1] != 0
            return x[0] * mask, lambda dy, wrt: (dy * mask, None)[: self.count]

    x = np.ones((3, 2), np.float32), np.array([[0, 1]] * 3)
    y, pullback = gn.Network(Chooses(), ((2,), (2,))).forward(x)
    assert pullback(y)[1] is None
    y, pullback = gn.Network(Chooses(1), ((2,), (2,))).forward(x)
    with pytest.raises(gn.ShapeError, match="must be a tuple of 2 arrays like the input, got a tuple of 1"):
        pullback(y)


@pytest.mark.parametrize("dtype", ["uint8", "int32", ">f4", "float16", "float64"])
def test_minibatch_deviation(dtype):
    layer = gn.MinibatchStandardDeviation()
    network = gn.Network(layer, (2, 2, 1))
    x = np.arange(16).reshape(4, 2, 2, 1).astype(dtype)
    with pytest.raises(TypeError, match=dtype):
        network.forward(x)
