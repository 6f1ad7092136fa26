"""Compositions against finite differences: chains in chains, forks, joins, residuals, loops, and small DCGAN parts."""

import numpy as np
import pytest
from layer_cases import float64_network

import gan_np as gn

NETWORKS = {
    "nested chains": (
        gn.Sequential(gn.Sequential(gn.Dense(4), gn.Tanh()), gn.Sequential(gn.Sequential(gn.Dense(3)), gn.LayerNorm())),
        (3,),
    ),
    "chain without parameters": (gn.Sequential(gn.Tanh(), gn.Reshape(2, 3), gn.Sigmoid()), (6,)),
    "parameters only at the end": (gn.Sequential(gn.Tanh(), gn.Flatten(), gn.Dense(2)), (2, 3)),
    "fork": (gn.Sequential(gn.Dense(4, activation="tanh"), gn.Fork(gn.Dense(2), gn.Dense(3, activation="tanh"))), (3,)),
    "fork of three, one without parameters": (gn.Fork(gn.Dense(2), gn.Tanh(), gn.Identity()), (3,)),
    "fork in a fork": (gn.Fork(gn.Fork(gn.Dense(2), gn.Sigmoid()), gn.Dense(1)), (3,)),
    "parallel": (gn.Parallel(gn.Dense(2), gn.Conv2d(2, 2)), ((3,), (3, 3, 1))),
    "label joins halfway": (
        gn.Sequential(
            gn.Parallel(
                gn.Sequential(gn.Conv2d(3, 3, stride=2, activation="leaky_relu"), gn.Flatten()),
                gn.Dense(4, activation="tanh"),
            ),
            gn.Concatenate(),
            gn.Dense(1),
        ),
        ((5, 5, 1), (3,)),
    ),
    "fork, parallel, add": (
        gn.Sequential(
            gn.Fork(gn.Dense(3), gn.Identity()),
            gn.Parallel(gn.Tanh(), gn.Dense(3)),
            gn.Add(),
        ),
        (4,),
    ),
    "residual": (gn.Residual(gn.Sequential(gn.Dense(5, activation="tanh"), gn.Dense(4))), (4,)),
    "residual with a shortcut": (
        gn.Sequential(gn.Residual(gn.Conv2d(3, 3, stride=2, padding=1), gn.Conv2d(3, 1, stride=2)), gn.LeakyReLU()),
        (4, 5, 2),
    ),
    "residual in a residual": (gn.Residual(gn.Residual(gn.Dense(3, activation="sigmoid"))), (3,)),
    "loop": (gn.Loop(gn.Sequential(gn.Dense(4, activation="tanh"), gn.Dense(3)), 3), (3,)),
    "loop of one step": (gn.Loop(gn.Dense(3, activation="tanh"), 1), (3,)),
    "loop without parameters": (gn.Loop(gn.Tanh(), 4), (3,)),
    "loop with statistics": (gn.Loop(gn.Sequential(gn.Dense(3), gn.BatchNorm(activation="tanh")), 3), (3,)),
    "loop over a tuple": (
        gn.Loop(
            gn.Sequential(
                gn.Parallel(gn.Fork(gn.Dense(3), gn.Identity()), gn.Dense(3, activation="tanh")),
                gn.Parallel(gn.Add(), gn.Identity()),
            ),
            2,
        ),
        ((3,), (3,)),
    ),
    "loop in a loop": (gn.Loop(gn.Loop(gn.Dense(2, activation="tanh"), 2), 2), (2,)),
    "spectral norm in a chain": (
        gn.Sequential(
            gn.SpectralNorm(gn.Conv2d(3, 3, activation="leaky_relu")), gn.Flatten(), gn.SpectralNorm(gn.Dense(1))
        ),
        (4, 4, 1),
    ),
    "spectral norm in a loop": (gn.Loop(gn.SpectralNorm(gn.Dense(3, activation="tanh")), 2), (3,)),
    "dropout and maxout": (
        gn.Sequential(gn.Dropout(0.3), gn.Dense(12), gn.Maxout(3), gn.Dropout(0.5), gn.Dense(1)),
        (5,),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_composition(name):
    structure, shape = NETWORKS[name]
    gn.testing.check_gradients(structure, shape, batch=4)


def _leaves(arrays):
    return [leaf for part in arrays for leaf in _leaves(part)] if isinstance(arrays, tuple) else [arrays]


def _map(function, shapes):
    return tuple(_map(function, part) for part in shapes) if isinstance(shapes[0], tuple) else function(shapes)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_kept_pullback_gives_the_same_again_and_narrows(name, rng):
    """Twice everything, then each half alone, through every composition."""
    structure, shape = NETWORKS[name]
    network = float64_network(structure, shape)
    x = _map(lambda part: rng.standard_normal((4, *part)), shape)
    _, pullback = network.forward(x, training=True, rng=rng)
    dy = _map(lambda part: rng.standard_normal((4, *part)), network.output_shape)
    results = []
    for narrow in ({}, {}, {"parameters": False}, {"inputs": False}):
        network.gradient.spend()
        dx = pullback(dy, keep=True, **narrow)
        results.append((_leaves(dx), network.gradient.values.copy()))
    (dx, gradient), (dx_again, gradient_again), (dx_alone, nothing), (no_dx, gradient_alone) = results
    for found in (dx_again, dx_alone):
        for left, right in zip(found, dx, strict=True):
            np.testing.assert_array_equal(left, right)
    for found in (gradient_again, gradient_alone):
        np.testing.assert_array_equal(found, gradient)
    assert not nothing.any()
    assert no_dx in ([None], [None] * len(dx))


@pytest.mark.parametrize("training", [False, True])
def test_small_dcgan_generator(training):
    structure = gn.Sequential(
        gn.Dense(2 * 2 * 4, bias=False),
        gn.Reshape(2, 2, 4),
        gn.BatchNorm(activation="relu"),
        gn.ConvTranspose2d(3, 4, stride=2, padding=1, bias=False),
        gn.BatchNorm(activation="relu"),
        gn.ConvTranspose2d(1, 4, stride=2, padding=1, activation="tanh"),
    )
    gn.testing.check_gradients(structure, (5,), batch=4, training=training)


@pytest.mark.parametrize("training", [False, True])
def test_small_dcgan_discriminator(training):
    structure = gn.Sequential(
        gn.Conv2d(3, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.Conv2d(4, 4, stride=2, padding=1, bias=False),
        gn.BatchNorm(activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(1),
    )
    gn.testing.check_gradients(structure, (8, 8, 1), batch=4, training=training)


def test_integer_inputs_get_no_gradient(rng):
    """A label is an integer: the checker moves the image and the parameters only."""

    class Embed(gn.Layer):
        def declare(self, input_shape):
            return gn.Declaration((3,), {"table": gn.Parameter((5, 3), gn.Normal(1.0))})

        def forward(self, variables, x, run):
            def pullback(dy, wrt):
                if wrt.parameters:
                    table = np.zeros_like(variables["table"])
                    np.add.at(table, x[:, 0], dy)
                    variables.add_gradient("table", table)

            return variables["table"][x[:, 0]], pullback

    structure = gn.Sequential(gn.Parallel(gn.Identity(), Embed()), gn.Concatenate(), gn.Dense(2))
    labels = rng.integers(0, 5, (6, 1))
    gn.testing.check_gradients(structure, ((4,), (1,)), x=(rng.standard_normal((6, 4)), labels))
