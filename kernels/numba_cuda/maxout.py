"""Maxout: the largest of k adjacent pieces, a thread for each unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from .compiled import cuda, kernel, variants
from .launcher import launch


@kernel
def largest_piece(x: Array, y: Array, winner: Array, count: int, pieces: int) -> None:
    """A kernel: y and which piece it came from, the first among equals, and a NaN before all."""
    for i in range(cuda.grid(1), count, cuda.gridsize(1)):
        best, where = x[i * pieces], 0
        for piece in range(1, pieces):
            value = x[i * pieces + piece]
            if value > best or (value != value and best == best):
                best, where = value, piece
        y[i] = best
        winner[i] = where


@variants
def to_winner(real: Any) -> Any:
    """A kernel: dy at the winner, 0 elsewhere."""

    @kernel
    def maxout_gradient(dy: Array, winner: Array, dx: Array, count: int, pieces: int) -> None:
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            dx[i] = dy[i // pieces] if winner[i // pieces] == i % pieces else real(0)

    return maxout_gradient


class Maxout:
    """The largest of k neighbouring features."""

    def forward(self, x: Array, pieces: int) -> tuple[Array, Array]:
        """Return y (M, C) and the winners, as uint8."""
        x = contiguous(x)
        shape = x.shape[0], x.shape[1] // pieces
        y, winner = new(x, shape), new(x, shape, np.uint8)
        launch(largest_piece, *over(y.size), (x, y, winner, y.size, pieces))
        return y, winner

    def backward(self, dy: Array, winner: Array, pieces: int) -> Array:
        """Return dx (M, C·k)."""
        dx = new(dy, (dy.shape[0], dy.shape[1] * pieces))
        arguments = (contiguous(dy), contiguous(winner), dx, dx.size, pieces)
        launch(to_winner(dy.dtype.type), *over(dx.size), arguments)
        return dx
