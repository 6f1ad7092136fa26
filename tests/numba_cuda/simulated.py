"""Numba's simulator of a GPU, for kernels that get pretended CuPy arrays. Import this before anything imports Numba.

It runs a thread of Python for each thread of a block. Shared memory is full of NaN at first here, and blocks and tiles are small,
since each thread costs the simulator a fifth of a millisecond.
"""

import os
import sys
import threading
from pathlib import Path

import numpy as np

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))

from numba.cuda.simulator import kernelapi
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
from on_host.pretended import pretend_cupy

from gan_np import kernels
from gan_np.kernels.cases import case_of, conv2d_case, convolution_geometry, dense_case
from gan_np.kernels.cuda import grids
from gan_np.kernels.numba_cuda import launcher, product

SIDE, THREADS = 4, 16
FLOAT32 = np.dtype(np.float32)


def launched(kernel, grid, block, values):
    """Instead of `launcher.run`: the simulator's arrays, which are the same memory, as on a device."""
    kernel[grid, block](*(FakeCUDAArray(each.view) if type(each).__module__ == "cupy" else each for each in values))


_lock = threading.Lock()


def poisoned(self, shape, dtype):
    """Instead of the simulator's shared memory: as there, an array for each line that asks for one, but full of NaN."""
    frame = sys._getframe(1)
    with _lock:
        return self._allocations.setdefault((frame.f_code, frame.f_lineno), np.full(shape, np.nan, dtype))


def prepare():
    """Small blocks, the simulator's launch and poisoned shared memory, for the rest of this process."""
    launcher.run = launched
    kernelapi.FakeCUDAShared.array = poisoned
    product.SIDE, grids.THREADS = SIDE, THREADS
    sys.setswitchinterval(1e-5)  # the simulator polls its threads, and would keep them waiting for 5 ms each time


def toy_cases(operation):
    """The table's small cases, or smaller ones where those would take the simulator minutes."""
    if operation == "dense":
        return [dense_case("odd", 5, 9, 3), dense_case("whole tiles", 4, 8, 4)]
    if operation == "conv2d":
        return [
            conv2d_case(label, convolution_geometry(*sizes))
            for label, *sizes in (
                ("odd remainder", 1, (4, 3, 2), 3, (3, 2), (2, 1), (1, 0)),
                ("padding above kernel", 1, (2, 2, 1), 2, (2, 2), (1, 2), (3, 2)),
            )
        ]
    if operation in ("batch_norm", "bias_activation"):
        cases = [case for case in kernels.cases(operation) if case.label.startswith("rows")]
        return [*cases, kernels.cases(operation)[-1]] if operation == "batch_norm" else cases
    return kernels.cases(operation)


__all__ = ["FLOAT32", "case_of", "prepare", "pretend_cupy", "toy_cases"]
