"""Normal numbers of a key, some blocks of random bits at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..reference.philox import WORD
from .chunks import ROW_BLOCK, chunk_length, chunks_of, next_span, require_memory
from .compiled import inner
from .elementary import log_one_plus, turn_series
from .functions import Cells, Result, compiled_function
from .memory import get, put, sealed
from .philox import BLOCK, PIECE, philox
from .pool import parallel, state

UNITS = 1 << 24
LN2 = math.log(2)


@inner
def _radius(v: int, real: Any) -> Any:
    """√(−2 ln u) for u = v/2²⁴, 1 ≤ v ≤ 2²⁴, exactly 0 at u = 1.

    u = 2⁻ᵏ·m with ½ < m ≤ 1, and −ln m = ln(1 + (1 − m)/m), where 1 − m is exact.
    """
    halvings, m = 0, v
    for step in (16, 8, 4, 2, 1):  # the leading zeros of v − 1 among 24 bits, without a branch
        wide = m <= (UNITS >> step)
        halvings += step if wide else 0
        m = m << step if wide else m
    rest = log_one_plus(real(UNITS - m) / real(m))
    return np.sqrt(real(2.0) * (real(halvings) * real(LN2) + rest))


@inner
def _turn(f: Any, real: Any) -> Any:
    """Return cos 2πf and sin 2πf for 0 ≤ f < 1, by series on an eighth of the circle and the quarter's signs."""
    quarters = f * real(4.0)
    quarter = np.floor(quarters + real(0.5))
    x = (quarters - quarter) * real(math.pi / 2)
    cosine, sine = turn_series(x * x)
    sine *= x
    swapped = quarter == real(1.0) or quarter == real(3.0)
    first, second = (sine, cosine) if swapped else (cosine, sine)
    first = -first if quarter == real(1.0) or quarter == real(2.0) else first
    second = -second if quarter == real(2.0) or quarter == real(3.0) else second
    return first, second


@inner
def _part(index: int, thread: int, chunks: Any, left: int, right: int, skipped: int, out: Any) -> None:
    """Draw the numbers of one chunk.

    For each PIECE of blocks the random bits come first, then their numbers: a single loop over both is not vectorised.
    """
    real = out.dtype.type
    start, stop = next_span(chunks, thread, out.size, False)
    bits = np.empty(2 * PIECE, np.int64)
    words = sealed(bits)
    for at in range(start, stop, BLOCK * PIECE):
        here = min(BLOCK * PIECE, stop - at)
        first = skipped + at // BLOCK
        for i in range((here + BLOCK - 1) // BLOCK):
            a, b, c, d = philox(first + i, left, right)
            put(bits, 2 * i, a << 32 | b)
            put(bits, 2 * i + 1, c << 32 | d)
        _numbers(words, here, out, at, real)


@inner
def _numbers(words: Any, count: int, out: Any, at: int, real: Any) -> None:
    """Make `count` normal numbers from half as many words of 64 bits, two from each (Box and Muller 1958)."""
    for i in range(count // 2):
        word = get(words, i)
        radius = _radius(((word >> 40) & (UNITS - 1)) + 1, real)
        cosine, sine = _turn(real((word >> 8) & (UNITS - 1)) * real(1.0 / UNITS), real)
        put(out, at + 2 * i, radius * cosine)
        put(out, at + 2 * i + 1, radius * sine)
    if count % 2:
        word = get(words, count // 2)
        radius = _radius(((word >> 40) & (UNITS - 1)) + 1, real)
        cosine, sine = _turn(real((word >> 8) & (UNITS - 1)) * real(1.0 / UNITS), real)
        put(out, at + count - 1, radius * cosine)


@compiled_function
def _normal(state: Cells, left: int, right: int, skipped: int, out: Result) -> None:
    chunks = chunks_of(state, out.size, chunk_length(out.size, ROW_BLOCK))
    require_memory(parallel(state, _part, chunks.number, (chunks, left, right, skipped, out)))


class Normal:
    """Standard normal numbers in pairs r·(cos 2πf, sin 2πf), with r = √(−2 ln u)."""

    def forward(self, key: int, out: Array, first: int = 0) -> None:
        """Fill `out` from block `first` on; each block of random bits gives four numbers."""
        _normal[out.dtype](state(), key & WORD, key >> 32, first, out)
