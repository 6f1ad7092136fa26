"""MNIST as the recipes take it: shuffled with a fixed seed (a source may be sorted by class), cut into parts."""

from __future__ import annotations

from typing import NamedTuple

import gan_np as gn
from gan_np.arrays import Array, generator

TRAIN, VALIDATION = 50_000, 10_000


class Digits(NamedTuple):
    """Images uint8 (N, 28, 28, 1) and their labels int64 (N,)."""

    images: Array
    labels: Array


def load(data: str, split: str) -> Digits:
    """The training or the test part of a source with labels, in an order that is the same for every run.

    Raises:
        ValueError: no labels, or images that are not 28×28×1.
    """
    found = gn.data.open(data, split=split)
    if found.labels is None or found.image_shape != (28, 28, 1):
        raise ValueError(f"data: expected labelled images of 28×28×1, {data} has {found.image_shape}")
    order = generator(0, len(found)).permutation(len(found))
    return Digits(found.images[order], found.labels[order])


def training_and_validation(data: str) -> tuple[Array, Array]:
    """50,000 images to train on, 10,000 to choose by; in proportion where the source has not 60,000."""
    images = load(data, "train").images
    cut = len(images) * TRAIN // (TRAIN + VALIDATION)
    return images[:cut], images[cut:]
