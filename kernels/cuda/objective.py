"""What GAN objectives are made of, on the GPU (`sources/objective.cu`)."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .grids import THREADS
from .launcher import Argument, Cell, contiguous, launch, new


class Logistic:
    """The mean of softplus over scores, and its gradient, in one launch."""

    def forward(self, s: Array, sign: int, weight: float) -> tuple[Array, Array]:
        """Return weight·mean softplus(sign·s), and its derivative."""
        value, gradient = new(s, ()), new(s, s.shape)
        _launch("logistic", s, value, gradient, s.size, float(sign), weight / s.size)
        return value, gradient


class Accuracy:
    """How often D is right, counted exactly in one launch."""

    def forward(self, s: Array, sign: int, boundary: float) -> Array:
        """The share on the right side."""
        share = new(s, (), np.float64)
        _launch("accuracy", s, Cell(share), s.size, float(sign), float(boundary))
        return share


def _launch(kernel: str, s: Array, *arguments: Argument) -> None:
    launch("objective.cu", kernel, (1,), (THREADS,), (contiguous(s), *arguments), dtype=s.dtype)
