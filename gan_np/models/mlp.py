"""The fully connected GAN of the first paper (Goodfellow et al. 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.checks import integer, number, shape
from gan_np.layers import Dense, DiffAugment, Dropout, Flatten, Layer, Maxout, Reshape, Uniform
from gan_np.networks import Network, Sequential

from .dcgan import Augmentation
from .gan import GAN
from .prior import Kind, Prior
from .registered import register


@register("mlp")
def mlp(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    hidden: int = 1200,
    maxout_units: int = 240,
    maxout_pieces: int = 5,
    input_dropout: float = 0.2,
    hidden_dropout: float = 0.5,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    packing: int = 1,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """Goodfellow et al.'s networks for MNIST, for images of any shape in [0, 1].

    G: z → hidden ReLU → hidden ReLU → sigmoid pixels, weights U(−0.05, 0.05).
    D: maxout of `maxout_units` units with `maxout_pieces` pieces, twice, then the logit, weights U(−0.005, 0.005), dropout
    on the images and on both hidden layers. augment, packing: as in `dcgan`.

    hidden: units of G's hidden layers.
    maxout_units: units of each of D's hidden layers.
    maxout_pieces: linear pieces of each of them.
    input_dropout: share of the pixels that D does not see.
    hidden_dropout: share of D's hidden units that are left out.
    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout.
    packing: how many images D judges together (PacGAN).

    >>> import gan_np as gn
    >>> gn.models.mlp(image_shape=(28, 28, 1), latent_dim=100).generator  # as in the paper
    <Network (100,) → (28, 28, 1), 2,503,984 parameters, float32 on cpu>

    Raises:
        ShapeError, ValueError, TypeError: sizes that are not positive integers, rates outside [0, 1).
    """
    image = shape("image_shape", image_shape, 3)
    integer("hidden", hidden, 1)
    integer("packing", packing, 1)
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)
    pixels = math.prod(image)
    wide, narrow = Uniform(0.05), Uniform(0.005)
    generator = Sequential(
        Dense(hidden, activation="relu", weight_initializer=wide),
        Dense(hidden, activation="relu", weight_initializer=wide),
        Dense(pixels, activation="sigmoid", weight_initializer=wide),
        Reshape(*image),
    )
    layers: list[Layer] = [DiffAugment(*augment)] if augment else []
    layers += [Flatten(), Dropout(number("input_dropout", input_dropout, 0.0))]
    for _ in range(2):
        units = integer("maxout_units", maxout_units, 1) * integer("maxout_pieces", maxout_pieces, 1)
        layers += [Dense(units, weight_initializer=narrow), Maxout(maxout_pieces), Dropout(hidden_dropout)]
    discriminator = Sequential(*layers, Dense(1, weight_initializer=narrow))
    return GAN(
        Network(generator, (latent_dim,), seed=2 * seed, dtype=dtype, device=device),
        Network(discriminator, (*image[:2], packing * image[2]), seed=2 * seed + 1, dtype=dtype, device=device),
        prior,
        "0..1",
        packing=packing,
    )
