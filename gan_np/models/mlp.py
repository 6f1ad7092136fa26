"""The fully connected GAN of the first paper (Goodfellow et al. 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.checks import integer, number
from gan_np.layers import Dense, Dropout, Flatten, Glorot, Initializer, Layer, Maxout, Reshape, Uniform
from gan_np.networks import Network, Sequential
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .gan import GAN, checked_data_shape
from .prior import Kind, Prior
from .registered import register


@register("mlp")
def mlp(
    data_shape: tuple[int, ...],
    latent_dim: int = 64,
    *,
    hidden: int | None = None,
    maxout_units: int | None = None,
    maxout_pieces: int = 5,
    input_dropout: float | None = None,
    hidden_dropout: float | None = None,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    packing: int = 1,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """Goodfellow et al.'s networks, G : R^k → R^m, for vectors of m numbers or for images of any shape.

    G: z → hidden ReLU → hidden ReLU → m numbers; of images through a sigmoid, pixels in [0, 1].
    D: maxout of `maxout_units` units with `maxout_pieces` pieces, twice, then the logit. augment, packing: as in `dcgan`.
    For images weights are as the authors' for MNIST, U(−0.05, 0.05) in G and U(−0.005, 0.005) in D, with dropout on the
    images and on both hidden layers; for vectors weights are Glorot's, and there is no dropout unless it is asked for.

    data_shape: (m,) of vectors, (height, width, channels) of images.
    hidden: units of G's hidden layers (none: 1200 for images, 128 for vectors).
    maxout_units: units of each of D's hidden layers (none: 240 for images, 64 for vectors).
    maxout_pieces: linear pieces of each of them.
    input_dropout: share of the numbers that D does not see (none: 0.2 for images, 0 for vectors).
    hidden_dropout: share of D's hidden units that are left out (none: 0.5 for images, 0 for vectors).
    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout.
    augment_probability: of each image that it is augmented; a schedule over D's updates.
    packing: how many images D judges together (PacGAN).

    >>> import gan_np as gn
    >>> gn.models.mlp(data_shape=(28, 28, 1), latent_dim=100).generator  # as in the paper
    <Network (100,) → (28, 28, 1), 2,503,984 parameters, float32 on cpu>
    >>> gn.models.mlp(data_shape=(6,), latent_dim=8, hidden=128).sample(3).shape  # rows of a table with six columns
    (3, 6)

    Raises:
        ShapeError, ValueError, TypeError: sizes that are not positive integers, rates outside [0, 1).
    """
    shape = checked_data_shape(data_shape)
    images = len(shape) == 3
    hidden = integer("hidden", (1200 if images else 128) if hidden is None else hidden, 1)
    maxout_units = (240 if images else 64) if maxout_units is None else maxout_units
    integer("packing", packing, 1)
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)
    g_weight: Initializer = Uniform(0.05) if images else Glorot()
    d_weight: Initializer = Uniform(0.005) if images else Glorot()
    generator = Sequential(
        Dense(hidden, activation="relu", weight_initializer=g_weight),
        Dense(hidden, activation="relu", weight_initializer=g_weight),
        Dense(math.prod(shape), activation="sigmoid" if images else None, weight_initializer=g_weight),
        *([Reshape(*shape)] if images else []),
    )
    layers: list[Layer] = augmentation(augment, augment_probability)
    layers += [Flatten()] if images else []
    layers += _dropout("input_dropout", input_dropout, 0.2 if images else 0.0)
    for _ in range(2):
        units = integer("maxout_units", maxout_units, 1) * integer("maxout_pieces", maxout_pieces, 1)
        layers += [Dense(units, weight_initializer=d_weight), Maxout(maxout_pieces)]
        layers += _dropout("hidden_dropout", hidden_dropout, 0.5 if images else 0.0)
    discriminator = Sequential(*layers, Dense(1, weight_initializer=d_weight))
    return GAN(
        Network(generator, (latent_dim,), seed=2 * seed, dtype=dtype, device=device),
        Network(discriminator, (*shape[:-1], packing * shape[-1]), seed=2 * seed + 1, dtype=dtype, device=device),
        prior,
        "0..1" if images else None,
        packing=packing,
    )


def _dropout(name: str, rate: float | None, usual: float) -> list[Layer]:
    """A layer that drops out; none at all where nothing is dropped by default."""
    rate = usual if rate is None else number(name, rate, 0.0)
    return [Dropout(rate)] if rate else []
