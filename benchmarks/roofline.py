"""What this machine can do at most: floating-point operations and bytes a second, measured by simple code.

A piece of work of W operations that touches B bytes takes at least max(W / peak, B / bandwidth) seconds (Williams, Waterman
and Patterson 2009): at W/B operations for each byte no more than min(peak, W/B · bandwidth) operations a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, DType

BLOCK = 1 << 15
"""Values that a thread of the triad works on at a time, so that its intermediate result stays in the cache."""


class Peaks(NamedTuple):
    """Measured on this machine, in one dtype, with as many threads as the caller holds."""

    gigaflops: float
    """10⁹ operations a second of the best product of two square matrices."""
    gigabytes: float
    """10⁹ bytes a second of the best triad a = b + s·c: two arrays read, one written."""
    side: int
    """The size of the matrices."""
    mib: float
    """Of each array of the triad."""

    def bound(self, operations: float, touched: float) -> float:
        """The fewest seconds that work of so many operations on so many bytes can take."""
        return max(operations / (self.gigaflops * 1e9), touched / (self.gigabytes * 1e9))

    def numbers(self) -> dict[str, float]:
        """For JSON."""
        return {
            "peak_gflops": self.gigaflops,
            "bandwidth_gbs": self.gigabytes,
            "matrix_side": self.side,
            "triad_mib": self.mib,
        }


def measure(dtype: DType, threads: int, *, quick: bool = False) -> Peaks:
    """Both peaks, the best of some tries; BLAS must be held to `threads` by the caller.

    quick: matrices and arrays too small to say much.
    """
    side, count, tries = (256, 1 << 20, 3) if quick else (2048, 1 << 24, 7)
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((side, side)).astype(dtype) for _ in range(2))
    product = np.empty_like(left)
    flops = 2 * side**3 / _least(lambda: np.matmul(left, right, out=product), tries)
    a, b, c = (np.full(count, value, dtype) for value in (0.0, 1.0, 2.0))
    with ThreadPoolExecutor(threads) as pool:
        rate = (a.nbytes + b.nbytes + c.nbytes) / _least(lambda: triad(a, b, c, 3.0, pool, threads), tries)
    return Peaks(flops / 1e9, rate / 1e9, side, a.nbytes / 2**20)


def triad(a: Array, b: Array, c: Array, s: float, pool: ThreadPoolExecutor, threads: int) -> None:
    """a = b + s·c (McCalpin's STREAM), in blocks, each thread its own stretch of the arrays."""
    edges = np.linspace(0, len(a), threads + 1).astype(int)
    factor = a.dtype.type(s)

    def stretch(start: int, stop: int) -> None:
        scaled = np.empty(BLOCK, a.dtype)
        for first in range(start, stop, BLOCK):
            part = slice(first, min(first + BLOCK, stop))
            within = scaled[: part.stop - first]
            np.multiply(c[part], factor, out=within)
            np.add(b[part], within, out=a[part])

    list(pool.map(stretch, edges[:-1].tolist(), edges[1:].tolist()))


def _least(run: Callable[[], Any], tries: int) -> float:
    """Seconds of the fastest call, after one that does not count."""
    run()
    least = np.inf
    for _ in range(tries):
        started = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - started)
    return least
