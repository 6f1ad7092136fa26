"""Ranks that are threads of one process: for tests, and to try whether a layer of one's own looks across the batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from gan_np.arrays import Array, array_module

from .ranks import Pieces, Ranks

Result = TypeVar("Result")
PATIENCE = 60.0
"""Seconds after which a rank that waits for the others gives up."""


class _Meeting:
    """Where the threads meet: each lays something down and takes what all laid down."""

    def __init__(self, size: int) -> None:
        self.places: list[Any] = [None] * size
        self.barrier = threading.Barrier(size)

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self.places[rank] = value
        self.barrier.wait(PATIENCE)
        found = list(self.places)
        self.barrier.wait(PATIENCE)
        return found


class ThreadRanks(Ranks):
    """One of several threads, made by `in_threads`."""

    capturable = False

    def __init__(self, rank: int, size: int, meeting: _Meeting) -> None:
        self.rank = self.local_rank = rank
        self.size = self.local_size = size
        self._meeting = meeting

    def all_reduce(self, array: Array, what: str = "sums") -> None:
        """As in `Ranks`."""
        total = summed(self._meeting.exchange(self.rank, array.copy()))
        array[...] = total

    def pieces(self, values: Array, what: str = "sums") -> Pieces:
        """As in `Ranks`, each piece added up as soon as it is ready, however small."""
        return AtOnce(self, values, what)

    def all_gather(self, *arrays: Array, what: str = "rows") -> tuple[Array, ...]:
        """As in `Ranks`."""
        everyone = self._meeting.exchange(self.rank, [array.copy() for array in arrays])
        xp = array_module(arrays[0])
        return tuple(xp.concatenate(list(parts)) for parts in zip(*everyone, strict=True))

    def broadcast(self, value: Any) -> Any:
        """As in `Ranks`."""
        return self._meeting.exchange(self.rank, value)[0]

    def exchange(self, value: Any) -> list[Any]:
        """As in `Ranks`."""
        return self._meeting.exchange(self.rank, value)

    def collect(self, value: Any) -> list[Any]:
        """As in `Ranks`."""
        found = self._meeting.exchange(self.rank, value)
        return [] if self.rank else found

    def largest(self, number: int) -> int:
        """As in `Ranks`."""
        return int(max(self._meeting.exchange(self.rank, number)))


class AtOnce(Pieces):
    """Each piece is added up where it is said to be ready, so that a piece that was not would give another sum."""

    def __init__(self, ranks: Ranks, values: Array, what: str) -> None:
        super().__init__(ranks, values, what)
        self._done = len(values)

    def ready(self, start: int) -> None:
        """As in `Pieces`."""
        if start < self._done:
            self.ranks.all_reduce(self.values[start : self._done], self.what)
            self._done = start

    def finish(self) -> None:
        """As in `Pieces`."""
        self.ready(0)


def summed(parts: list[Array]) -> Array:
    """The sum of the arrays of all ranks, in their order."""
    total: Array = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def in_threads(function: Callable[[Ranks], Result], size: int) -> list[Result]:
    """function(ranks) in `size` threads, one for each rank; what they return, in the order of the ranks.

    Raises:
        Exception: what the first rank that failed raised.
    """
    meeting = _Meeting(size)
    results: list[Any] = [None] * size
    errors: list[BaseException | None] = [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = function(ThreadRanks(rank, size, meeting))
        except BaseException as error:
            errors[rank] = error
            meeting.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    raised = [error for error in errors if error is not None]
    first = next((error for error in raised if not isinstance(error, threading.BrokenBarrierError)), None)
    if raised:
        raise first or raised[0]
    return results
