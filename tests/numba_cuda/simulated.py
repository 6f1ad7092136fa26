"""Numba's simulator of a GPU, for kernels that get pretended CuPy arrays: a program that prints a JSON line a check.

The simulator runs a thread of Python for each thread of a block. Here shared memory is full of NaN at first, blocks and
tiles are small, and threads start in forward or in reversed order.

python simulated.py             every registered kernel against the reference
python simulated.py broken      the same with one thing broken, thing by thing
python simulated.py infinite    infinite numbers, and gradients whose squares overflow
"""

import inspect
import json
import os
import sys
import threading
from importlib import import_module
from pathlib import Path

import numpy as np

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))

import infinite
from broken import BROKEN
from numba.cuda.simulator import kernel as simulator
from numba.cuda.simulator import kernelapi
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
from on_host.pretended import pretend_cupy

from gan_np import kernels
from gan_np.arrays import to_device
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case
from gan_np.kernels.cuda import grids
from gan_np.kernels.numba_cuda import NAME, launcher, product
from gan_np.testing import KernelError, check_kernel

SIDE, THREADS = 4, 16
ORDERS = ("forward", "reversed")
every_case = kernels.list_cases


def launched(kernel, grid, block, values):
    """Instead of `launcher.run`: the simulator's arrays, which are the same memory, as on a device."""
    kernel[grid, block](*(FakeCUDAArray(each.view) if type(each).__module__ == "cupy" else each for each in values))


_lock = threading.Lock()


def poisoned(self, shape, dtype):
    """Instead of the simulator's shared memory: as there, an array for each line that asks for one, but full of NaN."""
    frame = sys._getframe(1)
    with _lock:
        return self._allocations.setdefault((frame.f_code, frame.f_lineno), np.full(shape, np.nan, dtype))


class Reversed:
    """NumPy, but for the order in which the simulator goes through blocks and threads."""

    def __getattr__(self, name):
        return getattr(np, name)

    def ndindex(self, *sizes):
        return reversed(list(np.ndindex(*sizes)))


def prepare():
    """Small blocks and cases, the simulator's launch and poisoned shared memory, for the rest of this process."""
    launcher.run = launched
    kernels.list_cases = toy_cases
    kernelapi.FakeCUDAShared.array = poisoned
    product.SIDE, grids.THREADS = SIDE, THREADS
    sys.setswitchinterval(1e-5)  # the simulator polls its threads, and would keep them waiting for 5 ms each time


def toy_cases(operation):
    """The table's small cases, or smaller ones where those would take the simulator minutes."""
    if operation == "dense":
        return [dense_case("odd", 5, 9, 3), dense_case("full tiles", 4, 8, 4)]
    if operation == "conv2d":
        return [
            conv2d_case(label, convolution_geometry(*sizes))
            for label, *sizes in (
                ("odd remainder", 1, (4, 3, 2), 3, (3, 2), (2, 1), (1, 0)),
                ("padding above kernel", 1, (2, 2, 1), 2, (2, 2), (1, 2), (3, 2)),
                ("two groups", 2, (3, 4, 4), 2, (2, 3), (1, 2), (0, 1), 2),
            )
        ]
    if operation in ("batch_norm", "bias_activation"):
        cases = [case for case in every_case(operation) if case.label.startswith("rows")]
        return [*cases, every_case(operation)[-1]] if operation == "batch_norm" else cases
    if operation in ("normal", "dropout"):
        options = (0.3,) if operation == "dropout" else ()
        few = kernels.Problem("cuda", np.dtype(np.float32), (41,))
        return [kernels.case_of(kernels.RecordedProblem(operation, few, options))]
    return every_case(operation)


def fault(operation, order):
    """What is wrong with an operation's kernels when threads start in this order; None if nothing is."""
    simulator.np = Reversed() if order == "reversed" else np
    try:
        with pretend_cupy(), np.errstate(all="ignore"):
            check_kernel(operation, NAME, device="cuda", effort="quick")
    except (KernelError, IndexError, ValueError) as error:  # ValueError: the root of what a race made negative
        return f"{type(error).__name__}: {error}"
    return None


def fault_at_infinity(check, dtype):
    """What is wrong with one of `infinite.CHECKS`; None if nothing is."""
    operation, run = infinite.CHECKS[check]
    try:
        with pretend_cupy(), np.errstate(all="ignore"):
            run(kernels.entry(operation, NAME).implementation, dtype, lambda array: to_device(array, "cuda"))
    except AssertionError as error:
        return str(error)
    return None


def rewrite(name, change=lambda text: text):
    """Run a module's source again, changed, in its own namespace: what others imported from it calls the new kernels."""
    module = import_module(f"gan_np.kernels.numba_cuda.{name}")
    before = inspect.getsource(module)
    text = change(before)
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    prepare()
    return text != before


if __name__ == "__main__":
    prepare()
    if sys.argv[1:] == ["broken"]:
        for label, module, change, operation in BROKEN:
            changed = rewrite(module, change)
            caught = next((order for order in ORDERS if fault(operation, order)), None)  # the other need not be tried
            print(json.dumps({"check": label, "changed": changed, "caught": caught}), flush=True)
            rewrite(module)
    elif sys.argv[1:] == ["infinite"]:
        for check in infinite.CHECKS:
            for dtype in (np.float32, np.float64):
                print(json.dumps({"check": check, "fault": fault_at_infinity(check, dtype)}), flush=True)
    else:
        for work in sys.argv[1:]:
            operation, order = work.split(":")
            print(json.dumps({"check": operation, "order": order, "fault": fault(operation, order)}), flush=True)
