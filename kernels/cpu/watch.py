"""Whether numbers are finite: one pass that reads them, on all threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .chunks import ROW_BLOCK, chunk_length, chunks_of, claim, require_memory, span
from .compiled import summed
from .functions import Cells, Doubles, Given, compiled_function
from .memory import get, put
from .pool import parallel, state


@summed
def _look_part(index: int, thread: int, chunks: Any, values: Any, found: Any) -> None:
    """Write Σ 0·v of one chunk: 0 where all of its numbers are finite, else NaN, in whatever order they are added.

    It is read in four places at a time: more is on its way from memory, and no sum waits for its last addition.
    """
    zero = values.dtype.type(0.0)
    chunk = claim(chunks, thread, False)
    start, stop = span(chunks, chunk, values.size)
    quarter = (stop - start) // 4
    first, second, third, fourth = zero, zero, zero, zero
    for i in range(start, start + quarter):
        first += zero * get(values, i)
        second += zero * get(values, i + quarter)
        third += zero * get(values, i + 2 * quarter)
        fourth += zero * get(values, i + 3 * quarter)
    for i in range(start + 4 * quarter, stop):
        first += zero * get(values, i)
    put(found, chunk, np.float64((first + second) + (third + fourth)))


@compiled_function
def _look(state: Cells, values: Given, answer: Doubles) -> None:
    chunks = chunks_of(state, values.size, chunk_length(values.size, ROW_BLOCK))
    found = np.zeros(max(chunks.number, 1))
    require_memory(parallel(state, _look_part, chunks.number, (chunks, values, found)))
    total = 0.0
    for chunk in range(chunks.number):
        total += get(found, chunk)
    put(answer, 0, total)


class Finite:
    """A flag in memory that is raised once, at the first number that is not finite."""

    def look(self, values: Array, flag: Array, code: int) -> None:
        """Set the flag to `code` where it is 0 and an element is NaN or infinite."""
        if flag:
            return
        answer = np.empty(1)
        _look[values.dtype](state(), values.ravel(), answer)
        if answer[0] != 0.0:
            flag[...] = code
