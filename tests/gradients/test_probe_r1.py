"""Probe 5: R1's second derivative through `pullback.linear(t)`, against finite differences of the penalised objective.

L(θ) = mean softplus(−s(x)) + γ/2 · mean_n ‖∂s_n/∂x_n‖²      with t = Jᵀ·1:   ∂/∂θ ½‖Jᵀ·1‖² = ∂/∂θ ⟨1, J(θ, x)·t⟩, t held
"""

import numpy as np
import pytest
from layer_cases import float64_network
from planted import drop_the_second_derivative
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
    "groups and one weight a channel": gn.Sequential(
        gn.Conv2d(4, 1, bias=False),
        gn.Conv2d(6, 3, padding=1, groups=2, activation="leaky_relu"),
        gn.ConvTranspose2d(6, 2, stride=2, groups=3),
        gn.Conv2d(6, 12, groups=6, bias=False),
        gn.Flatten(),
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
    "basis, low-pass and weighted sum": gn.Sequential(
        gn.WeightedSum(),
        gn.Dense(4),
        gn.Basis(2, 3),
        gn.BlurUpsample2d((True, False)),
        gn.Conv2d(3, 1, activation="leaky_relu"),
        gn.BlurDownsample2d(),
        gn.WeightedSum(),
        gn.Dense(1, bias=False),
    ),
    "transposed conv": gn.Sequential(
        gn.ConvTranspose2d(2, 3, stride=2, padding=1, activation="leaky_relu"), gn.Flatten(), gn.Dense(1)
    ),
}

PIECEWISE_LINEAR = tuple(DISCRIMINATORS)


def _critic(*layers):
    return gn.Sequential(*layers, gn.Flatten(), gn.Dense(1))


def _hidden(normalisation):
    """A convolution, a normalisation and a leaky ReLU, twice; the second time in a residual block."""
    block = gn.Residual(gn.Sequential(gn.Conv2d(4, 3, padding=1), normalisation(), gn.LeakyReLU()))
    return _critic(gn.Conv2d(4, 3, stride=2, padding=1), normalisation(), gn.LeakyReLU(), block)


DISCRIMINATORS |= {
    "conv, tanh, dense": _critic(
        gn.Conv2d(3, 3, stride=2, activation="tanh"), gn.Flatten(), gn.Dense(4, activation="tanh")
    ),
    "conv, sigmoid": _critic(gn.Conv2d(3, 3, activation="sigmoid"), gn.Conv2d(2, 3, activation="leaky_relu")),
    "transposed conv, tanh": _critic(gn.ConvTranspose2d(2, 3, stride=2, padding=1, activation="tanh"), gn.Conv2d(2, 3)),
    "activations as layers": _critic(
        gn.Conv2d(3, 3), gn.Tanh(), gn.Conv2d(3, 3), gn.Softplus(), gn.Flatten(), gn.Dense(4), gn.Sigmoid()
    ),
    "layer norm": _hidden(lambda: gn.LayerNorm()),
    "layer norm with tanh": _critic(
        gn.Flatten(), gn.Dense(6), gn.LayerNorm(activation="tanh"), gn.Dense(5), gn.LayerNorm(affine=False)
    ),
    "group norm": _hidden(lambda: gn.GroupNorm(2)),
    "group norm with sigmoid": _critic(gn.Conv2d(4, 3), gn.GroupNorm(2, activation="sigmoid"), gn.Conv2d(2, 2)),
    "instance norm": _hidden(lambda: gn.InstanceNorm(affine=True)),
    "instance norm of the image": _critic(gn.InstanceNorm(), gn.Conv2d(4, 3, activation="leaky_relu")),
    "minibatch deviation": _critic(
        gn.Conv2d(3, 3, stride=2, activation="leaky_relu"), gn.MinibatchStandardDeviation(), gn.Conv2d(2, 2)
    ),
    "spectral norm, tanh": _critic(
        gn.SpectralNorm(gn.Conv2d(3, 3, stride=2, activation="tanh")),
        gn.Flatten(),
        gn.SpectralNorm(gn.Dense(3)),
        gn.Softplus(),
    ),
    "residual, tanh": _critic(
        gn.Residual(
            gn.Sequential(
                gn.Conv2d(2, 3, padding=1, activation="tanh"), gn.Conv2d(1, 3, padding=1, activation="sigmoid")
            )
        ),
        gn.Residual(gn.Sequential(gn.Tanh(), gn.Conv2d(2, 3, stride=2)), gn.Conv2d(2, 3, stride=2)),
    ),
    "fork, parallel and concatenate, curved": _critic(
        gn.Flatten(),
        gn.Fork(gn.Dense(3, activation="tanh"), gn.Dense(2, activation="leaky_relu")),
        gn.Parallel(gn.Sequential(gn.Dense(2), gn.Softplus()), gn.Identity()),
        gn.Concatenate(),
        gn.LayerNorm(),
    ),
    "inner product": gn.Sequential(
        gn.Flatten(),
        gn.Fork(gn.Dense(3, activation="leaky_relu"), gn.Dense(3, activation="tanh")),
        gn.InnerProduct(),
    ),
    "loop, tanh": _critic(gn.Flatten(), gn.Dense(4), gn.Loop(gn.Dense(4, activation="tanh"), 3)),
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


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_each_example_weighted_on_its_own(name, rng):
    """Σₙ φ(‖tₙ‖²) with φ(u) = √(1 + u): the tangent is 2φ′(‖tₙ‖²)·tₙ. The loss's gradient goes along in one pass.

    Where each example stands alone the weights can be in the upstream gradient just as well.
    """
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1), seed=4)
    x = rng.standard_normal((4, 6, 6, 1))

    def squares(slope):
        return (slope * slope).sum(axis=(1, 2, 3))

    def objective():
        logits, pullback = network.forward(x, training=True, wrt=INPUTS)
        return np.sqrt(1 + squares(pullback(np.ones_like(logits)))).sum() + OBJECTIVE.real(logits).value

    logits, pullback = network.forward(x, training=True)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    weights, loss = 1 / np.sqrt(1 + squares(slope)), OBJECTIVE.real(logits).gradient
    moved, second = pullback.linear(weights[:, None, None, None] * slope, keep=True)
    second(np.ones_like(moved), keep=True)
    alone = network.gradient.values.copy()
    pullback(loss, inputs=False, keep=True)
    apart = network.gradient.values.copy()
    network.gradient.spend()
    second(np.ones_like(moved), output=loss)
    together = network.gradient.values.copy()
    np.testing.assert_allclose(together, apart, rtol=1e-9, atol=1e-12)
    if name != "minibatch deviation":
        network.gradient.spend()
        _, second = pullback.linear(slope)
        second(weights[:, None])
        np.testing.assert_allclose(network.gradient.values, alone, rtol=1e-9, atol=1e-12)
    check_gradient_of(objective, network, together, rng, directions=3)


NO_PARAMETERS_BEFORE = ("instance norm of the image",)
"""What bends comes before all parameters, whose gradients f″ then does not reach."""


@pytest.mark.parametrize(
    "name", [name for name in DISCRIMINATORS if name not in PIECEWISE_LINEAR + NO_PARAMETERS_BEFORE]
)
def test_without_the_second_derivative_it_is_seen(name, rng, monkeypatch):
    """Every curved critic, its layers taken for piecewise linear ones."""
    drop_the_second_derivative(monkeypatch)
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1))
    x = rng.standard_normal((4, 6, 6, 1))
    with pytest.raises(AssertionError, match="finite differences give"):
        check_gradient_of(lambda: _penalised(network, x), network, _gradient(network, x), rng)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_the_linear_pullback_gives_gradients_of_the_tangent_and_of_the_input(name, rng):
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1))
    x, tangent = rng.standard_normal((2, 3, 6, 6, 1))
    logits, pullback = network.forward(x)
    dy = rng.standard_normal(logits.shape)
    slope = pullback(dy, parameters=False, keep=True)
    _, second = pullback.linear(tangent, inputs=True)
    dtangent, dx = second(dy)
    np.testing.assert_allclose(dtangent, slope, rtol=1e-12, atol=1e-15)  # the same linear map's adjoint
    assert (dx is None) == (name in PIECEWISE_LINEAR)


def test_biases_receive_nothing_from_the_penalty_where_all_is_piecewise_linear(rng):
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
    gn.Residual(gn.BatchNorm(activation="leaky_relu")),
    gn.Loop(gn.BatchNorm(), 2),
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layer", REFUSING, ids=repr)
def test_batch_normalisation_refuses_and_names_the_alternatives(layer, training, rng):
    network = float64_network(gn.Sequential(gn.Dense(4), layer, gn.Flatten(), gn.Dense(1)), (3,))
    x = rng.standard_normal((5, 3))
    logits, pullback = network.forward(x, training=training)
    slope = pullback(np.ones_like(logits), parameters=False, keep=True)
    with pytest.raises(
        TypeError, match=r"^BatchNorm\(.*\) has no linearisation: .*layer, group, instance or spectral norm"
    ):
        pullback.linear(slope)


def test_a_layer_of_ones_own_without_a_linearisation_refuses(rng):
    class Square(gn.Layer):
        def forward(self, variables, x, run):
            return x * x, lambda dy, wrt: 2 * x * dy

    network = float64_network(gn.Sequential(gn.Dense(2), Square()), (3,))
    _, pullback = network.forward(rng.standard_normal((4, 3)))
    with pytest.raises(TypeError, match=r"Square\(\) has no linearisation: .*write-your-own-layer"):
        pullback.linear(np.ones((4, 3)))


@pytest.mark.parametrize(("name", "curved"), [("conv, leaky relu, dense", False), ("layer norm", True)])
def test_a_forward_that_was_not_asked_for_the_parameters_gradients(name, curved, rng):
    """Enough where all layers are piecewise linear (and the same bits); else it is said before anything is written."""
    network = float64_network(DISCRIMINATORS[name], (6, 6, 1))
    x = rng.standard_normal((3, 6, 6, 1))
    gradients = []
    for wrt in (ALL, INPUTS):
        network.gradient.spend()
        logits, pullback = network.forward(x, wrt=wrt)
        slope = pullback(np.ones_like(logits), parameters=False, keep=True)
        if curved and wrt is INPUTS:
            with pytest.raises(RuntimeError, match="not all layers are piecewise linear"):
                pullback.linear(slope)
            return
        moved, second = pullback.linear(slope)
        second(moved)
        gradients.append(network.gradient.values.copy())
    np.testing.assert_array_equal(*gradients)


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
