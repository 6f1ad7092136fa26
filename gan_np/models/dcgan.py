"""DCGAN: convolutions in D, fractionally-strided convolutions in G (Radford, Metz and Chintala 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.checks import ShapeError, choice, integer, shape
from gan_np.layers import (
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    DiffAugment,
    Flatten,
    Layer,
    Normal,
    Reshape,
    SpectralNorm,
)
from gan_np.networks import Network, Sequential

from .gan import GAN
from .prior import Prior

WEIGHT = Normal(0.02)
SCALE = Normal(0.02, mean=1.0)
SMALLEST, LARGEST = 8, 256
# D goes on halving down to sides of 3 to 6: with 7×7 maps at the bottom 28×28 digits come out clearly worse (after 2,500
# steps on 5,000 digits a classifier recognised 62 % instead of 75 % of the samples with confidence 0.9).
SHORTEST = 7


def dcgan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    *,
    width: int = 64,
    kernel_size: int = 4,
    latent: str = "normal",
    augment: Sequence[str] = (),
    d_norm: str = "batch",
    packing: int = 1,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """A DCGAN for pictures of any shape from 8×8 to 256×256.

    image_shape: (height, width, channels), square or not; 1, 3 or 4 channels.
    latent_dim: k, the size of z.
    width: channels of D's first layer; each further layer has twice as many, up to 8·width. G mirrors D.
    kernel_size: 4, or 5 as in the paper.
    latent: "normal", "uniform" or "uniform-unit-variance", see `Prior`.
    augment: some of "colour", "translation", "cutout": differentiable augmentation of what D sees, for small data.
    d_norm: what normalises D: "batch", "none" (as R1 needs) or "spectral" (Miyato et al. 2018).
    packing: how many pictures D judges together, side by side as channels (PacGAN, Lin et al. 2018).
    seed: of the weights; G and D draw from different streams of it.

    D halves the picture with stride-2 convolutions and LeakyReLU 0.2 while its shorter side is at least 7; one dense layer
    gives the logit. G projects z to D's last feature map and mirrors the way back with ReLU; tanh at the end, pictures in
    [−1, 1]. Batch normalisation everywhere but at G's output and D's input. All weights N(0, 0.02).

    >>> import gan_np as gn
    >>> gan = gn.models.dcgan(image_shape=(28, 28, 1), latent_dim=64, width=32)
    >>> gan.generator
    <Network (64,) → (28, 28, 1), 234,177 parameters, float32 on cpu>

    Raises:
        ShapeError, ValueError, TypeError: an argument outside what is said above.
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    if not (SMALLEST <= height <= LARGEST and SMALLEST <= wide <= LARGEST):
        raise ShapeError(f"image_shape: expected sides from {SMALLEST} to {LARGEST}, got {height}×{wide}")
    if channels not in (1, 3, 4):
        raise ShapeError(f"image_shape: expected 1, 3 or 4 channels, got {channels}")
    integer("width", width, 1)
    choice("kernel_size", str(kernel_size), ("4", "5"))
    choice("d_norm", d_norm, ("batch", "none", "spectral"))
    integer("packing", packing, 1)
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)

    sides = [(height, wide)]
    padding = 1 if kernel_size == 4 else 2
    while min(sides[-1]) >= SHORTEST:
        sides.append(tuple((side + 2 * padding - kernel_size) // 2 + 1 for side in sides[-1]))  # type: ignore[arg-type]
    features = [min(2**level, 8) * width for level in range(len(sides) - 1)]

    generator = Network(
        _generator(sides, features, channels, kernel_size, padding),
        (latent_dim,),
        seed=2 * seed,
        dtype=dtype,
        device=device,
    )
    discriminator = Network(
        _discriminator(features, kernel_size, padding, d_norm, augment),
        (height, wide, packing * channels),
        seed=2 * seed + 1,
        dtype=dtype,
        device=device,
    )
    recipe = {
        "model": "dcgan",
        "image_shape": [height, wide, channels],
        "latent_dim": latent_dim,
        "width": width,
        "kernel_size": kernel_size,
        "latent": latent,
        "augment": list(augment),
        "d_norm": d_norm,
        "packing": packing,
    }
    return GAN(generator, discriminator, prior, "-1..1", recipe, packing=packing)


def _discriminator(
    features: list[int], kernel_size: int, padding: int, d_norm: str, augment: Sequence[str]
) -> Sequential:
    layers: list[Layer] = [DiffAugment(*augment)] if augment else []
    wrap = SpectralNorm if d_norm == "spectral" else _as_it_is
    for level, out_channels in enumerate(features):
        normalised = level > 0 and d_norm == "batch"
        convolution = Conv2d(
            out_channels,
            kernel_size,
            stride=2,
            padding=padding,
            bias=not normalised,  # batch normalisation has a bias of its own
            activation=None if normalised else "leaky_relu",
            weight_initializer=WEIGHT,
        )
        layers.append(wrap(convolution))
        if normalised:
            layers.append(BatchNorm(activation="leaky_relu", scale_initializer=SCALE))
    return Sequential(*layers, Flatten(), wrap(Dense(1, weight_initializer=WEIGHT)))


def _as_it_is(layer: Layer) -> Layer:
    return layer


def _generator(
    sides: list[tuple[int, int]], features: list[int], channels: int, kernel_size: int, padding: int
) -> Sequential:
    height, wide = sides[-1]
    layers: list[Layer] = [
        Dense(height * wide * features[-1], bias=False, weight_initializer=WEIGHT),
        Reshape(height, wide, features[-1]),
        BatchNorm(activation="relu", scale_initializer=SCALE),
    ]
    for level in reversed(range(len(features))):
        last = level == 0
        small, large = sides[level + 1], sides[level]
        layers.append(
            ConvTranspose2d(
                channels if last else features[level - 1],
                kernel_size,
                stride=2,
                padding=padding,
                output_padding=(
                    _missing(small[0], large[0], kernel_size, padding),
                    _missing(small[1], large[1], kernel_size, padding),
                ),
                bias=last,
                activation="tanh" if last else None,
                weight_initializer=WEIGHT,
            )
        )
        if not last:
            layers.append(BatchNorm(activation="relu", scale_initializer=SCALE))
    return Sequential(*layers)


def _missing(small: int, large: int, kernel_size: int, padding: int) -> int:
    """The output_padding that makes a transposed convolution end at exactly the size the convolution came from."""
    return large - ((small - 1) * 2 - 2 * padding + kernel_size)
