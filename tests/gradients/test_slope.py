"""`pullback.slope`: loss and penalty from one pass back and one forward give what each by itself gives."""

from collections import Counter

import numpy as np
import pytest

import gan_np as gn
from gan_np.layers import ALL, LayerPullback
from gan_np.networks import Network
from gan_np.training.penalty import penalise


class Squared(gn.Layer):
    """x² + mean over the batch of x: curved, and examples meet; a layer of one's own without a slope."""

    def forward(self, variables, x, run):
        def function(dy, wrt):
            return 2 * x * dy + dy.mean(axis=0)

        def linear(tangent, wrt):
            return 2 * x * tangent + tangent.mean(axis=0), lambda dmoved, wrt: (
                function(dmoved, wrt),
                2 * tangent * dmoved,
            )

        return x * x + x.mean(axis=0), LayerPullback(function, linear)


IMAGE = (6, 6, 2)
CONVOLUTION = gn.Conv2d(4, 3, padding=1, activation="leaky_relu")
NETWORKS = {
    "dense": (gn.Sequential(gn.Dense(7, activation="leaky_relu"), gn.Dense(1)), (5,)),
    "tanh": (gn.Sequential(gn.Dense(7, activation="tanh"), gn.Dense(6, activation="relu"), gn.Dense(1)), (5,)),
    "convolution": (gn.Sequential(CONVOLUTION, gn.Conv2d(3, 4, stride=2), gn.Flatten(), gn.Dense(1)), IMAGE),
    "winograd": (
        gn.Sequential(gn.Conv2d(16, 4, stride=2, padding=1, activation="leaky_relu"), gn.Flatten(), gn.Dense(1)),
        (8, 8, 16),
    ),
    "transposed": (
        gn.Sequential(gn.ConvTranspose2d(3, 4, stride=2, activation="relu"), gn.Flatten(), gn.Dense(1)),
        IMAGE,
    ),
    "residual": (
        gn.Sequential(gn.Residual(CONVOLUTION, gn.Conv2d(4, 1)), gn.BlurDownsample2d(), gn.WeightedSum(), gn.Dense(1)),
        IMAGE,
    ),
    "activations": (gn.Sequential(gn.Flatten(), gn.Dense(6), gn.LeakyReLU(), gn.Maxout(2), gn.Dense(1)), IMAGE),
    "statistics": (gn.Sequential(CONVOLUTION, gn.MinibatchStandardDeviation(), gn.Flatten(), gn.Dense(1)), IMAGE),
    "layer norm": (gn.Sequential(gn.Dense(6), gn.LayerNorm(activation="leaky_relu"), gn.Dense(1)), (5,)),
    "spectral": (gn.Sequential(gn.SpectralNorm(CONVOLUTION), gn.Flatten(), gn.SpectralNorm(gn.Dense(1))), IMAGE),
    "augmented": (
        gn.Sequential(gn.DiffAugment("colour", "translation"), CONVOLUTION, gn.Flatten(), gn.Dense(1)),
        IMAGE,
    ),
    "own": (gn.Sequential(gn.Dense(6, activation="leaky_relu"), Squared(), gn.Dense(1)), (5,)),
    "map of logits": (gn.Sequential(CONVOLUTION, gn.Conv2d(1, 3)), IMAGE),
}


def network_of(name: str) -> Network:
    structure, shape = NETWORKS[name]
    network = Network(structure, shape, seed=1, dtype=np.float64)
    rng = np.random.default_rng(2)
    network.parameters.assign(network.parameters.values + 0.1 * rng.standard_normal(len(network.parameters)))
    return network


def each_by_itself(network, x, gradient, factors, context=None):
    """The parameters' gradient of loss and penalty, by three passes back."""
    network.gradient.spend()
    given = x if context is None else (x, context)
    logits, pullback = network.forward(given, training=True, wrt=ALL, rng=np.random.default_rng(5))
    inputs = True if context is None else (True, False)
    slope = pullback(np.ones_like(logits), inputs=inputs, parameters=False, keep=True)
    slope = slope if context is None else slope[0]
    tangent = factors.reshape(-1, *(1,) * (x.ndim - 1)) * slope
    moved, second = pullback.linear(tangent if context is None else (tangent, np.zeros_like(context)), keep=True)
    second(np.ones_like(moved))
    pullback(gradient.reshape(logits.shape), inputs=False)
    return slope, moved, network.gradient.values.copy()


def together(network, x, gradient, factors, context=None):
    network.gradient.spend()
    given = x if context is None else (x, context)
    logits, pullback = network.forward(given, training=True, wrt=ALL, rng=np.random.default_rng(5))
    inputs = True if context is None else (True, False)
    slope, along = pullback.slope(np.ones_like(logits), scale=gradient, inputs=inputs)
    slope = slope if context is None else slope[0]
    tangent = factors.reshape(-1, *(1,) * (x.ndim - 1)) * slope
    moved = along(tangent if context is None else (tangent, None))
    return slope, moved, network.gradient.values.copy()


def agree(found, expected):
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-12 * np.abs(right).max())


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "map of logits"])
def test_loss_and_penalty_together_are_what_each_is_by_itself(name):
    network, rng = network_of(name), np.random.default_rng(3)
    x = rng.standard_normal((4, *network.input_shape))
    gradient, factors = rng.standard_normal(4), rng.standard_normal(4)
    agree(together(network, x, gradient, factors), each_by_itself(network, x, gradient, factors))


@pytest.mark.parametrize("model", ["r3gan", "conditional_dcgan"])
def test_it_holds_with_labels(model):
    rng = np.random.default_rng(3)
    if model == "r3gan":
        gan = gn.models.r3gan((8, 8, 1), 4, width=4, classes=3, dtype=np.float64)
    else:
        gan = gn.models.conditional_dcgan((8, 8, 1), 4, classes=3, width=4, d_norm="none", dtype=np.float64)
    d = gan.discriminator
    d.parameters.assign(d.parameters.values + 0.1 * rng.standard_normal(len(d.parameters)))
    x, context = rng.standard_normal((4, 8, 8, 1)), np.eye(3)[[0, 2, 1, 0]]
    given = d, x, rng.standard_normal(4), rng.standard_normal(4), context
    agree(together(*given), each_by_itself(*given))


def test_without_a_loss_only_the_penalty_is_differentiated():
    network, rng = network_of("convolution"), np.random.default_rng(3)
    x, factors = rng.standard_normal((4, *IMAGE)), rng.standard_normal(4)
    logits, pullback = network.forward(x, wrt=ALL)
    slope, along = pullback.slope(np.ones_like(logits))
    along(factors.reshape(-1, 1, 1, 1) * slope)
    found = network.gradient.values.copy()
    agree([found], each_by_itself(network, x, np.zeros(4), factors)[2:])


@pytest.mark.parametrize("name", ["convolution", "tanh", "map of logits"])
def test_a_penalty_with_the_loss_gradient_is_the_penalty_and_the_loss(name):
    network, rng = network_of(name), np.random.default_rng(3)
    x = rng.standard_normal((4, *network.input_shape))
    logits, pullback = network.forward(x, wrt=ALL)
    gradient = rng.standard_normal(logits.shape)
    value = penalise(pullback, logits, gn.penalties.R1(3.0), 3.0, gradient=gradient)
    found = network.gradient.values.copy()
    network.gradient.spend()
    logits, pullback = network.forward(x, wrt=ALL)
    assert penalise(pullback, logits, gn.penalties.R1(3.0), 3.0) == pytest.approx(float(value), rel=1e-12)
    pullback(gradient, inputs=False)
    agree([found], [network.gradient.values])


def test_the_network_is_gone_through_once_forward_once_back_and_once_forward(monkeypatch):
    calls: Counter[str] = Counter()
    from gan_np.kernels.cpu.grouped.plan import GroupedPlan

    for method in ("to_small_with_epilogue", "to_large_with_epilogue", "to_weight"):  # to_small is one without bias
        plain = getattr(GroupedPlan, method)

        def counted(self, *given, method=method.removesuffix("_with_epilogue"), plain=plain):
            calls[method] += 1
            return plain(self, *given)

        monkeypatch.setattr(GroupedPlan, method, counted)
    gan = gn.models.r3gan((8, 8, 1), 4, width=16)
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
    options = {"objective": gn.objectives.Relativistic(), "penalties": [gn.penalties.R1(1.0), gn.penalties.R2(1.0)]}
    trainer = gn.training.Trainer(gan, images, batch_size=4, **options)
    calls.clear()  # the trainer has tried whether D has a linearisation
    trainer.step()
    blocks = 2
    # D's step: G forward; D forward, the tangent forward (real, fake). G's step: G forward, D forward (fake, real).
    # Back: D's slope (real, fake); G's step through D and G. Weights: D's (real, fake), and G's.
    assert calls == {"to_small": (1 + 4 + 1 + 2) * blocks, "to_large": (2 + 2) * blocks, "to_weight": (2 + 1) * blocks}


def test_what_slope_gave_is_used_once_and_refuses_moved_weights():
    network = network_of("dense")
    x = np.ones((2, 5))
    logits, pullback = network.forward(x, wrt=ALL)
    slope, along = pullback.slope(np.ones_like(logits), keep=True)
    with pytest.raises(gn.ShapeError, match="tangent"):
        along(slope[:1])
    along(slope)
    with pytest.raises(RuntimeError, match="used a second time"):
        along(slope)
    _, along = pullback.slope(np.ones_like(logits))
    with pytest.raises(RuntimeError, match="used a second time"):
        pullback.slope(np.ones_like(logits))
    network.parameters.assign(network.parameters.values + 1)
    with pytest.raises(RuntimeError, match="edited since forward"):
        along(slope)


def test_slope_says_what_it_needs():
    network = network_of("dense")
    x = np.ones((2, 5))
    logits, pullback = network.forward(x, wrt=gn.layers.PARAMETERS)
    with pytest.raises(RuntimeError, match="asked for the input's gradient"):
        pullback.slope(np.ones_like(logits))
    logits, pullback = network.forward(x, wrt=ALL)
    with pytest.raises(gn.ShapeError, match="scale"):
        pullback.slope(np.ones_like(logits), scale=np.ones(3))
    with pytest.raises(TypeError, match="scale"):
        pullback.slope(np.ones_like(logits), scale=np.ones(2, np.float32))
