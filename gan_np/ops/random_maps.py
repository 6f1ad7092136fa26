"""The random geometry and colours of adaptive augmentation (Karras et al. 2020), as R3GAN uses them (Huang et al. 2024).

Each change of each image has a coin of its own, which falls with the probability that the augmentation has then: even at
probability 1/2 most images are changed somehow, but the unchanged one stays the likeliest, so that G does not learn the
changes. Here everything is drawn, as maps and matrices; `ops.diff_augment` applies them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gan_np.arrays import Array

DEVIATION, SHIFT = 0.2, 0.125
"""Of the logarithm to base 2 of scales; of translations, as a share of the side."""

Coin = Callable[[], float]
"""Says with which probability a change happens."""


def geometry_maps(rng: np.random.Generator, count: int, size: tuple[int, int], probability: Coin) -> Array:
    """Maps (count, 2, 3) of float64 from places of the result to places of the image.

    In turn: whole-pixel translation by up to an eighth of the side; scale 2^(0.2·N(0, 1)); rotation by U(−π, π); stretching
    of one axis by 2^(0.2·N(0, 1)) as the other shrinks, along rotated axes; translation by N(0, 1) eighths of the side.
    """
    p = probability()
    linear, shift = np.tile(np.eye(2), (count, 1, 1)), np.zeros((count, 2))
    sides = np.array(size, np.float64)

    def where() -> Array:
        return rng.random(count) < p

    def translate(by: Array) -> None:
        nonlocal shift
        shift = shift - np.einsum("nij,nj->ni", linear, np.where(where()[:, None], by, 0.0))

    def transform(matrices: Array) -> None:
        nonlocal linear
        linear = np.where(where()[:, None, None], linear @ matrices, linear)

    translate(np.round(rng.uniform(-SHIFT, SHIFT, (count, 2)) * sides))
    transform(_scales(*(2 ** -(DEVIATION * rng.standard_normal((1, count)))).repeat(2, axis=0)))
    transform(_rotations(rng.uniform(-np.pi, np.pi, count)))
    stretch = 2 ** (DEVIATION * rng.standard_normal(count))
    turned = _rotations(rng.uniform(-np.pi, np.pi, count))
    transform(turned @ _scales(1 / stretch, stretch) @ turned.transpose(0, 2, 1))
    translate(SHIFT * rng.standard_normal((count, 2)) * sides)
    centre = (sides - 1) / 2
    offset = centre - linear @ centre + shift
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def colour_matrices(rng: np.random.Generator, count: int, channels: int, probability: Coin) -> Array:
    """Matrices (count, channels, channels) of float64 that mix the channels of a pixel.

    The luma flip exchanges dark and bright, x ← x − 2·mean(x); the hue is rotated about the grey axis by U(−π, π) (images
    with three channels, or four, whose last one stays). Grey images have luma alone.
    """
    p = probability()
    colours = 3 if channels >= 3 else 1
    axis = np.full(colours, colours**-0.5)
    turned_over = np.where(rng.random(count) < p, rng.integers(0, 2, count), 0)[:, None, None]
    made = np.tile(np.eye(channels), (count, 1, 1))
    inner = np.eye(colours) - 2 * turned_over * np.outer(axis, axis)
    angles = np.where(rng.random(count) < p, rng.uniform(-np.pi, np.pi, count), 0.0)
    if colours == 3:
        cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * axis[0]
        sine, cosine = np.sin(angles)[:, None, None], np.cos(angles)[:, None, None]
        inner = (cosine * np.eye(3) + sine * cross + (1 - cosine) * np.outer(axis, axis)) @ inner
    made[:, :colours, :colours] = inner
    return made


def _rotations(angles: Array) -> Array:
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cosine, -sine], axis=1), np.stack([sine, cosine], axis=1)], axis=1)


def _scales(first: Array, second: Array) -> Array:
    made = np.zeros((len(first), 2, 2))
    made[:, 0, 0], made[:, 1, 1] = first, second
    return made
