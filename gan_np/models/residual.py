"""A GAN of residual blocks (He et al. 2016; the blocks of Gulrajani et al. 2017 and Miyato et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gan_np.checks import ShapeError, choice, integer, shape
from gan_np.layers import (
    AveragePool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    He,
    Layer,
    MinibatchStandardDeviation,
    ReLU,
    Reshape,
    SpectralNorm,
    Upsample2d,
)
from gan_np.networks import Network, Residual, Sequential
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .gan import GAN
from .prior import Kind, Prior
from .registered import register


def residual_up(channels: int) -> Residual:
    """A generator's block, twice the size: BN, ReLU, upsample, 3×3, BN, ReLU, 3×3, beside upsample, 1×1."""
    inner = Sequential(
        BatchNorm(activation="relu"),
        Upsample2d(2),
        _convolution(channels, 3, bias=False),
        BatchNorm(activation="relu"),
        _convolution(channels, 3),
    )
    return Residual(inner, shortcut=Sequential(Upsample2d(2), _convolution(channels, 1)))


def residual_down(channels: int, d_norm: str = "none", *, first: bool = False) -> Residual:
    """A discriminator's block, half the size: ReLU, 3×3, ReLU, 3×3, mean of 2×2, beside 1×1, mean of 2×2.

    d_norm: "none", or "spectral" around every convolution. first: without the ReLU at its start (images are its input).
    """
    start: list[Layer] = [] if first else [ReLU()]
    inner = Sequential(
        *start,
        _normalised(_convolution(channels, 3), d_norm),
        ReLU(),
        _normalised(_convolution(channels, 3), d_norm),
        AveragePool2d(2),
    )
    return Residual(inner, shortcut=Sequential(_normalised(_convolution(channels, 1), d_norm), AveragePool2d(2)))


@register("residual")
def residual_gan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    width: int = 32,
    d_norm: Literal["none", "spectral"] = "spectral",
    minibatch_deviation: bool = False,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """A generator and a discriminator of residual blocks, for images that halve evenly down to sides of 4 to 7.

    width: channels of D's first block; each further block has twice as many, up to 8·width; G mirrors D.
    d_norm: the spectral norm of its weights, or nothing; penalties on D's slope work with both.
    minibatch_deviation: show D how much a batch varies.

    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout, geometry, hue.
    augment_probability: of each image that it is augmented; a schedule over D's updates.

    >>> import gan_np as gn
    >>> gn.models.residual_gan((16, 16, 3), 8, width=4).sample(2).shape
    (2, 16, 16, 3)

    Raises:
        ShapeError: sides below 8, or that do not halve evenly.
        ValueError, TypeError: as `dcgan`.
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    choice("d_norm", d_norm, ("none", "spectral"))
    integer("width", width, 1)
    blocks = 0
    while min(height, wide) >> blocks >= 8:
        blocks += 1
    if not blocks or height % 2**blocks or wide % 2**blocks:
        raise ShapeError(
            f"image_shape: expected sides of at least 8 and multiples of {2 ** max(blocks, 1)}, got {height}×{wide}"
        )
    features = [min(2**level, 8) * width for level in range(blocks)]
    small = height >> blocks, wide >> blocks
    g = Sequential(
        Dense(small[0] * small[1] * features[-1], weight_initializer=He()),
        Reshape(*small, features[-1]),
        *(residual_up(features[max(level - 1, 0)]) for level in reversed(range(blocks))),
        BatchNorm(activation="relu"),
        Conv2d(channels, 3, padding=1, activation="tanh", weight_initializer=He()),
    )
    changes: list[Layer] = augmentation(augment, augment_probability)
    ending: list[Layer] = [ReLU(), *([MinibatchStandardDeviation()] if minibatch_deviation else []), Flatten()]
    down = [residual_down(count, d_norm, first=level == 0) for level, count in enumerate(features)]
    d = Sequential(*changes, *down, *ending, _normalised(Dense(1), d_norm))
    options = {"dtype": dtype, "device": device}
    return GAN(
        Network(g, (integer("latent_dim", latent_dim, 1),), seed=2 * seed, **options),
        Network(d, (height, wide, channels), seed=2 * seed + 1, **options),
        Prior(latent_dim, latent),
        "-1..1",
    )


def _convolution(channels: int, kernel_size: int, *, bias: bool = True) -> Conv2d:
    return Conv2d(channels, kernel_size, padding=kernel_size // 2, bias=bias, weight_initializer=He())


def _normalised(layer: Layer, d_norm: str) -> Layer:
    return SpectralNorm(layer) if d_norm == "spectral" else layer
