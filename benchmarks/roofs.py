"""What this machine can do at most, and how near a call comes to it (Williams, Waterman and Patterson 2009).

Roofs are the rates of compiled loops (`roof_loops.py`) on as many threads as what is held against them: fused
multiply-adds in registers, and for each level of memory the better of a triad a = b + 3·c and of a sum over a, on arrays
that fit there. They are measured again before and after each case, a few milliseconds each, and the larger of both counts:
a processor's clock and its neighbours change within a minute.

A call of W operations on B different bytes takes at least max(W / peak, Σ over levels of the bytes there / their
bandwidth). Called again and again, a level can hold of the call's bytes as many as it has room for, the nearest level
first; where the caches were swept before ("cold"), all bytes come from memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, DType

from .caches import LEVELS, Caches

ARITHMETIC, MEMORY = "arithmetic", "memory"
PLACES = (*LEVELS, MEMORY)
PIECES = 3
"""A loop is timed so often; the fastest counts."""
SECONDS = 0.02
"""For all pieces of one loop."""
FILLED = 0.5
"""The share of a cache that a loop's arrays fill: something else lies there too."""
OUTSIDE, LEAST_OUTSIDE, MOST_OUTSIDE = 4, 64 << 20, 512 << 20
"""Arrays of the memory loop are so many times as large as the last cache, at least and at most so many bytes."""
MOST = 1 << 40
ALLOWED = 1.05
"""A share above it is an error: roofs and calls are not measured in the same millisecond."""

Loop = Callable[[Array, Array, int], None]
"""(a thread's memory, lines for its sums, how often)."""


class Bound(NamedTuple):
    """The fewest seconds that a call can take, and the roof that says so."""

    seconds: float
    roof: str
    """"arithmetic", "L1", "L2", "L3" or "memory"."""


class Rates(NamedTuple):
    """Roofs that were measured, and what each level holds."""

    flops: float | None
    """Operations a second; None where nobody asked."""
    bandwidth: Mapping[str, float]
    """Bytes a second by level, as far as they were asked for."""
    capacity: Mapping[str, int]
    """Bytes that the caches hold, by level, for all threads together."""

    def larger(self, other: Rates) -> Rates:
        """The larger of both for each roof."""
        peaks = [rates.flops for rates in (self, other) if rates.flops is not None]
        names = [name for name in PLACES if name in self.bandwidth or name in other.bandwidth]
        best = {name: max(self.bandwidth.get(name, 0.0), other.bandwidth.get(name, 0.0)) for name in names}
        return Rates(max(peaks, default=None), best, self.capacity)

    def bound(self, operations: float, touched: float, *, cold: bool = False) -> Bound:
        """What a call of so many operations on so many bytes takes at least, called again and again or with cold caches."""
        found = []
        if operations and self.flops:
            found.append(Bound(operations / self.flops, ARITHMETIC))
        rates, left, seconds, parts = self._ordered(), float(touched), 0.0, []
        for place, rate in rates:
            room = left if place == MEMORY or place == rates[-1][0] else min(left, float(self.capacity[place]))
            if cold and place != rates[-1][0]:
                continue
            parts.append(Bound(room / rate, place))
            seconds, left = seconds + room / rate, left - room
        if parts:
            found.append(Bound(seconds, max(parts, key=lambda part: part.seconds).roof))
        return max(found, key=lambda one: one.seconds, default=Bound(0.0, ""))

    def _ordered(self) -> list[tuple[str, float]]:
        """Levels, the nearest first; a nearer one is taken to be at least as fast as those behind it."""
        best, found = 0.0, []
        for place in reversed([name for name in PLACES if name in self.bandwidth]):
            best = max(best, self.bandwidth[place])
            found.append((place, best))
        return found[::-1]

    def numbers(self) -> dict[str, Any]:
        """For JSON, in 10⁹ a second."""
        rates = {f"{name}_gbs": rate / 1e9 for name, rate in self.bandwidth.items()}
        return {"gflops": None if self.flops is None else self.flops / 1e9, **rates, "capacity": dict(self.capacity)}

    def described(self) -> str:
        """For a line of text."""
        parts = [] if self.flops is None else [f"{self.flops / 1e9:.0f} GFLOP/s"]
        parts += [f"{name} {rate / 1e9:.0f} GB/s" for name, rate in self.bandwidth.items()]
        return ", ".join(parts)


class Roofs:
    """Loops that are ready to be timed, on the threads and in the dtype of the calls beside them."""

    def __init__(self, dtype: DType, threads: int, caches: Caches, *, seconds: float = SECONDS) -> None:
        """seconds: for one roof, each time that it is measured; with less than usual the memory loop is shorter too, and
        says little."""
        self.dtype, self.threads, self.seconds = np.dtype(dtype), threads, seconds
        self.capacity = {level: caches.capacity(level, threads) for level in caches.levels}
        self._lines = {level: self._in(int(FILLED * room)) for level, room in self.capacity.items()}
        least, times = (LEAST_OUTSIDE, OUTSIDE) if seconds >= SECONDS else (LEAST_OUTSIDE >> 2, 1)
        outside = min(MOST_OUTSIDE, max(least, times * max(self.capacity.values())))
        self._lines[MEMORY] = self._in(outside)
        self._arrays: list[tuple[Array, Array]] = []
        self._counts: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(threads)

    def _in(self, room: int) -> int:
        """Lines of each of three arrays of one thread, so that those of all threads together fill so many bytes."""
        return max(4, room // (3 * 64 * self.threads) // 4 * 4)

    def levels_for(self, touched: float, *, cold: bool = False) -> list[str]:
        """The levels whose roofs a call of so many bytes can meet."""
        if cold:
            return [MEMORY]
        found, left = [], float(touched)
        for level, room in self.capacity.items():
            if left <= 0:
                return found
            found.append(level)
            left -= room
        return [*found, MEMORY] if left > 0 else found

    def measure(self, *, arithmetic: bool, levels: Collection[str]) -> Rates:
        """Some roofs, now."""
        self._ready()
        flops = self._arithmetic() if arithmetic else None
        return Rates(flops, {level: self._bandwidth(level) for level in PLACES if level in levels}, self.capacity)

    def close(self) -> None:
        """Let the threads and the memory go."""
        self._arrays = []
        self._pool.shutdown()

    def _make(self, thread: int) -> tuple[Array, Array]:
        """One thread's memory, which it touches first itself, from the start of a cache line; and some lines for sums."""
        size = self.dtype.itemsize
        numbers = 3 * max(self._lines.values()) * 64 // size
        whole = np.full(numbers + 64 // size, 0.5, self.dtype)
        few = np.zeros(3 * 64 // size, self.dtype)
        few[64 // size :] = 0.5
        first = -whole.ctypes.data % 64 // size
        return whole[first : first + numbers], few

    def _arithmetic(self) -> float:
        from .roof_loops import CHAINS, multiply_add

        operations = 2.0 * CHAINS * (64 // self.dtype.itemsize) * self.threads
        return operations * self._calls("fma", lambda memory, few, count: multiply_add(few, count))

    def _bandwidth(self, level: str) -> float:
        from .roof_loops import read, triad

        lines = self._lines[level]
        numbers, moved = lines * 64 // self.dtype.itemsize, 3.0 * 64 * lines * self.threads

        def stream(memory: Array, few: Array, count: int) -> None:
            a, b, c = (memory[start * numbers : (start + 1) * numbers] for start in range(3))
            triad(a, b, c, lines, count)

        best = moved * self._calls(f"triad {level}", stream)
        return max(
            best, moved * self._calls(f"read {level}", lambda memory, few, count: read(memory, 3 * lines, count, few))
        )

    def _calls(self, name: str, run: Loop) -> float:
        """How many counts a second each thread does, all at work; the fastest piece."""
        piece = self.seconds / 2 / PIECES
        if name not in self._counts:
            self._once(run, 1)  # compiles
            self._counts[name] = 1
        while True:
            count = self._counts[name]
            least = min(self._once(run, count) for _ in range(PIECES))
            if least >= piece / 2 or count >= MOST:
                return count / least
            self._counts[name] = max(count + 1, int(count * min(50.0, piece / max(least, 1e-6))))

    def sweep(self) -> None:
        """Read what no cache holds, on every thread: what lay in the caches before does not any more."""
        from .roof_loops import read

        self._ready()
        lines = 3 * self._lines[MEMORY]
        self._once(lambda memory, few, count: read(memory, lines, count, few), 1)

    def _ready(self) -> None:
        if not self._arrays:
            self._arrays = list(self._pool.map(self._make, range(self.threads)))

    def _once(self, run: Loop, count: int) -> float:
        started = time.perf_counter()
        for done in [self._pool.submit(run, *own, count) for own in self._arrays]:
            done.result()
        return time.perf_counter() - started


def largest(rates: Iterable[Rates]) -> Rates | None:
    """The larger of all that were measured, for each roof."""
    best: Rates | None = None
    for one in rates:
        best = one if best is None else best.larger(one)
    return best
