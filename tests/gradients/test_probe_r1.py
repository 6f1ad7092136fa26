"""Probe 5: R1's second derivative through `pullback.linear(t)`, against finite differences of the penalised objective.

L(θ) = mean softplus(−s(x)) + γ/2 · mean_n ‖∂s_n/∂x_n‖²      with t = Jᵀ·1:   ∂/∂θ ½‖Jᵀ·1‖² = ∂/∂θ ⟨1, J(θ)·t⟩, t held
"""

import numpy as np
import pytest
from layer_cases import float64_network
from slopes import check_gradient_of

import gan_np as gn
from gan_np.layers import ALL, INPUTS, PARAMETERS

GAMMA = 10.0
OBJECTIVE = gn.objectives.NonSaturating()

DISCRIMINATORS = {
    "conv, leaky relu, dense": gn.Sequential(
        gn.Conv2d(4, 3, stride=2, padding=1),
        gn.LeakyReLU(0.2),
        gn.Conv2d(3, 2, activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(5, activation="relu"),
        gn.Dense(1),
    ),
    "maxout": gn.Sequential(gn.Flatten(), gn.Dense(12), gn.Maxout(3), gn.Dense(1, bias=False)),
    "residual and pooling": gn.Sequential(
        gn.Residual(gn.Sequential(gn.LeakyReLU(), gn.Conv2d(1, 3, padding=1))),
        gn.AveragePool2d(2),
        gn.Upsample2d(2, mode="bilinear"),
        gn.Conv2d(2, 3, stride=2, activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(1),
    ),
    "spectral norm": gn.Sequential(
        gn.SpectralNorm(gn.Conv2d(3, 3, stride=2, activation="leaky_relu")),
        gn.Flatten(),
        gn.SpectralNorm(gn.Dense(1)),
    ),
    "fork and concatenate": gn.Sequential(
        gn.Flatten(),
        gn.Fork(gn.Dense(3, activation="relu"), gn.Dense(2, activation="leaky_relu"), gn.Identity()),
        gn.Concatenate(),
        gn.Dense(1),
    ),
    "loop": gn.Sequential(
        gn.Flatten(),
        gn.Dense(4),
        gn.Loop(gn.Dense(4, activation="leaky_relu"), 3),
        gn.Reshape(2, 2),
        gn.Flatten(),
        gn.Dense(1),
    ),
    "transposed conv": gn.Sequential(
        gn.ConvTranspose2d(2, 3, stride=2, padding=1, activation="leaky_relu"), gn.Flatten(), gn.Dense(1)
    ),
}


def _penalised(network, x):
    logits, pullback = network.forward(x, training=True, wrt=INPUTS)
    slope = pullback(np.ones_like(logits))
    return OBJECTIVE.real(logits).value + 0.5 * GAMMA * (slope * slope).sum() / len(x)


def _gradient(network, x):
    """One forward serves the loss, the slope and the second derivative."""
    logits, pullback = network.forward(x, training=True, wrt=ALL)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    along, of_linear = pullback.linear(slope, keep=True)
    np.testing.assert_allclose(along.sum(), (slope * slope).sum(), rtol=1e-12)
    of_linear(np.full_like(along, GAMMA / len(x)))
    pullback(OBJECTIVE.real(logits).gradient, inputs=False)
    return network.gradient.values.copy()


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_whole_penalised_objective(name, rng):
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1))
    x = rng.standard_normal((4, 6, 6, 1))
    check_gradient_of(lambda: _penalised(network, x), network, _gradient(network, x), rng)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_the_penalty_alone(name, rng):
    """So that the loss's own gradient cannot hide an error of the penalty's."""
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1), seed=3)
    x = rng.standard_normal((3, 6, 6, 1))

    def penalty():
        logits, pullback = network.forward(x, training=True, wrt=INPUTS)
        return 0.5 * (pullback(np.ones_like(logits)) ** 2).sum()

    logits, pullback = network.forward(x, training=True)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    along, of_linear = pullback.linear(slope)
    of_linear(np.ones_like(along))
    check_gradient_of(penalty, network, network.gradient.values.copy(), rng)


def test_linear_output_is_the_directional_derivative(rng):
    network = float64_network(DISCRIMINATORS["conv, leaky relu, dense"], (6, 6, 1))
    x, tangent = rng.standard_normal((2, 3, 6, 6, 1))
    logits, pullback = network.forward(x)
    along, _ = pullback.linear(tangent)
    numeric = (network(x + 1e-6 * tangent) - network(x - 1e-6 * tangent)) / 2e-6
    assert along.shape == logits.shape
    np.testing.assert_allclose(along, numeric, rtol=1e-7)


def test_linear_pullback_gives_the_tangents_gradient_too(rng):
    network = float64_network(DISCRIMINATORS["conv, leaky relu, dense"], (6, 6, 1))
    x, tangent = rng.standard_normal((2, 3, 6, 6, 1))
    logits, pullback = network.forward(x)
    dy = rng.standard_normal(logits.shape)
    slope = pullback(dy, parameters=False, keep=True)
    _, of_linear = pullback.linear(tangent, inputs=True)
    np.testing.assert_allclose(of_linear(dy), slope, rtol=1e-12, atol=1e-15)  # the same linear map's adjoint


def test_biases_receive_nothing_from_the_penalty(rng):
    """J does not depend on a bias while no kink is crossed."""
    network = float64_network(DISCRIMINATORS["conv, leaky relu, dense"], (6, 6, 1))
    logits, pullback = network.forward(rng.standard_normal((3, 6, 6, 1)))
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    along, of_linear = pullback.linear(slope)
    of_linear(np.ones_like(along))
    for segment in network.parameters.layout.segments:
        largest = np.abs(network.gradient[segment.name]).max()
        assert (largest == 0) == (segment.tag == "bias"), segment.name


REFUSING = [
    gn.BatchNorm(),
    gn.BatchNorm(affine=False),
    gn.LayerNorm(),
    gn.Tanh(),
    gn.Sigmoid(),
    gn.Softplus(),
    gn.Dense(4, activation="tanh"),
    gn.Dense(4, activation="sigmoid"),
    gn.Sequential(gn.Dense(3), gn.Residual(gn.Tanh())),
    gn.Loop(gn.BatchNorm(), 2),
    gn.SpectralNorm(gn.Dense(3, activation="tanh")),
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layer", REFUSING, ids=repr)
def test_layers_that_are_not_piecewise_linear_refuse(layer, training, rng):
    network = float64_network(gn.Sequential(gn.Dense(4), layer, gn.Flatten(), gn.Dense(1)), (3,))
    x = rng.standard_normal((5, 3))
    logits, pullback = network.forward(x, training=training)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    with pytest.raises(TypeError, match="not piecewise linear"):
        pullback.linear(slope)


def test_a_layer_of_ones_own_without_a_linearisation_refuses(rng):
    class Square(gn.Layer):
        def forward(self, variables, x, run):
            return x * x, lambda dy, wrt: 2 * x * dy

    network = float64_network(gn.Sequential(gn.Dense(2), Square()), (3,))
    _, pullback = network.forward(rng.standard_normal((4, 3)))
    with pytest.raises(TypeError, match=r"Square\(\) is not piecewise linear"):
        pullback.linear(np.ones((4, 3)))


@pytest.mark.parametrize("wrt", [PARAMETERS, gn.Wrt(False, False)], ids=["parameters only", "nothing"])
def test_linear_needs_a_forward_that_kept_the_way_from_the_input(wrt, rng):
    """A chain without its first layers would map the tangent wrongly, and silently."""
    network = float64_network(gn.Sequential(gn.LeakyReLU(), gn.Dense(1)), (3,))
    x = rng.standard_normal((4, 3))
    _, pullback = network.forward(x, wrt=wrt)
    with pytest.raises(RuntimeError, match="pullback"):
        pullback.linear(np.ones_like(x))


def test_a_tangent_of_the_wrong_shape_or_dtype(rng):
    network = float64_network(DISCRIMINATORS["maxout"], (6, 6, 1))
    _, pullback = network.forward(rng.standard_normal((4, 6, 6, 1)))
    with pytest.raises(gn.ShapeError, match=r"\(4, 6, 6, 1\)"):
        pullback.linear(np.ones((4, 6, 5, 1)))
    with pytest.raises(TypeError, match=r"float64.*float32"):
        pullback.linear(np.ones((4, 6, 6, 1), np.float32))
