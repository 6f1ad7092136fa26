"""R3GAN: residual networks without normalisation, for the relativistic loss with R1 and R2 (Huang et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.checks import ShapeError, integer, shape
from gan_np.layers import (
    ZEROS,
    Basis,
    BlurDownsample2d,
    BlurUpsample2d,
    Concatenate,
    Conv2d,
    Dense,
    FanIn,
    InnerProduct,
    Layer,
    WeightedSum,
)
from gan_np.networks import Identity, Network, Parallel, Residual, Sequential
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .gan import GAN
from .prior import Kind, Prior
from .registered import register

SMALLEST, LARGEST = 8, 256
SHORTEST = 8
"""Maps are halved while their shorter side is at least this: the smallest ones have sides of 4 to 7."""
WIDEST = 8
"""Channels double from stage to stage up to so many times `width`."""
LEAK = 0.2
EXPANSION = 2
"""Inside a block there are so many times the channels outside."""


@register("r3gan")
def r3gan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    width: int = 32,
    blocks: int = 1,
    group_size: int = 16,
    classes: int | None = None,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """R3GAN (Huang et al. 2024), "the modern baseline", for images of any shape from 8×8 to 256×256 with 1 to 4 channels.

    image_shape: (height, width, channels), square or not.
    latent_dim: k, the size of z.
    width: channels of the stage at the image's own size; each coarser stage has twice as many, up to 8·width.
    blocks: residual blocks in each stage, 2 in the paper.
    group_size: channels in each group of the 3×3 convolutions (fewer, where it does not divide them evenly).
    classes: how many labels there are, for images with a label that is chosen; none: no labels.
    latent: the distribution of z, see `Prior`.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout, geometry, hue.
    augment_probability: of each image that it is augmented; a schedule over D's updates.
    seed: of the weights; G and D draw from different streams of it.

    G: a linear map of z, times a learned basis of maps with sides of 4 to 7; then for each stage residual blocks, and
    between stages a 1×1 convolution where the channels change and twice the size with a low-pass; a 1×1 convolution to the
    image's channels. D mirrors it and ends with a weighted sum over each channel's map and a linear map to one logit. A
    block is x + f(x) with f a 1×1 convolution to twice the channels, a grouped 3×3 convolution, both with bias and leaky
    ReLU 0.2, and a 1×1 convolution back, which starts at 0. There is no normalisation and no tanh: images are in [−1, 1],
    what lies outside is cut when they are drawn.

    With `classes` a linear map of the label joins z, and D's logit is the product of the image's features with a linear
    map of the label.

    Weights begin as N(0, g²/fan_in): g = √(2/(1 + 0.2²))·L^(−1/4) inside the network's L blocks, 1 elsewhere.

    It is made for the objective `relativistic` with the penalties `r1(γ), r2(γ)` and Adam with β₁ = 0; the presets
    (`gan-np train --list-presets`) have all of that.

    >>> import gan_np as gn
    >>> gan = gn.models.r3gan((28, 28, 1), 16, width=8)
    >>> gan.discriminator
    <Network (28, 28, 1) → (1,), 23,976 parameters, float32 on cpu>

    Raises:
        ShapeError, ValueError, TypeError: an argument outside what is said above.
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    if not (SMALLEST <= height <= LARGEST and SMALLEST <= wide <= LARGEST):
        raise ShapeError(f"image_shape: expected sides from {SMALLEST} to {LARGEST}, got {height}×{wide}")
    if channels > 4:
        raise ShapeError(f"image_shape: expected 1 to 4 channels, got {channels}")
    for name, value in (("width", width), ("blocks", blocks), ("group_size", group_size)):
        integer(name, value, 1)
    if classes is not None:
        integer("classes", classes, 1)
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)
    sides = _sides(height, wide)
    features = [min(2**level, WIDEST) * width for level in range(len(sides))]
    stages = _Blocks(blocks, group_size, len(sides))
    changes = augmentation(augment, augment_probability)
    joins: list[Layer] = []
    z: Any = (latent_dim,)
    seen: Any = (height, wide, channels)
    body = [*changes, *_down(sides, features, stages), WeightedSum()]
    if classes is None:
        judged: list[Layer] = [*body, Dense(1, bias=False, weight_initializer=FanIn())]
    else:
        size = features[-1]
        joins = [Parallel(Identity(), Dense(size, bias=False, weight_initializer=FanIn())), Concatenate()]
        image = Sequential(*body, Dense(size, bias=False, weight_initializer=FanIn()))
        label = Dense(size, bias=False, weight_initializer=FanIn(size**-0.5))
        judged = [Parallel(image, label), InnerProduct()]
        z, seen = (z, (classes,)), (seen, (classes,))
    g = Sequential(
        *joins,
        Dense(features[-1], bias=False, weight_initializer=FanIn()),
        Basis(*sides[-1]),
        *_up(sides, features, stages),
        _pointwise(channels),
    )
    options = {"dtype": dtype, "device": device}
    return GAN(
        Network(g, z, seed=2 * seed, **options),
        Network(Sequential(*judged), seen, seed=2 * seed + 1, **options),
        prior,
        "-1..1",
        classes=classes,
    )


def _sides(height: int, width: int) -> list[tuple[int, int]]:
    """The sides of the maps, from the image's to the smallest."""
    sides = [(height, width)]
    while min(sides[-1]) >= SHORTEST:
        sides.append((sides[-1][0] // 2, sides[-1][1] // 2))
    return sides


class _Blocks:
    """Makes the residual blocks of a network of `stages` stages."""

    def __init__(self, blocks: int, group_size: int, stages: int) -> None:
        self.blocks, self.group_size = blocks, group_size
        self.weights = FanIn(math.sqrt(2 / (1 + LEAK**2)) * (blocks * stages) ** -0.25)

    def stage(self, channels: int) -> list[Layer]:
        """The blocks of one stage."""
        inner = EXPANSION * channels
        size = math.gcd(inner, self.group_size)
        return [
            Residual(
                Sequential(
                    Conv2d(inner, 1, activation="leaky_relu", weight_initializer=self.weights),
                    Conv2d(
                        inner,
                        3,
                        padding=1,
                        groups=inner // size,
                        activation="leaky_relu",
                        weight_initializer=self.weights,
                    ),
                    Conv2d(channels, 1, bias=False, weight_initializer=ZEROS),
                )
            )
            for _ in range(self.blocks)
        ]


def _up(sides: list[tuple[int, int]], features: list[int], blocks: _Blocks) -> list[Layer]:
    """From the smallest map to the largest."""
    layers = blocks.stage(features[-1])
    for level in reversed(range(len(sides) - 1)):
        if features[level] != features[level + 1]:
            layers.append(_pointwise(features[level]))
        large, small = sides[level], sides[level + 1]
        layers.append(BlurUpsample2d((large[0] != 2 * small[0], large[1] != 2 * small[1])))
        layers += blocks.stage(features[level])
    return layers


def _down(sides: list[tuple[int, int]], features: list[int], blocks: _Blocks) -> list[Layer]:
    """From the image to the smallest map."""
    layers: list[Layer] = [_pointwise(features[0]), *blocks.stage(features[0])]
    for level in range(1, len(sides)):
        layers.append(BlurDownsample2d())
        if features[level] != features[level - 1]:
            layers.append(_pointwise(features[level]))
        layers += blocks.stage(features[level])
    return layers


def _pointwise(channels: int) -> Layer:
    return Conv2d(channels, 1, bias=False, weight_initializer=FanIn())
