"""Errors of layers: the layer is named, with what it was given and what it expects."""

import re

import pytest

import gan_np as gn

SHAPES = [
    (gn.Dense(4), (3, 2), "input: expected 1 sizes, got (3, 2)"),
    (gn.Conv2d(8, 5), (4, 4, 1), "kernel (5, 5) is larger than the image (4, 4)"),
    (gn.Conv2d(8, 5), (4,), "input: expected 3 sizes"),
    (gn.ConvTranspose2d(8, 2, padding=2), (1, 1, 3), "would have size"),
    (gn.ConvTranspose2d(8, 2, output_padding=1), (4, 4, 3), "output_padding: expected less than stride"),
    (gn.Conv2d(8, 3, groups=4), (4, 4, 6), "groups: 6 channels do not divide into 4 groups"),
    (gn.ConvTranspose2d(8, 3, groups=4), (4, 4, 6), "groups: 6 channels do not divide into 4 groups"),
    (gn.Maxout(3), (10,), "the last axis must be a multiple of pieces=3"),
    (gn.AveragePool2d(2), (5, 4, 1), "the image's sides must be multiples of the window (2, 2)"),
    (gn.Upsample2d(2), (4,), "input: expected 3 sizes"),
    (gn.Reshape(2, 2), (5,), "5 values cannot become 4"),
    (gn.Add(), ((3,), (4,)), "inputs to add must have one shape"),
    (gn.Concatenate(), ((3, 3, 1), (3, 4, 1)), "must agree in all axes but the last"),
    (gn.GroupNorm(32), (4, 4, 16), "groups: 16 channels do not divide into 32 groups"),
    (gn.GroupNorm(4), (6,), "groups: 6 channels do not divide into 4 groups"),
    (
        gn.GroupNorm(6),
        (1, 1, 6),
        "groups: an example (1, 1, 6) has 1 value in each of 6 groups, which needs at least 2",
    ),
    (gn.InstanceNorm(), (1, 1, 6), "is over an image's pixels and needs at least 2 of them"),
    (gn.InstanceNorm(), (6,), "is over an image's pixels and needs at least 2 of them"),
    (gn.Parallel(gn.Dense(2), gn.Dense(2)), ((3,),), "expected 2 input shapes"),
    (gn.Residual(gn.Dense(4)), (3,), "inputs to add must have one shape"),
    (gn.Loop(gn.Dense(4), 2), (3,), "must keep its input's shape"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), SHAPES, ids=lambda value: repr(value)[:40])
def test_shapes_that_do_not_meet(layer, shape, message):
    with pytest.raises(gn.ShapeError, match=re.escape(message)) as caught:
        gn.Network(layer, shape)
    assert re.match(r"\w+\(.*\) with input \(", str(caught.value))


def test_the_layer_inside_a_chain_is_named_with_its_place():
    structure = gn.Sequential(gn.Conv2d(4, 3), gn.Sequential(gn.ReLU(), gn.Conv2d(8, 5)), gn.Flatten())
    with pytest.raises(gn.ShapeError) as caught:
        gn.Network(structure, (6, 6, 1))
    assert str(caught.value).startswith("Conv2d(8, 5) with input (4, 4, 4): ")
    assert caught.value.__notes__ == ["(layer 1 of a Sequential of 2)", "(layer 1 of a Sequential of 3)"]


ARGUMENTS = [
    (lambda: gn.Dense(0), ValueError, "out_features: expected an integer of at least 1, got 0"),
    (lambda: gn.Dense(2.5), TypeError, "out_features: expected an integer, got 2.5"),
    (lambda: gn.Dense(2, activation="rely"), ValueError, "(did you mean 'relu'?)"),
    (lambda: gn.Conv2d(0, 3), ValueError, "out_channels: expected an integer of at least 1, got 0"),
    (lambda: gn.Conv2d(1, 0), ValueError, "kernel_size: expected an integer of at least 1, got 0"),
    (lambda: gn.Conv2d(1, 3, stride=0), ValueError, "stride: expected an integer of at least 1, got 0"),
    (lambda: gn.Conv2d(1, 3, padding=-1), ValueError, "padding: expected an integer of at least 0, got -1"),
    (lambda: gn.Conv2d(4, 3, groups=0), ValueError, "groups: expected an integer of at least 1, got 0"),
    (lambda: gn.Conv2d(4, 3, groups=2.0), TypeError, "groups: expected an integer, got 2.0"),
    (lambda: gn.Conv2d(4, 3, groups=3), ValueError, "groups: out_channels=4 do not divide into 3 groups"),
    (lambda: gn.ConvTranspose2d(4, 3, groups=3), ValueError, "groups: out_channels=4 do not divide into 3 groups"),
    (lambda: gn.ConvTranspose2d(1, 3, output_padding=-1), ValueError, "output_padding: expected an integer"),
    (lambda: gn.BatchNorm(momentum=1.5), ValueError, "momentum: expected a number of at least 0.0 and at most 1.0"),
    (lambda: gn.BatchNorm(epsilon=0), ValueError, "epsilon: expected a number greater than 0.0, got 0"),
    (lambda: gn.LayerNorm(epsilon=-1), ValueError, "epsilon: expected a number greater than 0.0, got -1"),
    (lambda: gn.GroupNorm(0), ValueError, "groups: expected an integer of at least 1, got 0"),
    (lambda: gn.GroupNorm(2.0), TypeError, "groups: expected an integer, got 2.0"),
    (lambda: gn.GroupNorm(2, epsilon=0), ValueError, "epsilon: expected a number greater than 0.0, got 0"),
    (lambda: gn.InstanceNorm(activation="rely"), ValueError, "(did you mean 'relu'?)"),
    (lambda: gn.LeakyReLU(0), ValueError, "slope: expected a number greater than 0.0, got 0"),
    (lambda: gn.LeakyReLU(1.5), ValueError, "slope: expected a number below 1, got 1.5"),
    (lambda: gn.Maxout(0), ValueError, "pieces: expected an integer of at least 1"),
    (lambda: gn.Dropout(1.0), ValueError, "rate: expected a number below 1, got 1.0"),
    (lambda: gn.Dropout(-0.1), ValueError, "rate: expected a number of at least 0.0, got -0.1"),
    (lambda: gn.AveragePool2d(0), ValueError, "window: expected an integer of at least 1"),
    (lambda: gn.Upsample2d(0), ValueError, "factor: expected an integer of at least 1"),
    (lambda: gn.Upsample2d(2, mode="linear"), ValueError, "mode: expected one of 'nearest', 'bilinear', got 'linear'"),
    (lambda: gn.Reshape(2, 0), ValueError, "sizes[1]: expected an integer of at least 1, got 0"),
    (lambda: gn.Sequential(), ValueError, "layers: expected at least one"),
    (lambda: gn.Sequential(gn.Dense(2), "relu"), TypeError, "layers[1]: expected a Layer, got 'relu'"),
    (lambda: gn.Fork(gn.Dense(2)), ValueError, "layers: expected at least two branches, got 1"),
    (lambda: gn.Parallel(gn.Dense(2), 3), TypeError, "layers[1]: expected a Layer, got 3"),
    (lambda: gn.Loop(gn.Dense(2), 0), ValueError, "steps: expected an integer of at least 1, got 0"),
    (lambda: gn.Normal(-1.0), ValueError, "deviation: expected a number of at least 0.0"),
    (lambda: gn.Uniform(-1.0), ValueError, "limit: expected a number of at least 0.0"),
]


def _named(value):
    """The same in every process: a function's own name has its address in it."""
    return "call" if type(value).__name__ == "function" else str(value)[:30]


@pytest.mark.parametrize(("make", "error", "message"), ARGUMENTS, ids=_named)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_a_layer_without_forward(rng):
    with pytest.raises(NotImplementedError, match="Layer has no forward"):
        gn.Network(gn.Layer(), (3,)).forward(rng.standard_normal((2, 3)).astype("float32"))


def test_a_gradient_of_the_wrong_shape_is_refused(rng):
    class Wrong(gn.Layer):
        def declare(self, input_shape):
            return gn.Declaration(input_shape, {"weight": gn.Parameter(input_shape, gn.ONES)})

        def forward(self, variables, x, run):
            return x, lambda dy, wrt: variables.add_gradient("weight", dy)

    network = gn.Network(Wrong(), (3,))
    x = rng.standard_normal((2, 3)).astype("float32")
    _, pullback = network.forward(x)
    with pytest.raises(gn.ShapeError, match=r"gradient of 'weight' has shape \(2, 3\), the parameter has \(3,\)"):
        pullback(x)
