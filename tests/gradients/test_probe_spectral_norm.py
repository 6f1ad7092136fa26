"""Probe 6: spectral normalisation, checked with u frozen and v recomputed."""

import numpy as np
import pytest
from layer_cases import float64_network
from slopes import check_gradient_of

import gan_np as gn
from gan_np.layers import spectral_norm

INNER = {
    "dense": (gn.Dense(4, bias=False), (6,), (-1, 4), "weight"),
    "conv": (gn.Conv2d(4, 3, bias=False), (3, 3, 2), (-1, 4), "weight"),
    "transposed conv": (gn.ConvTranspose2d(4, 3, bias=False), (1, 1, 3), None, "weight"),
}


def _matrix(network, name):
    """The weight as (everything else, outputs)."""
    weight = network.parameters["weight"]
    return np.moveaxis(weight, 2, -1).reshape(-1, 4) if name == "transposed conv" else weight.reshape(-1, 4)


def _normalised(network, name, x):
    """Ŵ, read off a forward of the layer through its linearity: the ratio to the layer without normalisation."""
    plain = gn.Network(INNER[name][0], INNER[name][1], dtype=np.float64)
    plain.parameters.assign(network.parameters.values)
    ratio = network(x) / plain(x)
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-10)
    return _matrix(network, name) * ratio.flat[0]


@pytest.mark.parametrize("name", INNER)
def test_gradients_with_u_frozen(name):
    layer, shape, *_ = INNER[name]
    gn.testing.check_gradients(gn.SpectralNorm(layer), shape, batch=4)


@pytest.mark.parametrize("name", INNER)
def test_sigma_is_the_length_of_the_weight_times_u(name, rng):
    layer, shape, *_ = INNER[name]
    network = float64_network(gn.SpectralNorm(layer), shape)
    x = rng.standard_normal((2, *shape))
    matrix = _matrix(network, name)
    sigma = np.linalg.norm(matrix @ network.state["spectral_u"])
    np.testing.assert_allclose(_normalised(network, name, x), matrix / sigma, rtol=1e-9)


@pytest.mark.parametrize("name", INNER)
def test_power_iterations_find_the_largest_singular_value(name, rng):
    layer, shape, *_ = INNER[name]
    network = float64_network(gn.SpectralNorm(layer), shape)
    x = rng.standard_normal((2, *shape))
    for _ in range(300):
        network.forward(x, training=True, update_state=True)
    np.testing.assert_allclose(np.linalg.norm(_normalised(network, name, x), 2), 1.0, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(network.state["spectral_u"]), 1.0, rtol=1e-9)


@pytest.mark.parametrize("name", INNER)
def test_u_starts_with_length_1(name):
    """A longer u would scale σ: before any iteration the estimate is at most the largest singular value."""
    layer, shape, *_ = INNER[name]
    network = gn.Network(gn.SpectralNorm(layer), shape, seed=4, dtype=np.float64)
    u = network.state["spectral_u"]
    np.testing.assert_allclose(np.linalg.norm(u), 1, rtol=1e-12)
    matrix = _matrix(network, name)
    assert 0.1 * np.linalg.norm(matrix, 2) < np.linalg.norm(matrix @ u) <= np.linalg.norm(matrix, 2) * (1 + 1e-12)


def test_one_iteration_is_that_of_the_paper(rng):
    network = float64_network(gn.SpectralNorm(gn.Dense(4)), (6,))
    weight, u = network.parameters["weight"], network.state["spectral_u"].copy()
    network.forward(rng.standard_normal((2, 6)), training=True, update_state=True)
    v = weight @ u / np.linalg.norm(weight @ u)
    expected = weight.T @ v / np.linalg.norm(weight.T @ v)
    np.testing.assert_allclose(network.state["spectral_u"], expected, rtol=1e-10)


@pytest.mark.parametrize(("training", "update_state"), [(False, False), (False, True), (True, False)])
def test_u_moves_only_in_training_and_only_when_asked(training, update_state, rng):
    network = float64_network(gn.SpectralNorm(gn.Dense(4)), (6,))
    before = network.state.values.copy()
    network.forward(rng.standard_normal((2, 6)), training=training, update_state=update_state)
    np.testing.assert_array_equal(network.state.values, before)


def test_v_is_recomputed_when_the_weight_moves(rng):
    """No stale σ: with u constant, the output stays the same when W is doubled."""
    network = float64_network(gn.SpectralNorm(gn.Dense(4, bias=False)), (6,))
    x = rng.standard_normal((3, 6))
    y = network(x)
    network.parameters.assign(2 * network.parameters.values)
    np.testing.assert_allclose(network(x), y, rtol=1e-12)
    network.parameters.assign(network.parameters.values + 0.3 * rng.standard_normal(24))
    weight = network.parameters["weight"]
    expected = x @ weight / np.linalg.norm(weight @ network.state["spectral_u"])
    np.testing.assert_allclose(network(x), expected, rtol=1e-12)


@pytest.mark.parametrize("kernel", [entry.name for entry in gn.kernels.entries("conv2d")])
def test_no_stale_prepared_weight_when_u_moves(kernel, rng):
    """u moves the weight that is used without an edit of θ: a prepared form keyed by θ's version would be stale."""
    layer = gn.SpectralNorm(gn.Conv2d(4, 4, stride=2, padding=1, bias=False))
    network = gn.Network(layer, (8, 8, 3), seed=1)
    x = rng.standard_normal((2, 8, 8, 3)).astype(np.float32)
    plan_problem = gn.kernels.list_cases("conv2d", size="dcgan")[0]
    reason = gn.kernels.entry("conv2d", kernel).supports(plan_problem.problem(np.dtype(np.float32)))
    if reason is not None:
        pytest.skip(f"{kernel} does not do DCGAN's convolutions here: {reason}")
    with gn.use_kernels(conv2d=kernel):
        network(x)
        network.state.assign(network.state.values[::-1].copy())
        found = network(x)
        fresh = network.sharing()(x)
    np.testing.assert_allclose(found, fresh, rtol=1e-5, atol=1e-6)


def test_state_that_moves_between_forward_and_pullback_does_not_reach_the_pullback(rng):
    network = float64_network(gn.SpectralNorm(gn.Dense(4)), (6,))
    x, dy = rng.standard_normal((3, 6)), rng.standard_normal((3, 4))
    _, pullback = network.forward(x)
    expected = pullback(dy), network.gradient.values.copy()
    network.gradient.spend()
    _, pullback = network.forward(x)
    network.forward(x, training=True, update_state=True)
    np.testing.assert_array_equal(pullback(dy), expected[0])
    np.testing.assert_array_equal(network.gradient.values, expected[1])


@pytest.mark.parametrize("times", [1, 2])
def test_the_gradient_of_a_weight_of_several_blocks(times, rng):
    """dW = (dŴ − ⟨dŴ, Ŵ⟩·v·uᵀ)/σ by the formula; the second pullback adds to what the first one wrote."""
    inputs, outputs = 301, 470
    assert inputs * outputs > 2 * spectral_norm.BLOCK
    network = gn.Network(gn.SpectralNorm(gn.Dense(outputs, bias=False)), (inputs,), seed=2, dtype=np.float64)
    x, dy = rng.standard_normal((3, inputs)), rng.standard_normal((3, outputs))
    weight, u = network.parameters["weight"].copy(), network.state["spectral_u"].copy()
    sigma = np.linalg.norm(weight @ u)
    d, v = x.T @ dy, weight @ u / sigma
    expected = (d - (d * weight).sum() / sigma * np.outer(v, u)) / sigma
    for _ in range(times):
        network.forward(x)[1](dy)
    found = network.gradient["weight"]
    np.testing.assert_allclose(found, times * expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


def test_the_gradient_reaches_a_place_whose_rows_are_no_view(rng):
    d, normalised, v, u = (rng.standard_normal(shape) for shape in ((6, 4), (6, 4), (6,), (4,)))
    expected = (d - (d * normalised).sum() * np.outer(v, u)) / 2.0
    place = np.ones((4, 6)).T
    spectral_norm._pull_in_blocks(d.copy(), normalised, v, u, np.float64(2.0), gn.kernels.Into(place, True))
    np.testing.assert_allclose(place, 1 + expected, rtol=1e-12)


def test_composed_objective_with_u_frozen(rng):
    structure = gn.Sequential(
        gn.SpectralNorm(gn.Conv2d(3, 4, stride=2, padding=1, activation="leaky_relu")),
        gn.SpectralNorm(gn.Conv2d(4, 2, stride=2, activation="leaky_relu")),
        gn.Flatten(),
        gn.SpectralNorm(gn.Dense(1)),
    )
    network = float64_network(structure, (8, 8, 1))
    objective = gn.objectives.NonSaturating()
    real, fake = rng.standard_normal((2, 5, 8, 8, 1))
    for _ in range(3):
        network.forward(real, training=True, update_state=True, wrt=gn.Wrt(False, False))

    def loss():
        return objective.real(network(real)).value + objective.fake(network(fake)).value

    for batch, part in ((real, objective.real), (fake, objective.fake)):
        logits, pullback = network.forward(batch, training=True, wrt=gn.Wrt(False, True))
        pullback(part(logits).gradient)
    check_gradient_of(loss, network, network.gradient.values.copy(), rng)


def test_a_layer_without_such_a_parameter():
    with pytest.raises(ValueError, match="no parameter 'weight' to normalise"):
        gn.Network(gn.SpectralNorm(gn.Tanh()), (3,))
