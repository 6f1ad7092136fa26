"""Timing on a machine that others use too: candidates take turns, and are compared turn by turn.

Runs of A B A B … see the same disturbances, so the ratio of neighbours is steadier than the ratio of two separate
medians. The first calls (compilation, caches, memory from the system) are dropped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEAST_ROUNDS = 3
SLOW = 0.15
"""Seconds of a first call after which there is no second one before the rounds."""
MOST_CALLS = 1000


@dataclass(frozen=True)
class Spread:
    """The middle half of some numbers."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Quartiles, interpolated linearly."""
        return cls(*(float(value) for value in np.percentile(values, (25, 50, 75))))

    def scaled(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.low * factor, self.median * factor, self.high * factor)

    def numbers(self) -> dict[str, float]:
        """For JSON."""
        return {"low": self.low, "median": self.median, "high": self.high}


@dataclass(frozen=True)
class Timing:
    """One candidate's turns."""

    seconds: tuple[float, ...]
    """Seconds for one call, one entry for each round."""
    calls: int = 1
    """Calls in each turn, of which an entry is the mean."""

    @property
    def spread(self) -> Spread:
        """Quartiles over the rounds."""
        return Spread.of(self.seconds)

    @property
    def least(self) -> float:
        """Return the time of the fastest turn."""
        return min(self.seconds)

    def speed_against(self, other: Timing, *, strict: bool = True) -> Spread:
        """How many times as fast as `other`: other's time divided by this one's, round by round.

        strict: both took part in all rounds. False: those of the one that took part in fewer are the first, and count.
        """
        return Spread.of([theirs / own for own, theirs in zip(self.seconds, other.seconds, strict=strict)])


def alternate(
    candidates: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 10,
    warmup: int = 2,
    seconds: float | None = None,
    turn: float = 0.0,
    pause: float = 0.0,
    pause_after: Collection[str] | None = None,
    hopeless: float = math.inf,
    before: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Timing]:
    """Time the candidates in turn: one round is one turn of each, in the order given.

    repeats: rounds.
    warmup: calls of each candidate before the first round; their times are dropped.
    seconds: no new round starts after this many seconds of rounds (but there are at least 3, or `repeats`).
    turn: a turn is as many calls as fill this many seconds, judged by the fastest warm-up call; 0: one call.
    pause: seconds of rest before each turn, untimed. Idle threads of one candidate's pool spin for a while before they
        sleep (OpenBLAS, OpenMP), and would take time from the next candidate.
    pause_after: rest only after these (None: after everyone).
    hopeless: who took this many times as long as the fastest in its warm-up takes part in the first round alone.
    before: called before each turn, untimed.
    """
    if repeats < 1 or warmup < 1:
        raise ValueError(f"repeats, warmup: expected at least 1, got {repeats} and {warmup}")
    calls, warm = {}, {}
    for name, run in candidates.items():
        fastest = math.inf
        for done in range(warmup):
            if done and fastest >= SLOW and hopeless < math.inf:
                break
            started = clock()
            run()
            fastest = min(fastest, clock() - started)
        warm[name] = fastest
        calls[name] = min(MOST_CALLS, max(1, math.ceil(turn / max(fastest, 1e-9))))
    slow = {name for name, fastest in warm.items() if fastest > hopeless * min(warm.values())}
    found: dict[str, list[float]] = {name: [] for name in candidates}
    first, last = clock(), None
    for done in range(repeats):
        if seconds is not None and done >= LEAST_ROUNDS and clock() - first >= seconds:
            break
        for name, run in candidates.items():
            if name in slow and done:
                continue
            if pause and (pause_after is None or last in pause_after):
                sleep(pause)
            last = name
            if before is not None:
                before()
            started = clock()
            for _ in range(calls[name]):
                run()
            found[name].append((clock() - started) / calls[name])
    return {name: Timing(tuple(values), calls[name]) for name, values in found.items()}
