"""Ranks that are processes of an MPI: mpi4py, on MPICH or Open MPI.

Sums. MPI leaves open in which order an all-reduce adds, and so with which bits. Here each rank is sent its part of every
rank's array (an all-to-all), adds these up in the order of the ranks, and all parts are gathered: 2·(N − 1)/N times the
array is sent by each rank, as by the best all-reduce, and the sum has the same bits on every rank, in every repetition and
with any MPI. A small array is gathered whole and added up on each rank, which is one message in place of two.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from itertools import pairwise
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module, on_host, to_device, to_host
from gan_np.devices import CPU
from gan_np.kernels import threads
from gan_np.ranks import Pieces, Ranks

from .failures import end_all_on_errors
from .pieces import PIECE, MPIPieces
from .waiting import WaitingRanks

SMALL = 1 << 13
"""Bytes up to which an array is gathered whole."""


class MPIRanks(WaitingRanks):
    """The processes of an MPI communicator.

    communicator: of mpi4py; all processes that were started together if None. Messages go through a copy of it, so that they
        never meet those of other code.
    """

    capturable = False

    def __init__(self, communicator: Any = None) -> None:
        from mpi4py import MPI

        super().__init__()
        self._world = MPI.COMM_WORLD if communicator is None else communicator
        self._communicator = self._world.Dup()
        self.rank, self.size = self._communicator.Get_rank(), self._communicator.Get_size()
        local = self._communicator.Split_type(MPI.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = local.Get_rank(), local.Get_size()
        local.Free()
        self._for_pieces = self._world.Dup(), self._world.Dup()
        self._memory: dict[str, Array] = {}
        self._on_devices: dict[str, Ranks] = {}

    def __repr__(self) -> str:
        return f"<rank {self.rank} of {self.size}>"

    def all_reduce(self, array: Array, what: str = "sums") -> None:
        """As in `Ranks`."""
        if self.size == 1:
            return
        host = np.ascontiguousarray(to_host(array))
        flat = host.reshape(-1)
        if flat.nbytes <= SMALL:
            everyone = self._room("small", self.size * flat.size, flat.dtype).reshape(self.size, -1)
            self._wait(self._communicator.Iallgather(flat, everyone), what, (self.size - 1) * flat.nbytes)
            np.add.reduce(everyone, axis=0, out=flat)
        else:
            self._in_parts(flat, what)
        if host is not array:
            array[...] = (
                to_device(host.reshape(array.shape), "cpu") if on_host(array) else array_module(array).asarray(host)
            )

    def pieces(self, values: Array, what: str = "sums") -> Pieces:
        """As in `Ranks`; a small array, or one that is not on the host, is sent whole at its end."""
        if self.size == 1 or not on_host(values) or values.nbytes < 2 * PIECE:
            return super().pieces(values, what)
        made = MPIPieces(self, values, what, self._room, self._for_pieces)
        self.under_way = made.progress
        return made

    def all_gather(self, *arrays: Array, what: str = "rows") -> tuple[Array, ...]:
        """As in `Ranks`."""
        if self.size == 1:
            return arrays
        count, dtype = len(arrays[0]), arrays[0].dtype
        widths = [array.size // max(count, 1) for array in arrays]
        sent = np.concatenate([to_host(array).reshape(count, -1) for array in arrays], axis=1)
        found = np.empty((count * self.size, sent.shape[1]), dtype)
        self._wait(self._communicator.Iallgather(sent, found), what, (self.size - 1) * sent.nbytes)
        places = np.cumsum([0, *widths])
        return tuple(
            self._like(found[:, start:stop].reshape(count * self.size, *array.shape[1:]), array)
            for array, start, stop in zip(arrays, places[:-1], places[1:], strict=True)
        )

    def broadcast(self, value: Any) -> Any:
        """As in `Ranks`."""
        if self.size == 1:
            return value
        packed = np.frombuffer(pickle.dumps(value, 5), np.uint8) if self.rank == 0 else None
        length = np.array([0 if packed is None else packed.size], np.int64)
        self._wait(self._communicator.Ibcast(length, 0), "objects", 8)
        text = np.empty(int(length[0]), np.uint8) if packed is None else packed.copy()
        self._wait(self._communicator.Ibcast(text, 0), "objects", text.nbytes)
        return value if packed is not None else pickle.loads(text.data)

    def exchange(self, value: Any) -> list[Any]:
        """As in `Ranks`."""
        packed = np.frombuffer(pickle.dumps(value, 5), np.uint8).copy()
        lengths = np.empty(self.size, np.int64)
        self._wait(self._communicator.Iallgather(np.array([packed.size], np.int64), lengths), "objects", 8)
        text = np.empty(int(lengths.sum()), np.uint8)
        starts = np.cumsum([0, *lengths])
        given = [text, (lengths, starts[:-1])]
        self._wait(self._communicator.Iallgatherv(packed, given), "objects", packed.nbytes * (self.size - 1))
        return [pickle.loads(text[start:stop].data) for start, stop in pairwise(starts)]

    def collect(self, value: Any) -> list[Any]:
        """As in `Ranks`."""
        packed = np.frombuffer(pickle.dumps(value, 5), np.uint8).copy()
        lengths = np.empty(self.size, np.int64)
        self._wait(self._communicator.Iallgather(np.array([packed.size], np.int64), lengths), "objects", 8)
        starts = np.cumsum([0, *lengths])
        text = np.empty(int(starts[-1]) if self.rank == 0 else 0, np.uint8)
        given = [text, (lengths, starts[:-1])] if self.rank == 0 else None
        self._wait(self._communicator.Igatherv(packed, given, 0), "objects", packed.nbytes * (self.rank > 0))
        return [] if self.rank else [pickle.loads(text[start:stop].data) for start, stop in pairwise(starts)]

    def largest(self, number: int) -> int:
        """As in `Ranks`."""
        everyone = np.empty(self.size, np.int64)
        self._wait(
            self._communicator.Iallgather(np.array([number], np.int64), everyone), "agreement", 8 * (self.size - 1)
        )
        return int(everyone.max())

    def on_device(self, device: str) -> Ranks:
        """Themselves on the CPU; with a GPU each, those that send by NCCL."""
        if device == CPU or self.size == 1:
            return self
        if device not in self._on_devices:
            from .nccl import NCCLRanks

            self._on_devices[device] = NCCLRanks(self, device)
        return self._on_devices[device]

    def abort(self, code: int) -> None:
        """As in `Ranks`."""
        self._world.Abort(code)

    def _in_parts(self, flat: Array, what: str) -> None:
        """The sum of a large array, each rank adding up its part."""
        bounds = np.arange(self.size + 1) * flat.size // self.size
        counts, starts = np.diff(bounds), bounds[:-1]
        own = int(counts[self.rank])
        arrived = self._room("parts", self.size * own, flat.dtype)
        places = [own] * self.size, [own * rank for rank in range(self.size)]
        others = (flat.size - own) * flat.itemsize
        self._wait(self._communicator.Ialltoallv([flat, (counts, starts)], [arrived, places]), what, others)
        part = flat[bounds[self.rank] : bounds[self.rank + 1]].copy()
        np.add.reduce(arrived.reshape(self.size, own), axis=0, out=part)
        request = self._communicator.Iallgatherv(part, [flat, (counts, starts)])
        self._wait(request, what, (self.size - 1) * own * flat.itemsize)

    def _room(self, name: str, size: int, dtype: Any) -> Array:
        """Memory for messages, kept from call to call."""
        bytes_needed = size * dtype.itemsize
        kept = self._memory.get(name)
        if kept is None or kept.nbytes < bytes_needed:
            kept = self._memory[name] = np.empty(bytes_needed, np.uint8)
        return kept[:bytes_needed].view(dtype)

    def _wait(self, request: Any, what: str, sent: int) -> None:
        """Until a message is done."""
        started = time.perf_counter()
        self.until(request.Test)
        self.note(what, 1, sent, time.perf_counter() - started)

    def _like(self, rows: Array, array: Array) -> Array:
        """Rows that arrived, where the array lies."""
        contiguous = np.ascontiguousarray(rows)
        return contiguous if on_host(array) else array_module(array).asarray(contiguous)


def world(launcher: str, size: int) -> MPIRanks:
    """All processes that were started together; each then has its share of the machine's cores, and an error that nobody
    catches in one of them ends all.

    Raises:
        ModuleNotFoundError: mpi4py is not installed.
        RuntimeError: the library that mpi4py found is another MPI than that which started them.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ModuleNotFoundError(
            f"ranks: {size} processes were started by {launcher}, and to work together they need mpi4py ({error}): "
            'python -m pip install "gan_np[mpi]"; with --ranks off (ranks="off") each trains alone'
        ) from error
    found = MPI.COMM_WORLD.Get_size()
    if found != size:
        name = MPI.Get_library_version().partition("\n")[0].strip("\x00 ")
        raise RuntimeError(
            f"ranks: {size} processes were started by {launcher}, and mpi4py knows of {found}: it uses {name}; start them "
            "with the mpiexec of that MPI"
        )
    ranks = MPIRanks()
    share_cores(ranks)
    end_all_on_errors(ranks)
    return ranks


def share_cores(ranks: Ranks) -> None:
    """Give each rank of a machine its share of the cores for compiled kernels, at least one; what the environment says of
    threads (`GAN_NP_NUM_THREADS`, `OMP_NUM_THREADS`) goes before."""
    if any(os.environ.get(name) for name in threads.ENVIRONMENT):
        return
    cores = os.cpu_count() or 1
    with contextlib.suppress(AttributeError):  # not every system knows which cores a process may use
        own = len(os.sched_getaffinity(0))
        if own < cores and ranks.local_size > 1 and own * ranks.local_size <= cores:
            threads.set_count(own)  # the launcher has divided them
            return
        cores = own
    threads.set_count(max(1, cores // ranks.local_size))
