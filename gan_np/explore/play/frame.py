"""What is drawn of a game: D's output as a field, G's map as a lattice, the gradient that each generated point receives."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array
from gan_np.layers import INPUTS, NOTHING
from gan_np.models import GAN
from gan_np.models.packing import pack, unpack
from gan_np.objectives import Objective

from .distributions import EDGE

FIELD, LINES = 40, 21
"""Cells of the field along each side; nodes of the lattice along each coordinate of z."""


def logits_at(gan: GAN, points: Array) -> Array:
    """D's score of each point (N, 2): (N,). A D that judges several points together sees copies of one."""
    seen = np.tile(points, (1, gan.packing))
    scores: Array = gan.discriminator(seen)[:, 0]
    return scores


def field_points(dtype: np.dtype[np.floating]) -> Array:
    """The middles of the field's cells, (FIELD², 2), x first and y rising from row to row."""
    middles = EDGE * ((2 * np.arange(FIELD) + 1) / FIELD - 1)
    x, y = np.meshgrid(middles, middles)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(dtype)


def field_of(gan: GAN, objective: Objective) -> Array:
    """D's output over the square, from 0 (generated) to 1 (real), (FIELD, FIELD) as `field_points`.

    Where the objective has a boundary b, σ(s − b) of the score s: ½ is where D cannot tell. (Least squares aims at 0 and 1,
    so σ(4(s − b)).) A critic's scores are defined up to a constant: σ((s − median)/deviation) over the square.
    """
    scores = logits_at(gan, field_points(gan.discriminator.dtype)).astype(np.float64)
    if objective.boundary is None:
        centred = (scores - np.median(scores)) / max(float(scores.std()), 1e-9)
    else:
        centred = (scores - objective.boundary) * (4 if objective.boundary else 1)
    found: Array = 0.5 + 0.5 * np.tanh(centred.reshape(FIELD, FIELD) / 2)
    return found


def lattice_z(gan: GAN) -> Array:
    """z on equally spaced lines of its first two coordinates, all others 0: (LINES², k), or (LINES, 1) of one coordinate."""
    steps = np.linspace(-2, 2, LINES) if gan.prior.kind == "normal" else np.linspace(-1, 1, LINES)
    if gan.prior.dim == 1:
        return steps[:, None].astype(gan.generator.dtype)
    z = np.zeros((LINES, LINES, gan.prior.dim), gan.generator.dtype)
    z[..., 0], z[..., 1] = np.meshgrid(steps, steps)
    return z.reshape(-1, gan.prior.dim)


def arrows_at(gan: GAN, objective: Objective, samples: Array, real: Array) -> Array:
    """The force on each generated point, (N, 2): −∂ℓ/∂x, ℓ the sum that G's loss is the mean of.

    So an arrow is as long for few points as for many, and with one update of G each point would move along it if it moved
    alone. samples: (N, 2), N divisible by the packing, of which those that follow each other are judged together. real: as
    many real points, for an objective whose loss compares both.
    """
    d, count = gan.discriminator, len(samples) // gan.packing
    logits, pullback = d.forward(pack(samples, gan.packing), training=True, wrt=INPUTS)
    of_real = d.forward(pack(real, gan.packing), training=True, wrt=NOTHING)[0] if objective.needs_real else None
    gradient = objective.generator(logits, of_real).gradient
    found: Array = unpack(pullback(gradient), gan.packing) * np.asarray(-count, samples.dtype)
    return found
