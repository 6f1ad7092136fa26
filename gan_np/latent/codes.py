"""Directions of an InfoGAN's codes."""

from __future__ import annotations

import numpy as np

from gan_np.checks import integer
from gan_np.models import CodePrior
from gan_np.models.prior import Prior

from .directions import Direction


def code(index: int, prior: Prior) -> Direction:
    """The continuous code `index` = 1, 2, …, as `InfoGAN.vary` counts them (0, the category, is no direction: see
    `Category`).

    Raises:
        TypeError: the prior has no codes. ValueError: no such code.
    """
    if not isinstance(prior, CodePrior):
        raise TypeError("code: needs an infogan; this model's z has no codes")
    integer("code", index, 1, prior.continuous)
    vector = np.zeros(prior.dim)
    vector[prior.dim - prior.continuous + index - 1] = 1
    return Direction(f"code:{index}", vector, f"continuous code {index}")
