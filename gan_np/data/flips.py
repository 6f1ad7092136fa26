"""Augmentation that keeps images natural: left and right exchanged."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, on_host
from gan_np.checks import number

from .dataset import check_images


def flip_horizontally(batch: Array, rng: np.random.Generator, probability: float = 0.5) -> Array:
    """Each image mirrored left to right with the given probability, as a new array; `batch` is not modified.

    batch: (N, H, W, C) of any dtype, on the host. N numbers are drawn from `rng` whatever the outcome, so the state of
    `rng` after a call depends on N alone. Digits and letters are not themselves in a mirror: leave them alone.

    Raises:
        TypeError: `batch` is not a NumPy array, or `rng` not a generator.
        ShapeError: `batch` is not (N, H, W, C).
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, got {type(rng).__name__}")
    if not on_host(batch):
        raise TypeError("batch: expected a NumPy array; flip images before they go to the device")
    check_images(batch, "batch")
    chosen = rng.random(len(batch)) < number("probability", probability, 0.0, 1.0)
    flipped = np.array(batch)
    flipped[chosen] = batch[chosen, :, ::-1]
    return flipped
