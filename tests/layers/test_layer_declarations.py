"""What layers declare for an input shape, and how they read when printed."""

import pytest

import gan_np as gn

OUTPUTS = [
    (gn.Dense(4), (3,), (4,)),
    (gn.Conv2d(8, 4, stride=2, padding=1), (28, 30, 3), (14, 15, 8)),
    (gn.Conv2d(2, (3, 1), stride=(1, 2), padding=(2, 0)), (5, 5, 1), (7, 3, 2)),
    (gn.ConvTranspose2d(8, 4, stride=2, padding=1), (7, 8, 3), (14, 16, 8)),
    (gn.ConvTranspose2d(8, 3, stride=2, padding=1, output_padding=1), (7, 8, 3), (14, 16, 8)),
    (gn.Conv2d(8, 3, stride=2, groups=4), (7, 8, 12), (3, 3, 8)),
    (gn.ConvTranspose2d(8, 3, stride=2, groups=4), (7, 8, 12), (15, 17, 8)),
    (gn.BatchNorm(), (4, 4, 3), (4, 4, 3)),
    (gn.LayerNorm(), (5,), (5,)),
    (gn.GroupNorm(2), (3, 2, 4), (3, 2, 4)),
    (gn.InstanceNorm(), (3, 2, 4), (3, 2, 4)),
    (gn.ReLU(), (2, 3), (2, 3)),
    (gn.Maxout(5), (4, 4, 10), (4, 4, 2)),
    (gn.Dropout(0.5), (3,), (3,)),
    (gn.AveragePool2d((2, 3)), (4, 6, 5), (2, 2, 5)),
    (gn.Upsample2d((2, 3)), (4, 6, 5), (8, 18, 5)),
    (gn.Reshape(2, 3, 4), (24,), (2, 3, 4)),
    (gn.Flatten(), (2, 3, 4), (24,)),
    (gn.Add(), ((3,), (3,)), (3,)),
    (gn.Concatenate(), ((4, 4, 1), (4, 4, 3)), (4, 4, 4)),
    (gn.SpectralNorm(gn.Dense(4)), (3,), (4,)),
]


@pytest.mark.parametrize(("layer", "shape", "output"), OUTPUTS, ids=repr)
def test_declared_output_is_the_output(layer, shape, output, rng):
    network = gn.Network(layer, shape)
    assert network.output_shape == output
    shapes = shape if isinstance(shape[0], tuple) else (shape,)
    x = tuple(rng.standard_normal((2, *part)).astype("float32") for part in shapes)
    y, _ = network.forward(x if isinstance(shape[0], tuple) else x[0], training=True, rng=rng)
    assert y.shape == (2, *output)


PARAMETERS = [
    (gn.Dense(4), (3,), {"weight": (3, 4), "bias": (4,)}),
    (gn.Dense(4, bias=False), (3,), {"weight": (3, 4)}),
    (gn.Conv2d(8, (3, 2)), (9, 9, 5), {"weight": (3, 2, 5, 8), "bias": (8,)}),
    (gn.ConvTranspose2d(8, (3, 2)), (9, 9, 5), {"weight": (3, 2, 8, 5), "bias": (8,)}),
    (gn.ConvTranspose2d(8, 2, bias=False), (9, 9, 5), {"weight": (2, 2, 8, 5)}),
    (gn.Conv2d(8, (3, 2), groups=4), (9, 9, 12), {"weight": (3, 2, 3, 8), "bias": (8,)}),
    (gn.ConvTranspose2d(8, (3, 2), groups=4), (9, 9, 12), {"weight": (3, 2, 2, 12), "bias": (8,)}),
    (gn.BatchNorm(), (9, 9, 5), {"scale": (5,), "bias": (5,)}),
    (gn.BatchNorm(affine=False), (9, 9, 5), {}),
    (gn.BatchNorm(scale=False), (5,), {"bias": (5,)}),
    (gn.BatchNorm(bias=False), (5,), {"scale": (5,)}),
    (gn.LayerNorm(), (2, 3, 5), {"scale": (2, 3, 5), "bias": (2, 3, 5)}),
    (gn.LayerNorm(affine=False), (5,), {}),
    (gn.LayerNorm(bias=False), (2, 3), {"scale": (2, 3)}),
    (gn.GroupNorm(4), (2, 3, 8), {"scale": (8,), "bias": (8,)}),
    (gn.GroupNorm(4, scale=False), (8,), {"bias": (8,)}),
    (gn.GroupNorm(4, affine=False), (2, 3, 8), {}),
    (gn.InstanceNorm(), (2, 3, 5), {}),
    (gn.InstanceNorm(affine=True), (2, 3, 5), {"scale": (5,), "bias": (5,)}),
    (gn.SpectralNorm(gn.Conv2d(8, 3)), (9, 9, 5), {"weight": (3, 3, 5, 8), "bias": (8,)}),
]


@pytest.mark.parametrize(("layer", "shape", "parameters"), PARAMETERS, ids=repr)
def test_parameters_and_their_tags(layer, shape, parameters):
    network = gn.Network(layer, shape)
    segments = network.parameters.layout.segments
    assert {segment.name: segment.shape for segment in segments} == parameters
    assert all(segment.tag == segment.name for segment in segments)


STATES = [
    (gn.BatchNorm(), (9, 9, 5), {"running_mean": (5,), "running_variance": (5,)}),
    (gn.SpectralNorm(gn.Dense(4)), (3,), {"spectral_u": (4,)}),
    (gn.SpectralNorm(gn.ConvTranspose2d(8, 2)), (9, 9, 5), {"spectral_u": (8,)}),
    (gn.Dense(4), (3,), {}),
]


@pytest.mark.parametrize(("layer", "shape", "states"), STATES, ids=repr)
def test_state(layer, shape, states):
    assert {s.name: s.shape for s in gn.Network(layer, shape).state.layout.segments} == states


@pytest.mark.parametrize(
    "text",
    [
        "Dense(4)",
        "Dense(4, bias=False, activation='relu')",
        "Conv2d(8, 4, stride=2, padding=1)",
        "Conv2d(8, (4, 3), stride=(2, 1))",
        "ConvTranspose2d(8, 4, stride=2, padding=1, output_padding=1)",
        "Conv2d(8, 4, groups=2)",
        "BatchNorm(momentum=0.2, activation='leaky_relu')",
        "LeakyReLU()",
        "LeakyReLU(slope=0.1)",
        "Maxout(5)",
        "Dropout(0.5)",
        "Upsample2d(mode='bilinear')",
        "Upsample2d(factor=3)",
        "Reshape(7, 7, 64)",
        "SpectralNorm(Conv2d(8, 4))",
        "Sequential(Dense(4), Tanh())",
        "Fork(Dense(4), Identity())",
        "Residual(Dense(4))",
    ],
)
def test_a_layer_prints_as_it_was_written(text):
    assert repr(eval(text, vars(gn))) == text


def test_a_layer_holds_no_numbers(rng):
    """One structure, two networks: neither sees the other."""
    structure = gn.Sequential(gn.Dense(3), gn.BatchNorm())
    one, two = gn.Network(structure, (4,), seed=0), gn.Network(structure, (4,), seed=1)
    assert (one.parameters.values != two.parameters.values).any()
    before = two.parameters.values.copy(), two.state.values.copy()
    y, pullback = one.forward(rng.standard_normal((5, 4)).astype("float32"), training=True, update_state=True)
    pullback(y)
    assert not two.gradient.started
    for array, old in zip((two.parameters.values, two.state.values), before, strict=True):
        assert (array == old).all()


def test_arguments_are_those_of_the_constructor_and_can_be_replaced():
    layer = gn.Conv2d(5, 3, stride=(2, 1), padding=1, bias=False, activation="relu")
    changed = layer.replaced(bias=True, activation=None)
    assert repr(changed) == "Conv2d(5, 3, stride=(2, 1), padding=1)"
    assert changed.arguments() == {**layer.arguments(), "bias": True, "activation": None}


def test_a_layer_that_hides_an_argument_is_named():
    class Hides(gn.Layer):
        def __init__(self, secret):
            self._secret = secret

    with pytest.raises(TypeError, match=r"Hides.*'secret'"):
        Hides(1).arguments()


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (gn.Dense(7), (3,), 21),
        (gn.Conv2d(4, 3, stride=2, padding=1), (8, 6, 2), (4 * 3 * 4) * 9 * 2),
        (gn.ConvTranspose2d(4, 4, stride=2, padding=1), (3, 5, 2), (3 * 5 * 2) * 16 * 4),
        (gn.BatchNorm(), (3,), 0),
    ],
    ids=str,
)
def test_multiply_adds(layer, shape, count):
    assert layer.multiply_adds(shape) == count
