"""Directions in closed form, from the weights that z meets first (SeFa, Shen and Zhou 2021)."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array
from gan_np.models import GAN

from .directions import Direction
from .first_layer import first_weights


def closed_form(gan: GAN, count: int | None = None, *, average: bool = True) -> list[Direction]:
    """The directions that change the first layer's output most: eigenvectors of W·Wᵀ, by falling eigenvalue.

    A step of length t along u changes x·W by t·u·W whatever z is, so the unit vectors that maximise ‖u·W‖₂² are those
    eigenvectors; the strength is ‖u·W‖₂. No sample and no label is needed. count: the first so many; None for all k.

    >>> import gan_np as gn
    >>> gan = gn.models.mlp((8, 8, 1), 4, hidden=16)
    >>> [direction.name for direction in gn.latent.closed_form(gan, 2)]
    ['closed-form:0', 'closed-form:1']
    """
    return directions_of(first_weights(gan, average=average), count)


def directions_of(weights: Array, count: int | None = None) -> list[Direction]:
    """The same from the matrix W (k, out)."""
    values, vectors = np.linalg.eigh(weights @ weights.T)  # the least first
    order = range(len(values) - 1, -1, -1)
    return [
        Direction(
            f"closed-form:{number}",
            vectors[:, column],
            f"eigenvector {number} of the first layer's weights",
            float(np.sqrt(max(values[column], 0.0))),
        )
        for number, column in enumerate(order)
    ][:count]
