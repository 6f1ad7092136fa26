"""A small fully connected GAN, for vectors and for small images: the coarsest level of a LAPGAN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.checks import integer
from gan_np.layers import BatchNorm, Concatenate, Dense, Flatten, Layer, Normal, Reshape
from gan_np.networks import Identity, Network, Parallel, Sequential

from .gan import GAN, checked_data_shape
from .prior import Kind, Prior
from .registered import register

WEIGHT = Normal(0.05)


@register("dense")
def dense_gan(
    data_shape: tuple[int, ...],
    latent_dim: int = 64,
    *,
    hidden: int = 512,
    classes: int | None = None,
    latent: Kind = "normal",
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """G: z → two hidden layers with batch normalisation and ReLU → m numbers. D: two hidden layers, LeakyReLU, a logit.

    G's numbers are those of a vector, or through tanh the pixels of an image in [−1, 1].

    data_shape: (m,) of vectors, (height, width, channels) of images.
    classes: of a model conditional on labels, how many there are; the label, one-hot, joins z and what D sees.

    hidden: units of the hidden layers.
    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.

    For images it is meant where they are too small for convolutions. With Adam it learns 7×7 digits in a quarter of the
    time that the first paper's networks (`mlp`: maxout, dropout, made for slow gradient descent) need, and far better.

    >>> import gan_np as gn
    >>> gn.models.dense_gan((7, 7, 1), 8, hidden=16).sample(2).shape
    (2, 7, 7, 1)

    Raises:
        ShapeError, ValueError, TypeError: sizes that are not positive integers.
    """
    shape = checked_data_shape(data_shape)
    images = len(shape) == 3
    integer("hidden", hidden, 1)
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)
    labelled = classes is not None
    g = Sequential(
        *([Concatenate()] if labelled else []),
        Dense(hidden, bias=False, weight_initializer=WEIGHT),
        BatchNorm(activation="relu"),
        Dense(hidden, bias=False, weight_initializer=WEIGHT),
        BatchNorm(activation="relu"),
        Dense(math.prod(shape), activation="tanh" if images else None, weight_initializer=WEIGHT),
        *([Reshape(*shape)] if images else []),
    )
    flat: Layer = Flatten() if images else Identity()
    seen: list[Layer] = [Parallel(flat, Identity()), Concatenate()] if labelled else [flat] if images else []
    d = Sequential(*seen, Dense(hidden, activation="leaky_relu"), Dense(hidden, activation="leaky_relu"), Dense(1))
    options = {"dtype": dtype, "device": device}
    label = None if classes is None else (integer("classes", classes, 1),)
    return GAN(
        Network(g, (latent_dim,) if label is None else ((latent_dim,), label), seed=2 * seed, **options),
        Network(d, shape if label is None else (shape, label), seed=2 * seed + 1, **options),
        prior,
        "-1..1" if images else None,
        classes=classes,
    )
