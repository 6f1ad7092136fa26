"""Maxout on the GPU (`sources/maxout.cu`)."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from .grids import over
from .launcher import contiguous, launch, new

SOURCE = "maxout.cu"


class Maxout:
    """The largest of k adjacent pieces."""

    def forward(self, x: Array, pieces: int) -> tuple[Array, Array]:
        """Return y (M, C) and the winners, as uint8."""
        x = contiguous(x)
        shape = x.shape[0], x.shape[1] // pieces
        y, winner = new(x, shape), new(x, shape, np.uint8)
        launch(SOURCE, "forward", *over(y.size), (x, y, winner, y.size, pieces), dtype=x.dtype)
        return y, winner

    def backward(self, dy: Array, winner: Array, pieces: int) -> Array:
        """Return dx (M, C·k)."""
        dy, winner = contiguous(dy), contiguous(winner)
        dx = new(dy, (dy.shape[0], dy.shape[1] * pieces))
        launch(SOURCE, "backward", *over(dx.size), (dy, winner, dx, dx.size, pieces), dtype=dy.dtype)
        return dx
