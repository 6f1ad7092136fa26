"""Dropout: bits and products of a piece at a time, so that x and y are read and written once."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..reference.dropout import least_kept
from ..reference.philox import WORD
from .chunks import ROW_BLOCK, chunk_length, chunks_of, next_span, require_memory
from .compiled import inner
from .functions import Cells, Given, GivenBytes, Result, ResultBytes, compiled_function
from .heap import empty
from .memory import get, put, sealed
from .philox import BLOCK, PIECE, philox
from .pool import parallel, state


@inner
def _forward_part(
    index: int,
    thread: int,
    chunks: Any,
    x: Any,
    bits: Any,
    scale: float,
    y: Any,
    kept: Any,
) -> None:
    """Drop the entries of one chunk.

    For each PIECE of blocks the random bits come first, then their entries: a single loop over both is not vectorised.
    """
    real = y.dtype.type
    start, stop = next_span(chunks, thread, y.size, False)
    left, right, skipped, least = bits
    drawn = np.empty(BLOCK * PIECE, np.int64)
    words = sealed(drawn)
    for at in range(start, stop, BLOCK * PIECE):
        here = min(BLOCK * PIECE, stop - at)
        for i in range((here + BLOCK - 1) // BLOCK):
            a, b, c, d = philox(skipped + at // BLOCK + i, left, right)
            put(drawn, BLOCK * i, a)
            put(drawn, BLOCK * i + 1, b)
            put(drawn, BLOCK * i + 2, c)
            put(drawn, BLOCK * i + 3, d)
        for i in range(here):
            stays = get(words, i) >= least
            put(y, at + i, get(x, at + i) * real(scale) if stays else real(0.0))
            put(kept, at + i, np.uint8(stays))


@compiled_function
def _forward(
    state: Cells,
    x: Given,
    left: int,
    right: int,
    skipped: int,
    least: int,
    scale: float,
    y: Result,
    kept: ResultBytes,
) -> None:
    chunks = chunks_of(state, y.size, chunk_length(y.size, ROW_BLOCK))
    require_memory(
        parallel(state, _forward_part, chunks.number, (chunks, x, (left, right, skipped, least), scale, y, kept))
    )


@inner
def _backward_part(index: int, thread: int, chunks: Any, dy: Any, kept: Any, scale: float, dx: Any) -> None:
    real = dx.dtype.type
    start, stop = next_span(chunks, thread, dx.size, False)
    for i in range(start, stop):
        put(dx, i, get(dy, i) * real(scale) if get(kept, i) != 0 else real(0.0))


@compiled_function
def _backward(state: Cells, dy: Given, kept: GivenBytes, scale: float, dx: Result) -> None:
    chunks = chunks_of(state, dx.size, chunk_length(dx.size, ROW_BLOCK))
    require_memory(parallel(state, _backward_part, chunks.number, (chunks, dy, kept, scale, dx)))


class Dropout:
    """Dropout: y = x·m/(1 − rate), where m is 0 with probability `rate` and 1 otherwise."""

    def forward(self, x: Array, rate: float, key: int, first: int = 0) -> tuple[Array, Array]:
        """Return y and the mask m; each block of random bits, from block `first` on, decides four entries."""
        y, kept = empty(x.shape, x.dtype), empty(x.shape, np.uint8)
        bits = key & WORD, key >> 32, first, least_kept(rate)
        _forward[x.dtype](state(), x.ravel(), *bits, 1 / (1 - rate), y.reshape(-1), kept.reshape(-1))
        return y, kept

    def backward(self, dy: Array, kept: Array, rate: float) -> Array:
        """Return dx, the same map of dy, from the mask."""
        dx = empty(dy.shape, dy.dtype)
        _backward[dy.dtype](state(), dy.ravel(), kept.ravel(), 1 / (1 - rate), dx.reshape(-1))
        return dx
