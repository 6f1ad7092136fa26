"""From an image back to z: gradient descent through G (Creswell and Bharath 2016; Lipton and Tripathi 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module, to_device, to_host
from gan_np.checks import ShapeError, integer, number
from gan_np.data.extent import check_unit
from gan_np.layers import Wrt
from gan_np.models import GAN
from gan_np.models.gan import joined
from gan_np.optimizers import Adam
from gan_np.schedules import Linear
from gan_np.vectors import Gradient, Layout, Vector

LIMITS = {"normal": None, "uniform": 1.0, "uniform-unit-variance": 3.0**0.5}
"""How far a coordinate of z reaches."""


@dataclass(frozen=True)
class Inversion:
    """z (N, k) of the best start for each image; distances (N,), Euclidean between images in 0…1; of_starts (N,
    starts)."""

    z: Array
    distances: Array
    of_starts: Array


def invert(
    gan: GAN,
    images: Array,
    *,
    labels: Any = None,
    starts: int = 8,
    steps: int = 300,
    learning_rate: float = 0.1,
    seed: int = 0,
    average: bool = True,
) -> Inversion:
    """Points z whose images are near those given: min_z ‖G(z) − x‖² by Adam from several draws of p(z).

    images: (N, H, W, C), or vectors (N, m), as the gan samples them. G runs in evaluation mode; ∂/∂z is its pullback. After
    each step coordinates with a uniform prior are cut to its range. labels: of a conditional model, as in `sample`. The
    learning rate falls linearly to 0.

    The problem is not convex: starts end in different places, and images unlike the training set's have no z at all.
    Look at the distance; that of a sample of the generator itself can reach 0.

    Raises:
        ShapeError, TypeError, ValueError: images that are not this generator's, arguments out of range.
    """
    if images.shape[1:] != gan.data_shape or not len(images):
        raise ShapeError(f"images: expected (N, {', '.join(map(str, gan.data_shape))}), got {images.shape}")
    if len(gan.data_shape) == 3:
        check_unit(images, "images")
    integer("starts", starts, 1)
    integer("steps", steps, 1)
    number("learning_rate", learning_rate, above=0.0)
    network = gan.sampler(average=average)
    count, total = len(images), len(images) * starts
    target = to_device(gan.encoding.encode(images, network.dtype), network.device).repeat(starts, axis=0)
    chosen = gan.chosen_labels(labels, count)
    context = None if chosen is None else gan.context_of(np.repeat(chosen, starts))
    layout = Layout([("z", (total, gan.prior.dim), "weight")])
    theta, gradient = Vector(layout, network.dtype, network.device), Gradient(layout, network.dtype, network.device)
    theta.assign(to_device(gan.prior.of_seed(seed, total, network.dtype).ravel(), network.device))
    adam, limit = Adam(Linear(learning_rate, 0.0, steps), beta1=0.9), LIMITS[gan.prior.kind]
    inputs: Any = True if context is None else (True, False)
    for _ in range(steps):
        made, pullback = network.forward(joined(theta["z"], context), wrt=Wrt(inputs, False))
        back = pullback(2 * (made - target))
        gradient.slot("z").array[...] = back if context is None else back[0]
        adam.step(theta, gradient)
        if limit is not None:
            with theta.edit() as memory:
                array_module(memory).clip(memory, -limit, limit, out=memory)
    difference = to_host(network(joined(theta["z"], context)) - target).reshape(count, starts, -1).astype(np.float64)
    low, high = (0.0, 1.0) if gan.pixel_range is None else gan.image_range
    distances = np.linalg.norm(difference, axis=2) / (high - low)
    best = distances.argmin(axis=1)
    z = to_host(theta["z"]).reshape(count, starts, -1)[np.arange(count), best]
    return Inversion(z.copy(), distances[np.arange(count), best], distances)
