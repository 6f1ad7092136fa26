"""Ranks with a GPU each: arrays on it go by NCCL, in the order of the current stream; all else goes by MPI.

Nobody waits: a sum is a launch like any other, and part of a captured CUDA graph. NCCL adds in an order that depends on the
number of ranks and their connections alone, and gives the same bits to all.
"""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array, array_module, empty, on_host
from gan_np.devices import DeviceError, cupy_for, parse, scope
from gan_np.ranks import Ranks, Traffic


class NCCLRanks(Ranks):
    """The same processes as `ranks`, each with a GPU of its own.

    ranks: who sends what is not on a GPU. device: this rank's.

    Raises:
        DeviceError: CuPy has no NCCL here.
    """

    def __init__(self, ranks: Ranks, device: str) -> None:
        self.host = ranks
        self.rank, self.size = ranks.rank, ranks.size
        self.local_rank, self.local_size = ranks.local_rank, ranks.local_size
        self.device = device
        cupy: Any = cupy_for(device)
        self._nccl: Any = getattr(cupy.cuda, "nccl", None)
        if self._nccl is None or not getattr(self._nccl, "available", True):
            raise DeviceError(
                f"device {device!r}: several ranks add up by NCCL, which CuPy does not find: python -m pip install "
                "nvidia-nccl-cu13 (or nvidia-nccl-cu12, as your CuPy)"
            )
        self._current_stream = cupy.cuda.get_current_stream
        self._types = {"float32": self._nccl.NCCL_FLOAT32, "float64": self._nccl.NCCL_FLOAT64}
        identity = ranks.broadcast(self._nccl.get_unique_id() if ranks.rank == 0 else None)
        with scope(device):
            self._communicator = self._nccl.NcclCommunicator(self.size, identity, self.rank)
        self._traffic: dict[str, Traffic] = {}

    def __repr__(self) -> str:
        return f"<rank {self.rank} of {self.size} on {self.device}>"

    @property
    def traffic(self) -> dict[str, Traffic]:
        """What was sent so far, by what it was; of a captured step once, and without the time, which nobody waits."""
        return self.host.traffic | self._traffic

    def all_reduce(self, array: Array, what: str = "sums") -> None:
        """As in `Ranks`."""
        if on_host(array):
            self.host.all_reduce(array, what)
            return
        given = array_module(array).ascontiguousarray(array)
        place, kind = given.data.ptr, self._types[str(array.dtype)]  # type: ignore[attr-defined]
        stream = self._current_stream().ptr
        self._communicator.allReduce(place, place, given.size, kind, self._nccl.NCCL_SUM, stream)
        self._count(what, 2 * (self.size - 1) * given.nbytes // self.size)
        if given is not array:
            array[...] = given

    def all_gather(self, *arrays: Array, what: str = "rows") -> tuple[Array, ...]:
        """As in `Ranks`."""
        if on_host(arrays[0]):
            return self.host.all_gather(*arrays, what=what)
        xp, count = array_module(arrays[0]), len(arrays[0])
        sent = xp.ascontiguousarray(xp.concatenate([array.reshape(count, -1) for array in arrays], axis=1))
        found = empty((count * self.size, sent.shape[1]), sent.dtype, self.device)
        kind, stream = self._types[str(sent.dtype)], self._current_stream().ptr
        self._communicator.allGather(sent.data.ptr, found.data.ptr, sent.size, kind, stream)  # type: ignore[attr-defined]
        self._count(what, (self.size - 1) * sent.nbytes)
        parts, start = [], 0
        for array in arrays:
            width = array.size // count
            rows = xp.ascontiguousarray(found[:, start : start + width])
            parts.append(rows.reshape(count * self.size, *array.shape[1:]))
            start += width
        return tuple(parts)

    def broadcast(self, value: Any) -> Any:
        """As in `Ranks`."""
        return self.host.broadcast(value)

    def exchange(self, value: Any) -> list[Any]:
        """As in `Ranks`."""
        return self.host.exchange(value)

    def collect(self, value: Any) -> list[Any]:
        """As in `Ranks`."""
        return self.host.collect(value)

    def largest(self, number: int) -> int:
        """As in `Ranks`."""
        return self.host.largest(number)

    def abort(self, code: int) -> None:
        """As in `Ranks`."""
        self.host.abort(code)

    def _count(self, what: str, sent: int) -> None:
        traffic = self._traffic.setdefault(what, Traffic())
        traffic.calls += 1
        traffic.sent += sent


def device_of_rank(device: str, ranks: Ranks) -> str:
    """Where a rank computes: of several on one machine each on a GPU of its own, by its number there."""
    return f"cuda:{ranks.local_rank}" if parse(device)[0] == "cuda" and ranks.size > 1 else device
