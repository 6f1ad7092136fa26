"""Maxout: the largest of k neighbouring numbers and which it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .chunks import ROW_BLOCK, chunk_length, chunks_of, next_span, require_memory
from .compiled import inner
from .functions import Cells, Given, GivenBytes, Result, ResultBytes, compiled_function
from .heap import empty
from .memory import get, put
from .pool import parallel, state


@inner
def _forward_part(index: int, thread: int, chunks: Any, x: Any, pieces: int, y: Any, winner: Any) -> None:
    start, stop = next_span(chunks, thread, y.size, False)
    for i in range(start, stop):
        best, place = get(x, i * pieces), 0
        if best == best:
            for p in range(1, pieces):
                value = get(x, i * pieces + p)
                better = not value <= best  # the first among equals stays; NaN wins, so that it is not lost on the way
                best = value if better else best
                place = p if better else place
                if value != value:
                    break
        put(y, i, best)
        put(winner, i, np.uint8(place))


@compiled_function
def _forward(state: Cells, x: Given, pieces: int, y: Result, winner: ResultBytes) -> None:
    chunks = chunks_of(state, y.size, max(chunk_length(x.size, ROW_BLOCK) // pieces, 1))
    require_memory(parallel(state, _forward_part, chunks.number, (chunks, x, pieces, y, winner)))


@inner
def _backward_part(index: int, thread: int, chunks: Any, dy: Any, winner: Any, pieces: int, dx: Any) -> None:
    real = dy.dtype.type
    start, stop = next_span(chunks, thread, dy.size, False)
    for i in range(start * pieces, stop * pieces):
        put(dx, i, real(0.0))
    for i in range(start, stop):
        put(dx, i * pieces + get(winner, i), get(dy, i))


@compiled_function
def _backward(state: Cells, dy: Given, winner: GivenBytes, pieces: int, dx: Result) -> None:
    chunks = chunks_of(state, dy.size, max(chunk_length(dx.size, ROW_BLOCK) // pieces, 1))
    require_memory(parallel(state, _backward_part, chunks.number, (chunks, dy, winner, pieces, dx)))


class Maxout:
    """The largest of k neighbouring features: y[m, c] = max over p of x[m, c·k + p]."""

    def forward(self, x: Array, pieces: int) -> tuple[Array, Array]:
        """Return the maximum, and the first piece that has it, as uint8."""
        shape = x.shape[0], x.shape[1] // pieces
        y, winner = empty(shape, x.dtype), empty(shape, np.uint8)
        _forward[x.dtype](state(), x.ravel(), pieces, y.reshape(-1), winner.reshape(-1))
        return y, winner

    def backward(self, dy: Array, winner: Array, pieces: int) -> Array:
        """Return dx, in which only the winner of each group receives dy."""
        dx = empty((dy.shape[0], dy.shape[1] * pieces), dy.dtype)
        _backward[dy.dtype](state(), dy.ravel(), winner.ravel(), pieces, dx.reshape(-1))
        return dx
