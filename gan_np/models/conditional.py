"""Conditional DCGAN: both players are given the label (Mirza and Osindero 2014; Radford et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gan_np.checks import choice, integer
from gan_np.layers import Concatenate, Dense, InnerProduct, Layer, Normal, Planes
from gan_np.networks import Identity, Network, Parallel, Sequential
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .dcgan import Normalisation, Pyramid, discriminator_layers, generator_layers
from .gan import GAN
from .prior import Kind, Prior
from .registered import register

EMBEDDING = 16


@register("conditional-dcgan")
def conditional_dcgan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    classes: int,
    width: int = 32,
    kernel_size: Literal[4, 5] = 4,
    condition: Literal["planes", "embedding", "projection"] = "planes",
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    d_norm: Normalisation = "batch",
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> GAN:
    """A DCGAN whose images have a label that is chosen: G(z, label), D(image, label).

    classes: how many labels there are; a label enters as a one-hot vector.
    condition: how labels enter. planes: the one-hot vector itself joins z in G, and the image in D as constant planes;
        embedding: the same through a learnt embedding of 16 features, one for each player; projection: it joins z in G as
        it is, and D's logit is the inner product of a linear map of the image's features with one of the label (Miyato
        and Koyama 2018; without their term that does not depend on the label).
    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.
    width: channels of D's first layer; each further one has twice as many.
    kernel_size: of the convolutions.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout, geometry, hue.
    augment_probability: of each image that it is augmented; a schedule over D's updates.
    d_norm: what normalises D.

    A label joins, so both networks are more than chains, and stay one structure each:
    G = Sequential(Parallel(Identity, label), Concatenate, …), D = Sequential(Parallel(Identity, label planes),
    Concatenate, …). It joins D before the first convolution, so that even the smallest D, one convolution and one dense
    layer, can tell an image that does not go with its label (behind the last activation the two could only be added).
    With a projection D = Sequential(Parallel(image's layers, linear map of the label), InnerProduct).

    >>> import gan_np as gn
    >>> gan = gn.models.conditional_dcgan((28, 28, 1), 16, classes=10, width=4)
    >>> gan.sample(3, labels=7).shape
    (3, 28, 28, 1)

    Raises:
        ShapeError, ValueError, TypeError: as `dcgan`; classes below 1; an unknown condition.
    """
    pyramid = Pyramid.of(image_shape, width, kernel_size)
    integer("classes", classes, 1)
    choice("condition", condition, ("planes", "embedding", "projection"))
    prior = Prior(integer("latent_dim", latent_dim, 1), latent)

    def label() -> list[Layer]:
        return [Dense(EMBEDDING, bias=False, weight_initializer=Normal(1.0))] if condition == "embedding" else []

    generator = Sequential(
        Parallel(Identity(), Sequential(*label(), Identity())), Concatenate(), *generator_layers(pyramid)
    )
    seen = next(iter(augmentation(augment, augment_probability)), Identity())
    if condition == "projection":
        size = pyramid.features[-1]
        image = discriminator_layers(pyramid, d_norm, size)
        scale = Dense(size, bias=False, weight_initializer=Normal(size**-0.5))
        discriminator = Sequential(Parallel(Sequential(seen, *image), scale), InnerProduct())
    else:
        planes = Sequential(*label(), Planes(*pyramid.sides[0]))
        discriminator = Sequential(Parallel(seen, planes), Concatenate(), *discriminator_layers(pyramid, d_norm))
    options = {"dtype": dtype, "device": device}
    return GAN(
        Network(generator, ((latent_dim,), (classes,)), seed=2 * seed, **options),
        Network(discriminator, (pyramid.image_shape, (classes,)), seed=2 * seed + 1, **options),
        prior,
        "-1..1",
        classes=classes,
    )
