"""`cupy.cuda.nccl`: a communicator whose other ranks all have what this one has, in the order of the current stream."""

from __future__ import annotations

import types

import numpy as np

TYPES = {7: np.float32, 8: np.float64}
"""NCCL's numbers of its types."""
SUM = 0


def make_nccl(world):
    """The module."""
    nccl = types.ModuleType("cupy.cuda.nccl")

    class NcclError(RuntimeError):
        def __init__(self, status):
            super().__init__(f"NCCL_ERROR {status}")
            self.status = status

    class NcclCommunicator:
        def __init__(self, ndev, commId, rank):
            if not isinstance(commId, tuple) or len(commId) != 128 or not 0 <= rank < ndev:
                raise NcclError(4)
            self._ndev, self._device = ndev, world.current_device

        def size(self):
            return self._ndev

        def allReduce(self, sendbuf, recvbuf, count, datatype, op, stream):
            if op != SUM:
                raise NcclError(4)
            self._send(sendbuf, recvbuf, count, datatype, stream, lambda values: values * self._ndev, 1)

        def allGather(self, sendbuf, recvbuf, count, datatype, stream):
            self._send(
                sendbuf, recvbuf, count, datatype, stream, lambda values: np.tile(values, self._ndev), self._ndev
            )

        def _send(self, sendbuf, recvbuf, count, datatype, stream, function, times):
            if world.current_device != self._device:
                raise NcclError(4)
            if stream != world.stream.ptr:
                raise AssertionError("NCCL: another stream than the current one, whose work it would not wait for")
            kind = np.dtype(TYPES[datatype])
            source, one = world.memory_at(sendbuf, count * kind.itemsize)
            target, other = world.memory_at(recvbuf, times * count * kind.itemsize)
            world.allow()

            def work():
                target.view(kind)[...] = function(source.view(kind).copy())

            work() if world.capture is None else world.record(work, [one, other])

    nccl.NcclCommunicator, nccl.NcclError = NcclCommunicator, NcclError
    nccl.NCCL_FLOAT32, nccl.NCCL_FLOAT64, nccl.NCCL_SUM = 7, 8, SUM
    nccl.available = True
    nccl.get_unique_id = lambda: tuple(range(128))
    return nccl
