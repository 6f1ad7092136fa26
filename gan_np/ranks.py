"""Processes that train one model together, or measure one, as code sees them that computes something over a whole batch.

Each process is a rank. Of a batch of B examples rank r of N has the rows r·B/N to (r+1)·B/N − 1. What is computed for each
example alone needs to know nothing of it; what looks across the batch asks here for sums, or for the rows of all ranks.
`Ranks` itself is one process alone, `ALONE`; `gan_np.distributed` has those that send messages.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeVar

import numpy as np

from gan_np.arrays import Array
from gan_np.rows import RowsOfBatch

Value = TypeVar("Value")


class Ranks:
    """One process alone, and the base of several.

    rank: which one this is, from 0. size: how many there are.
    local_rank, local_size: the same among those on this machine.
    whole_batch_norm: whether batch normalisation takes its statistics over the batch of all ranks.

    All ranks make the same calls in the same order; each waits for the others. Sums are added up in the order of the ranks,
    so that they have the same bits on every rank and in every repetition.

    >>> import numpy as np, gan_np as gn
    >>> gn.ranks.ALONE.total(np.ones(3))
    array([1., 1., 1.])
    """

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    whole_batch_norm = True
    capturable = True
    """Whether its messages about arrays on a GPU may be part of a captured CUDA graph."""

    def all_reduce(self, array: Array, what: str = "sums") -> None:
        """Replace an array by its sum over all ranks, in place. what: what is sent, for `traffic`."""

    def pieces(self, values: Array, what: str = "sums") -> Pieces:
        """What adds up a flat array over all ranks, in place, while it is still being made."""
        return Pieces(self, values, what)

    def all_gather(self, *arrays: Array, what: str = "rows") -> tuple[Array, ...]:
        """For each array (n, …) the rows of all ranks (N·n, …), in one message; the arrays have one dtype and one n."""
        return arrays

    def broadcast(self, value: Any) -> Any:
        """The value that rank 0 gave, on every rank: anything that can be pickled."""
        return value

    def exchange(self, value: Any) -> list[Any]:
        """What each rank gave, in their order, on every rank: small things that can be pickled."""
        return [value]

    def collect(self, value: Any) -> list[Any]:
        """What each rank gave, in their order, on rank 0; on the others an empty list. Anything that can be pickled."""
        return [value]

    def largest(self, number: int) -> int:
        """The largest of the numbers that the ranks gave."""
        return number

    def barrier(self) -> None:
        """Go on when all ranks are here."""
        self.largest(0)

    def abort(self, code: int) -> None:
        """End the processes of all ranks at once with this exit code; one process alone goes on and ends as it will."""

    @property
    def traffic(self) -> dict[str, Traffic]:
        """What was sent so far, by what it was."""
        return {}

    def total(self, array: Array, what: str = "sums") -> Array:
        """The sum of an array over all ranks; the array itself is not changed."""
        if self.size == 1:
            return array
        found: Array = array.copy()
        self.all_reduce(found, what)
        return found

    def own(self, rows: Array) -> Array:
        """This rank's rows of all."""
        if self.size == 1:
            return rows
        count = len(rows) // self.size
        found: Array = rows[self.rank * count : (self.rank + 1) * count]
        return found

    def rows(self, count: int) -> slice:
        """Which of `count` rows are this rank's."""
        share = count // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def share(self, count: int, block: int = 1) -> slice:
        """Which of `count` rows are this rank's where they need not divide evenly: whole blocks of `block` rows, the last
        one shorter, as many on each rank as on any other or one more; perhaps none."""
        blocks = -(-count // block)
        start, stop = (min(blocks * rank // self.size * block, count) for rank in (self.rank, self.rank + 1))
        return slice(start, stop)

    def by_shares(
        self, function: Callable[[slice], tuple[Array, ...]], count: int, block: int = 1
    ) -> tuple[Array, ...]:
        """The arrays of `count` rows that function(rows) gives, of which each rank computes its `share`, on every rank.

        block: rows are only cut between blocks of so many, for what works in batches of that size.

        >>> import numpy as np, gan_np as gn
        >>> gn.ranks.ALONE.by_shares(lambda rows: (np.arange(9)[rows] ** 2,), 9)
        (array([ 0,  1,  4,  9, 16, 25, 36, 49, 64]),)
        """
        own = self.share(count, block)
        if self.size == 1:
            return function(own)
        parts = [found for found in self.exchange(function(own) if own.start < own.stop else None) if found is not None]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def in_turn(self, own: Iterable[Value]) -> Iterator[Value]:
        """On rank 0 all values in their order, of which rank r makes numbers r, r + N, r + 2·N, …; on the others, which must
        go through it too, nothing. Each rank makes one, then they meet, so that no more than N are kept at a time."""
        if self.size == 1:
            yield from own
            return
        made = iter(own)
        while True:
            value = next(made, None)
            found = self.collect((value,) if value is not None else None)
            for each in found:
                if each is not None:
                    yield each[0]
            if self.largest(value is not None) == 0:
                return

    def drawing(self, rng: np.random.Generator) -> np.random.Generator:
        """A generator that gives this rank its rows of what `rng` would draw for the whole batch."""
        return rng if self.size == 1 else RowsOfBatch(rng.bit_generator, self.rank, self.size)

    def from_first(self, function: Callable[[], Value]) -> Value:
        """What a function returns on rank 0, where alone it is called."""
        found: Value = self.broadcast(function() if self.rank == 0 else None)
        return found

    def first_here(self, function: Callable[[], Value]) -> Value:
        """What a function returns, called on one rank of each machine first and then on its others, whom what the first one
        leaves in a cache serves."""
        if self.local_rank == 0:
            found = function()
        self.barrier()
        if self.local_rank:
            found = function()
        return found

    def on_device(self, device: str) -> Ranks:
        """The ranks that add up arrays on this device."""
        return self

    def with_batch_norm(self, whole: bool) -> Self:
        """The same ranks, with or without statistics of batch normalisation over all of them."""
        if whole == self.whole_batch_norm:
            return self
        other = copy.copy(self)
        other.whole_batch_norm = whole
        return other


class Pieces:
    """The sum over all ranks of a vector that is still being made, from its end towards its start.

    Here the whole is added up at the end; ranks that can send while they compute have another. All make the same calls.
    """

    def __init__(self, ranks: Ranks, values: Array, what: str) -> None:
        self.ranks, self.values, self.what = ranks, values, what

    def ready(self, start: int) -> None:
        """Everything from this place on is made, and nobody changes or reads it before `finish`."""

    def finish(self) -> None:
        """All is made: return when all is added up."""
        self.ranks.all_reduce(self.values, self.what)


class Traffic:
    """Messages of one kind: how many calls, how many bytes this rank sent in them, and how long it waited for their end."""

    def __init__(self) -> None:
        self.calls, self.sent, self.seconds = 0, 0, 0.0

    def __repr__(self) -> str:
        return f"<{self.calls:,} calls, {self.sent:,} bytes sent, {self.seconds:.3f} s>"


ALONE = Ranks()
"""One process."""


__all__ = ["ALONE", "Pieces", "Ranks", "Traffic"]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
