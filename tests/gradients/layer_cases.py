"""Every layer in every variant, small enough for many finite differences: one list, walked by two suites.

The gradient checks take each case as it is; the checks of the checker spoil each case's gradients one at a time.
"""

from typing import NamedTuple

import numpy as np

import gan_np as gn

FUSED = (None, "relu", "leaky_relu", "tanh", "sigmoid")


class LayerCase(NamedTuple):
    name: str
    layer: gn.Layer
    input_shape: tuple
    batch: int = 3
    training: bool | None = None
    """None checks both modes; a layer that is the same in both is checked once."""


def _dense():
    for activation in FUSED:
        for bias in (True, False):
            layer = gn.Dense(4, bias=bias, activation=activation)
            yield LayerCase(f"dense {activation} bias={bias}", layer, (3,), 3, False)
    for features in (1, 3, 5, 17):
        yield LayerCase(f"dense {features} to 17", gn.Dense(17), (features,), 1, False)
        yield LayerCase(f"dense 17 to {features}", gn.Dense(features, activation="leaky_relu"), (17,), 2, False)
    steep = gn.Activation("leaky_relu", 0.01)
    yield LayerCase("dense with another slope", gn.Dense(4, activation=steep), (3,), 3, False)


def _convolutions():
    for activation in FUSED:
        for bias in (True, False):
            options = {"stride": 2, "padding": 1, "bias": bias, "activation": activation}
            name = f"{activation} bias={bias}"
            yield LayerCase(f"conv {name}", gn.Conv2d(2, 3, **options), (4, 5, 2), 2, False)
            yield LayerCase(f"transposed conv {name}", gn.ConvTranspose2d(2, 3, **options), (3, 2, 2), 2, False)
    for groups in (2, 4):
        options = {"stride": 2, "padding": 1, "groups": groups, "activation": "leaky_relu"}
        yield LayerCase(f"conv in {groups} groups", gn.Conv2d(8, 3, **options), (4, 5, 4), 2, False)
        yield LayerCase(f"transposed conv in {groups} groups", gn.ConvTranspose2d(4, 3, **options), (3, 2, 8), 2, False)


def _normalisations():
    for shape in ((5,), (3, 2, 3), (2, 2, 1), (2, 1, 17)):
        for activation in FUSED:
            yield LayerCase(f"batch norm {shape} {activation}", gn.BatchNorm(activation=activation), shape, 4)
    options = {"affine": False}, {"scale": False}, {"bias": False}, {"epsilon": 0.1}
    for given in options:
        yield LayerCase(f"batch norm {given}", gn.BatchNorm(**given), (4,), 5)
        yield LayerCase(f"batch norm of images {given}", gn.BatchNorm(activation="relu", **given), (2, 3, 2), 2)
    yield LayerCase("batch norm of one image", gn.BatchNorm(), (3, 3, 2), 1)
    for shape in ((5,), (2, 3, 2), (1, 1, 17)):
        for affine in (True, False):
            yield LayerCase(f"layer norm {shape} affine={affine}", gn.LayerNorm(affine=affine), shape, 2, False)
    for given in ({"scale": False}, {"bias": False}, *({"activation": kind} for kind in FUSED[1:])):
        yield LayerCase(f"layer norm {given}", gn.LayerNorm(**given), (2, 3, 2), 2, False)
        yield LayerCase(f"group norm {given}", gn.GroupNorm(2, **given), (2, 3, 4), 2, False)
        yield LayerCase(f"instance norm {given}", gn.InstanceNorm(affine=True, **given), (2, 3, 2), 2, False)
    for groups, shape in ((1, (6,)), (3, (6,)), (1, (2, 3, 4)), (4, (2, 3, 4)), (2, (1, 1, 18)), (5, (3, 1, 5))):
        for affine in (True, False):
            layer = gn.GroupNorm(groups, affine=affine)
            yield LayerCase(f"group norm {groups} {shape} affine={affine}", layer, shape, 2, False)
    yield LayerCase("group norm of one image", gn.GroupNorm(2, epsilon=0.1), (2, 2, 2), 1, False)
    yield LayerCase("instance norm", gn.InstanceNorm(), (3, 2, 3), 2, False)
    yield LayerCase("instance norm of one image", gn.InstanceNorm(affine=True, epsilon=0.1), (2, 1, 17), 1, False)
    yield LayerCase("layer norm of one row", gn.LayerNorm(epsilon=0.1), (5,), 1, False)


def _pointwise():
    for layer in (gn.ReLU(), gn.LeakyReLU(), gn.LeakyReLU(0.01), gn.Tanh(), gn.Sigmoid(), gn.Softplus()):
        for shape in ((7,), (2, 3, 5)):
            yield LayerCase(f"{layer!r} {shape}", layer, shape, 2, False)
    yield LayerCase("maxout of rows", gn.Maxout(5), (15,), 3, False)
    yield LayerCase("maxout of images", gn.Maxout(3), (2, 3, 6), 2, False)
    yield LayerCase("maxout of one piece", gn.Maxout(1), (4,), 2, False)
    yield LayerCase("dropout", gn.Dropout(0.4), (3, 2, 4), 3)
    yield LayerCase("dropout of nothing", gn.Dropout(0.0), (5,), 2)
    for policy in (
        ("colour",),
        ("translation",),
        ("cutout",),
        ("hue", "geometry"),
        ("colour", "translation", "cutout"),
    ):
        yield LayerCase(f"augmentation {policy}", gn.DiffAugment(*policy), (8, 9, 3), 2)
    yield LayerCase("augmentation of one channel", gn.DiffAugment("colour", "translation"), (5, 8, 1), 3)
    yield LayerCase("label planes", gn.Planes(2, 3), (4,), 2, False)
    yield LayerCase("minibatch deviation", gn.MinibatchStandardDeviation(), (3, 2, 2), 4, False)
    yield LayerCase("minibatch deviation of one channel", gn.MinibatchStandardDeviation(), (2, 5, 1), 3, False)


def _resampling():
    for window in (1, 2, (3, 1), (1, 2)):
        for channels in (1, 3):
            yield LayerCase(f"pool {window} {channels}", gn.AveragePool2d(window), (6, 4, channels), 2, False)
    for mode in ("nearest", "bilinear"):
        for factor in (1, 2, (3, 1), (2, 3)):
            for shape in ((2, 3, 1), (1, 1, 3), (1, 4, 5)):
                layer = gn.Upsample2d(factor, mode=mode)
                yield LayerCase(f"upsample {mode} {factor} {shape}", layer, shape, 2, False)
    yield LayerCase("blur up", gn.BlurUpsample2d((False, True)), (2, 3, 2), 2, False)
    yield LayerCase("blur down", gn.BlurDownsample2d(), (4, 5, 2), 2, False)
    yield LayerCase("basis", gn.Basis(2, 3), (4,), 2, False)
    yield LayerCase("weighted sum", gn.WeightedSum(), (2, 3, 4), 2, False)
    yield LayerCase("inner product", gn.InnerProduct(), ((4,), (4,)), 3, False)


def _shapes():
    yield LayerCase("reshape", gn.Reshape(2, 3, 2), (12,), 2, False)
    yield LayerCase("flatten", gn.Flatten(), (2, 3, 2), 2, False)
    yield LayerCase("add two", gn.Add(), ((3, 2), (3, 2)), 2, False)
    yield LayerCase("add three", gn.Add(), ((4,), (4,), (4,)), 2, False)
    yield LayerCase("concatenate images", gn.Concatenate(), ((2, 3, 1), (2, 3, 5)), 2, False)
    yield LayerCase("concatenate three rows", gn.Concatenate(), ((4,), (1,), (3,)), 2, False)
    yield LayerCase("identity", gn.Identity(), (2, 3), 2, False)


def _spectral():
    for inner in (
        gn.Dense(4),
        gn.Dense(4, bias=False, activation="tanh"),
        gn.Conv2d(3, 3, padding=1),
        gn.Conv2d(2, (2, 3), stride=(2, 1), activation="leaky_relu"),
        gn.ConvTranspose2d(2, 3, stride=2, activation="relu"),
        gn.Conv2d(4, 3, padding=1, groups=2),
        gn.ConvTranspose2d(4, 3, stride=2, groups=2),
    ):
        shape = (5,) if isinstance(inner, gn.Dense) else (4, 3, 2)
        yield LayerCase(f"spectral norm of {inner!r}", gn.SpectralNorm(inner), shape, 2)


LAYERS = [
    *_dense(),
    *_convolutions(),
    *_normalisations(),
    *_pointwise(),
    *_resampling(),
    *_shapes(),
    *_spectral(),
]


def float64_network(layer, input_shape, seed=0):
    """A float64 network whose biases, scales and statistics are off their starting values, which would hide errors."""
    network = gn.Network(layer, input_shape, seed=seed, dtype=np.float64)
    rng = np.random.default_rng(seed + 1)
    theta = network.parameters.values
    network.parameters.assign(theta + 0.1 * rng.standard_normal(theta.shape))
    network.state.assign(network.state.values + 0.3 * rng.random(len(network.state)))
    return network
