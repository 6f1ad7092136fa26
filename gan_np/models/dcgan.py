"""DCGAN: convolutions in D, fractionally-strided convolutions in G (Radford, Metz and Chintala 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from gan_np.checks import ShapeError, choice, integer, shape
from gan_np.kernels import large_size, small_size
from gan_np.layers import (
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    Layer,
    Normal,
    Reshape,
    SpectralNorm,
)
from gan_np.networks import Network, Sequential
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .gan import GAN
from .prior import Kind, Prior
from .registered import register

Normalisation: TypeAlias = Literal["batch", "none", "spectral"]

WEIGHT = Normal(0.02)
SCALE = Normal(0.02, mean=1.0)
SMALLEST, LARGEST = 8, 256
# D goes on halving down to sides of 3 to 6: with 7×7 maps at the bottom 28×28 digits come out clearly worse (after 2,500
# steps on 5,000 digits a classifier recognised 62 % instead of 75 % of the samples with confidence 0.9).
SHORTEST = 7


@register("dcgan")
def dcgan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    width: int = 32,
    kernel_size: Literal[4, 5] = 4,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    d_norm: Normalisation = "batch",
    packing: int = 1,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """A DCGAN for images of any shape from 8×8 to 256×256.

    image_shape: (height, width, channels), square or not, with any number of channels.
    latent_dim: k, the size of z.
    width: channels of D's first layer; each further layer has twice as many, up to 8·width. G mirrors D.
    kernel_size: height and width of the convolutions' kernels, 4 or 5; the paper has 5.
    latent: the distribution of z, "normal" or "uniform" (see `Prior`).
    augment: differentiable augmentation of what D sees, for small data: some of colour, translation, cutout, geometry, hue.
    augment_probability: the probability with which an image is augmented; a number, or a schedule over D's updates.
    d_norm: what normalises D: "batch" statistics, "none" (which penalties such as R1 need), or "spectral", the spectral norm
        of its weights (Miyato et al. 2018).
    packing: how many images D judges together, side by side as channels (PacGAN, Lin et al. 2018).
    seed: the seed of the weights; G and D draw from different streams of it.
    dtype: the dtype of weights and computation, float32 or float64.
    device: where both networks lie, "cpu" or "cuda".

    D halves the image by convolutions of stride 2, with LeakyReLU 0.2, while its shorter side is at least 7; one dense layer
    then gives the logit. G goes the opposite way: a dense layer takes z to the shape of D's last feature map, and
    transposed convolutions with ReLU double it up to the image, which ends with tanh and so lies in [−1, 1]. There is
    batch normalisation everywhere except at G's output and D's input. All weights start from N(0, 0.02²).

    >>> import gan_np as gn
    >>> gan = gn.models.dcgan(image_shape=(28, 28, 1), latent_dim=64, width=32)
    >>> gan.generator
    <Network (64,) → (28, 28, 1), 238,529 parameters, float32 on cpu>

    Raises:
        ShapeError, ValueError, TypeError: an argument outside what is said above.
    """
    pyramid = Pyramid.of(image_shape, width, kernel_size)
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)
    height, wide, channels = pyramid.image_shape
    seen = (height, wide, integer("packing", packing, 1) * channels)
    layers = discriminator_layers(pyramid, d_norm)
    discriminator = Sequential(*augmentation(augment, augment_probability), *layers)
    options = {"dtype": dtype, "device": device}
    return GAN(
        Network(Sequential(*generator_layers(pyramid)), (latent_dim,), seed=2 * seed, **options),
        Network(discriminator, seen, seed=2 * seed + 1, **options),
        prior,
        "-1..1",
        packing=packing,
    )


class Pyramid(NamedTuple):
    """The sizes that both players share: sides[0] is the image's, sides[-1] the smallest map's."""

    image_shape: tuple[int, int, int]
    sides: tuple[tuple[int, int], ...]
    features: tuple[int, ...]
    """Channels of D's convolutions; features[i] belong to sides[i + 1]."""
    kernel_size: int
    padding: int

    @classmethod
    def of(cls, image_shape: tuple[int, int, int], width: int, kernel_size: int) -> Pyramid:
        """For an image's shape; refuses what cannot be drawn."""
        height, wide, channels = shape("image_shape", image_shape, 3)
        if not (SMALLEST <= height <= LARGEST and SMALLEST <= wide <= LARGEST):
            raise ShapeError(f"image_shape: expected sides from {SMALLEST} to {LARGEST}, got {height}×{wide}")
        integer("width", width, 1)
        if kernel_size not in (4, 5):
            raise ValueError(f"kernel_size: expected 4 or 5, got {kernel_size!r}")
        padding = 1 if kernel_size == 4 else 2
        sides = [(height, wide)]
        while min(sides[-1]) >= SHORTEST:
            above = sides[-1]
            sides.append((small_size(above[0], kernel_size, 2, padding), small_size(above[1], kernel_size, 2, padding)))
        features = tuple(min(2**level, 8) * width for level in range(len(sides) - 1))
        return cls((height, wide, channels), tuple(sides), features, kernel_size, padding)


def discriminator_layers(pyramid: Pyramid, d_norm: str, out_features: int = 1) -> list[Layer]:
    """D's convolutions, each with its normalisation and activation, and the dense layer that gives the logit.

    out_features: of the dense layer, 1 for a logit.
    """
    choice("d_norm", d_norm, ("batch", "none", "spectral"))
    wrap = SpectralNorm if d_norm == "spectral" else _as_it_is
    layers: list[Layer] = []
    for level, out_channels in enumerate(pyramid.features):
        normalised = level > 0 and d_norm == "batch"
        convolution = Conv2d(
            out_channels,
            pyramid.kernel_size,
            stride=2,
            padding=pyramid.padding,
            bias=not normalised,  # batch normalisation has a bias of its own
            activation=None if normalised else "leaky_relu",
            weight_initializer=WEIGHT,
        )
        layers.append(wrap(convolution))
        if normalised:
            layers.append(BatchNorm(activation="leaky_relu", scale_initializer=SCALE))
    return [*layers, Flatten(), wrap(Dense(out_features, weight_initializer=WEIGHT))]


def _as_it_is(layer: Layer) -> Layer:
    return layer


def generator_layers(pyramid: Pyramid, output: str | None = "tanh") -> list[Layer]:
    """The projection of z to the smallest map, and transposed convolutions from map to map up to the image.

    output: the last activation; None leaves the image as the last convolution gives it.
    """
    features, (height, wide) = pyramid.features, pyramid.sides[-1]
    layers: list[Layer] = [
        Dense(height * wide * features[-1], bias=False, weight_initializer=WEIGHT),
        Reshape(height, wide, features[-1]),
        BatchNorm(activation="relu", scale_initializer=SCALE),
    ]
    for level in reversed(range(len(features))):
        last = level == 0
        layers.append(
            ConvTranspose2d(
                pyramid.image_shape[2] if last else features[level - 1],
                pyramid.kernel_size,
                stride=2,
                padding=pyramid.padding,
                output_padding=_missing(pyramid, level),
                bias=last,
                activation=output if last else None,
                weight_initializer=WEIGHT,
            )
        )
        if not last:
            layers.append(BatchNorm(activation="relu", scale_initializer=SCALE))
    return layers


def _missing(pyramid: Pyramid, level: int) -> tuple[int, int]:
    """The output_padding that makes a transposed convolution end at exactly the size the convolution came from."""
    large, small = pyramid.sides[level], pyramid.sides[level + 1]
    missing = [large[axis] - large_size(small[axis], pyramid.kernel_size, 2, pyramid.padding, 0) for axis in (0, 1)]
    return missing[0], missing[1]
