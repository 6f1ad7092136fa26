"""Initialisers: the distributions that they claim, fans, seeds."""

import math

import numpy as np
import pytest
from scipy import stats

import gan_np as gn
from gan_np.layers.initializers import fans

SHAPE = (4, 4, 32, 64)
COUNT = math.prod(SHAPE)
FANS = fans(SHAPE)


def draw(initializer, shape=SHAPE, seed=0):
    return initializer(np.random.default_rng(seed), shape, fans(shape)).ravel()


def test_fans():
    assert fans((10, 20)) == (10, 20)
    assert fans((3, 5, 8, 16)) == (3 * 5 * 8, 3 * 5 * 16)
    assert fans((3, 5, 16, 8), output_axis=2) == (3 * 5 * 8, 3 * 5 * 16)
    assert fans((3, 5, 8, 16), groups=4) == (3 * 5 * 8, 3 * 5 * 4)
    assert fans((3, 5, 8, 16), output_axis=2, groups=4) == (3 * 5 * 4, 3 * 5 * 8)
    assert fans((7,)) == (7, 7)
    assert fans(()) == (1, 1)


def test_constant():
    np.testing.assert_array_equal(draw(gn.Constant(0.3)), 0.3)
    np.testing.assert_array_equal(draw(gn.ONES), 1)
    np.testing.assert_array_equal(draw(gn.ZEROS), 0)


@pytest.mark.parametrize(
    ("initializer", "distribution"),
    [
        (gn.Normal(), stats.norm(0, 0.02)),
        (gn.Normal(0.5, 1.0), stats.norm(1.0, 0.5)),
        (gn.Uniform(0.05), stats.uniform(-0.05, 0.1)),
        (gn.Glorot(), stats.uniform(-math.sqrt(6 / sum(FANS)), 2 * math.sqrt(6 / sum(FANS)))),
        (gn.He(), stats.norm(0, math.sqrt(2 / FANS[0]))),
        (gn.He(0.2), stats.norm(0, math.sqrt(2 / (1.04 * FANS[0])))),
    ],
    ids=lambda value: repr(value) if type(value).__module__.startswith("gan_np") else "distribution",
)
def test_distributions(initializer, distribution):
    """Kolmogorov and Smirnov's test over 32,768 draws."""
    values = draw(initializer)
    assert values.dtype == np.float64
    assert stats.kstest(values, distribution.cdf).pvalue > 1e-3
    np.testing.assert_allclose(values.std(), distribution.std(), rtol=5 / math.sqrt(COUNT))


def test_he_keeps_the_variance_through_relu(rng):
    x = rng.standard_normal((2000, 256))
    for _ in range(3):
        weight = gn.He()(rng, (256, 256), (256, 256))
        x = np.maximum(x @ weight, 0)
    assert 0.7 < (x * x).mean() < 1.4


@pytest.mark.parametrize("layer", [gn.Conv2d, gn.ConvTranspose2d])
def test_layers_count_inputs_and_outputs_of_their_own_side(layer):
    """The fan-in of a transposed convolution counts its own input channels, though its weights are laid out otherwise."""
    network = gn.Network(layer(32, 4, weight_initializer=gn.He()), (8, 8, 128))
    np.testing.assert_allclose(network.parameters["weight"].std(), math.sqrt(2 / (16 * 128)), rtol=0.02)


@pytest.mark.parametrize("layer", [gn.Conv2d, gn.ConvTranspose2d])
def test_a_unit_of_a_group_has_the_inputs_of_its_group_alone(layer):
    network = gn.Network(layer(64, 4, groups=4, weight_initializer=gn.He()), (8, 8, 128))
    np.testing.assert_allclose(network.parameters["weight"].std(), math.sqrt(2 / (16 * 32)), rtol=0.02)


def test_where_layers_start():
    structure = gn.Sequential(
        gn.Dense(6, bias_initializer=gn.Constant(0.5)), gn.BatchNorm(scale_initializer=gn.Normal(0.02, 1.0))
    )
    network = gn.Network(structure, (3,))
    np.testing.assert_array_equal(network.parameters["0.bias"], 0.5)
    assert 0 < np.abs(network.parameters["1.scale"] - 1).max() < 0.2
    np.testing.assert_array_equal(network.parameters["1.bias"], 0)
    assert np.abs(network.parameters["0.weight"]).max() <= math.sqrt(6 / 9)


def test_an_initializer_of_ones_own():
    def identity(rng, shape, fans):
        return np.eye(*shape)

    network = gn.Network(gn.Dense(3, weight_initializer=identity), (3,))
    np.testing.assert_array_equal(network.parameters["weight"], np.eye(3))
