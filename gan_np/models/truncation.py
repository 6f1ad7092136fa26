"""Truncation of z: fewer kinds of images, each of them nearer to what is usual (Brock et al. 2019; Karras et al. 2019).

z is drawn otherwise than in training, on purpose: where p(z) is small G has seen few points and draws worse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import number

LEAST_BOUND = 0.1
"""Of a normal coordinate 8 % lie within it."""
MOST_ROUNDS = 10_000


@dataclass(frozen=True)
class Truncation:
    """How the noise of z is changed after it was drawn; first the bound, then ψ. The mean of z is 0.

    psi: ψ from 0 to 1, z' = ψ·z: 1 leaves z as it is, 0 leaves the mean alone, one image.
    bound: coordinates with |z_j| > bound are drawn again until they are within it, as in BigGAN; at least 0.1, in units of
        z. None: none.

    Raises:
        TypeError, ValueError: not numbers, or out of range; the message calls them truncation and truncation_bound.
    """

    psi: float = 1.0
    bound: float | None = None

    def __post_init__(self) -> None:
        number("truncation", self.psi, 0.0, 1.0)
        if self.bound is not None:
            number("truncation_bound", self.bound, LEAST_BOUND)

    def __bool__(self) -> bool:
        """True if it changes anything."""
        return self.psi != 1 or self.bound is not None

    def applied(self, noise: Array, again: Callable[[], Array]) -> Array:
        """Noise (N, k) truncated: a new array of its dtype. again: draws as many points anew, of the same shape.

        Raises:
            ValueError: there are still coordinates beyond the bound after 10,000 draws: p(z) has next to nothing within it.
        """
        made = noise.copy()
        if self.bound is not None:
            for _ in range(MOST_ROUNDS):
                outside = np.abs(made) > self.bound
                if not outside.any():
                    break
                made[outside] = again()[outside]
            else:
                raise ValueError(f"truncation_bound: z of this model is hardly ever within {self.bound:g} of 0")
        made *= made.dtype.type(self.psi)
        return made
