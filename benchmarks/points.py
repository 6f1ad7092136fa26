"""The smallest GAN that people train: a mixture of Gaussians in the plane, and two dense networks.

A point is an image of one pixel with two channels, and bytes are its coordinates, so that `gn.train` runs it as it is.
"""

from __future__ import annotations

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, DType
from gan_np.models.prior import Prior

CENTRES, RADIUS, DEVIATION = 8, 0.7, 0.03


def ring(count: int) -> Array:
    """`count` points of equally likely Gaussians on a circle, as bytes (count, 1, 1, 2) that stand for [−1, 1]²."""
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * rng.integers(0, CENTRES, count) / CENTRES
    points = RADIUS * np.stack([np.cos(angle), np.sin(angle)], 1) + DEVIATION * rng.standard_normal((count, 2))
    return np.rint((points + 1) * 127.5).clip(0, 255).astype(np.uint8).reshape(count, 1, 1, 2)


def points_gan(
    image_shape: tuple[int, int, int], latent_dim: int, hidden: int, dtype: DType, device: str = "cpu"
) -> gn.GAN:
    """G: z → hidden → hidden → point with ReLU between; D: point → hidden → hidden → logit with LeakyReLU between.

    No normalisation and no dropout.
    """
    features = int(np.prod(image_shape))
    generator = gn.Sequential(
        gn.Dense(hidden, activation="relu"),
        gn.Dense(hidden, activation="relu"),
        gn.Dense(features),
        gn.Reshape(*image_shape),
    )
    discriminator = gn.Sequential(
        gn.Flatten(),
        gn.Dense(hidden, activation="leaky_relu"),
        gn.Dense(hidden, activation="leaky_relu"),
        gn.Dense(1),
    )
    return gn.GAN(
        gn.Network(generator, (latent_dim,), seed=0, dtype=dtype, device=device),
        gn.Network(discriminator, image_shape, seed=1, dtype=dtype, device=device),
        Prior(latent_dim),
        "-1..1",
    )
