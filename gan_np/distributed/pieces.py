"""A vector that is added up over the processes of an MPI piece by piece, while the rest of it is still being computed.

Each piece goes as `MPIRanks.all_reduce` sends a large array, in two halves, so its sums have the same bits; nobody waits.
First halves are begun when a piece is ready, second ones when its first has come, both in the order of the pieces on every
rank, each kind through a communicator of its own: the order in which messages of one communicator are begun must be the
same on all ranks, and which arrive when is not. An MPI without a thread of its own moves messages only while it is asked
for them: that is done whenever another piece is ready, and while this rank waits for any other message.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.ranks import Pieces, Ranks

from .waiting import WaitingRanks

PIECE = 1 << 17
"""Bytes of a piece at least: a smaller one waits for what comes before it."""


class _Piece:
    """One piece on its way."""

    def __init__(self, values: Array, ranks: Ranks, room: Array, communicators: tuple[Any, Any]) -> None:
        self.values, self.rank, self.size = values, ranks.rank, ranks.size
        bounds = np.arange(self.size + 1) * values.size // self.size
        self.counts, self.starts, self.bounds = np.diff(bounds), bounds[:-1], bounds
        self.own = int(self.counts[self.rank])
        self.arrived, self.communicators = room[: self.size * self.own], communicators
        places = [self.own] * self.size, [self.own * rank for rank in range(self.size)]
        self.request = communicators[0].Ialltoallv([values, (self.counts, self.starts)], [self.arrived, places])
        self.sent = (values.size - self.own) * values.itemsize
        self.in_second = False

    def turn(self) -> None:
        """Behind the first half: add up this rank's part, and begin to gather those of all."""
        self.part = np.add.reduce(self.arrived.reshape(self.size, self.own), axis=0)
        self.request = self.communicators[1].Iallgatherv(self.part, [self.values, (self.counts, self.starts)])
        self.sent += (self.size - 1) * self.own * self.values.itemsize
        self.in_second = True


class MPIPieces(Pieces):
    """Made by `MPIRanks.pieces`.

    room: gives memory for messages by a name. communicators: for the first halves and the second ones.
    """

    def __init__(
        self,
        ranks: WaitingRanks,
        values: Array,
        what: str,
        room: Callable[[str, int, Any], Array],
        communicators: tuple[Any, Any],
    ) -> None:
        super().__init__(ranks, values, what)
        self._ranks, self._room, self._communicators = ranks, room, communicators
        self._end, self._pieces = len(values), list[_Piece]()

    def ready(self, start: int) -> None:
        """As in `Pieces`."""
        begun = time.perf_counter()
        if (self._end - start) * self.values.itemsize >= PIECE:
            self._begin(start)
        self.progress()
        self._ranks.note(self.what, seconds=time.perf_counter() - begun)

    def finish(self) -> None:
        """As in `Pieces`."""
        begun = time.perf_counter()
        if self._end:
            self._begin(0)
        self._ranks.under_way = None
        self._ranks.until(self.progress)
        for piece in self._pieces:
            self._ranks.note(self.what, calls=2, sent=piece.sent)
        self._ranks.note(self.what, seconds=time.perf_counter() - begun)

    def progress(self) -> bool:
        """Ask for what is under way, and begin second halves; whether all that was begun is done."""
        done, may_turn = True, True
        for piece in self._pieces:  # in their order: none begins its second half before another
            arrived = piece.request.Test()
            if arrived and not piece.in_second and may_turn:
                piece.turn()
                arrived = False
            may_turn = may_turn and piece.in_second
            done = done and arrived and piece.in_second
        return done

    def _begin(self, start: int) -> None:
        values = self.values[start : self._end]
        own = -(-values.size // self._ranks.size)
        room = self._room(f"piece {len(self._pieces)}", self._ranks.size * own, values.dtype)
        self._pieces.append(_Piece(values, self._ranks, room, self._communicators))
        self._end = start
