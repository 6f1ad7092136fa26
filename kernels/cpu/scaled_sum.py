"""Sums of two arrays, and over all examples, with a factor for each example: one pass over memory on all threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Into
from ..reference.placing import place
from .chunks import ROW_BLOCK, chunk_length, chunks_of, claim, next_span, require_memory, row_block, span
from .compiled import inner
from .functions import Cells, Given, Result, compiled_function, nothing
from .heap import empty
from .memory import get, put
from .pool import parallel, state

PIECES = 16
"""Of the examples whose sums are added up at the end, whatever the number of threads."""


@inner
def _add_part(index: int, thread: int, chunks: Any, x: Any, y: Any, scale: Any, size: int, z: Any) -> None:
    """Write a chunk of z = x + s ⊙ y; `size` numbers are an example's."""
    start, stop = next_span(chunks, thread, z.size, False)
    if scale.size == 0:
        for i in range(start, stop):
            put(z, i, get(x, i) + get(y, i))
        return
    while start < stop:
        example = start // size
        end = min(stop, (example + 1) * size)
        factor = get(scale, example)
        for i in range(start, end):
            put(z, i, get(x, i) + factor * get(y, i))
        start = end


@compiled_function
def _add(state: Cells, x: Given, y: Given, scale: Given, size: int, z: Result) -> None:
    chunks = chunks_of(state, z.size, chunk_length(z.size, ROW_BLOCK))
    require_memory(parallel(state, _add_part, chunks.number, (chunks, x, y, scale, size, z)))


@inner
def _total_part(
    index: int, thread: int, chunks: Any, x: Any, scale: Any, size: int, channels: int, totals: Any
) -> None:
    """Add up some examples: each in the arrays' dtype along a row block, their sums in float64."""
    chunk = claim(chunks, thread, False)
    first, last = span(chunks, chunk, scale.size)
    line = np.empty(row_block(channels), x.dtype)
    for example in range(first, last):
        for j in range(line.size):
            put(line, j, x.dtype.type(0.0))
        stop = (example + 1) * size
        for at in range(example * size, stop, line.size):
            for j in range(min(line.size, stop - at)):
                put(line, j, get(line, j) + get(x, at + j))
        factor = np.float64(get(scale, example))
        for begin in range(0, line.size, channels):
            for c in range(channels):
                place = chunk * channels + c
                put(totals, place, get(totals, place) + factor * np.float64(get(line, begin + c)))


@compiled_function
def _total(state: Cells, x: Given, scale: Given, size: int, length: int, dbias: Result, add: bool) -> None:
    channels = dbias.size
    chunks = chunks_of(state, scale.size, length)
    totals = np.zeros(max(chunks.number, 1) * channels, np.float64)
    require_memory(parallel(state, _total_part, chunks.number, (chunks, x, scale, size, channels, totals)))
    for index in range(1, chunks.number):
        for c in range(channels):
            put(totals, c, get(totals, c) + get(totals, index * channels + c))
    real = dbias.dtype.type
    for c in range(channels):
        put(dbias, c, real(get(totals, c)) + (get(dbias, c) if add else real(0.0)))


class ScaledSum:
    """Sums in which example n, the n-th entry of the first axis, counts s[n] times."""

    def add(self, x: Array, y: Array, scale: Array | None) -> Array:
        """Return x + s ⊙ y, or x + y without s, from one pass."""
        z = empty(x.shape, x.dtype)
        given = nothing(x.dtype) if scale is None else scale.ravel()
        _add[x.dtype](state(), x.ravel(), y.ravel(), given, max(x[:1].size, 1), z.reshape(-1))
        return z

    def total(self, x: Array, scale: Array, into: Into | None = None) -> Array:
        """Return Σ s ⊙ x over all axes but the last, from one pass."""
        direct = into is not None and into.array.flags.c_contiguous
        target = into.array if into is not None and direct else np.empty(x.shape[-1], x.dtype)
        add = into is not None and direct and into.add
        length = max(-(-len(x) // PIECES), 1)
        _total[x.dtype](state(), x.ravel(), scale.ravel(), max(x[:1].size, 1), length, target.reshape(-1), add)
        return target if direct else place(target, into)
