"""Features of a run's own discriminator: what it makes of an image before its last layer."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, to_host
from gan_np.models import GAN
from gan_np.models.gan import joined
from gan_np.networks import first_layers

BATCH = 256


def trunk_features(gan: GAN, images: Array, labels: Array | None = None) -> Array:
    """The activations of D before its last layer, (N, F), of D's dtype, in evaluation mode.

    images: uint8 (N, H, W, C). labels (N,): of a conditional model, those of the images, as in `sample`. The last
    layer is the one that gives the logit, or an InfoGAN's fork of logit and codes; before a product with a label (`r3gan`)
    the features are the image's alone.

    D has seen the training images, so its features may tell them from others even where the generator copies nothing;
    the distances of held-out images in the same features say how much.

    Raises:
        ValueError: D judges several images at once (packing), or a conditional model is given no labels.
    """
    if gan.packing > 1:
        raise ValueError(f"packing: D judges {gan.packing} images together, so it has no features of one")
    if gan.classes is not None and labels is None:
        raise ValueError("labels: D of a conditional model judges an image with its label; give the labels")
    trunk = first_layers(gan.finite_discriminator(), -1)
    parts = []
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        chosen = None if gan.classes is None or labels is None else gan.chosen_labels(labels[rows], len(labels[rows]))
        floats, context = gan.examples(np.ascontiguousarray(images[rows]), chosen)
        made = trunk(joined(floats, context))
        features = made[0] if isinstance(made, tuple) else made
        parts.append(to_host(features).reshape(len(floats), -1))
    return np.concatenate(parts)
