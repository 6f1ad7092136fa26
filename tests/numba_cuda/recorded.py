"""What the table's small cases would launch, compiled to PTX with no GPU: a program that prints a JSON line a kernel."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))

from numba import cuda, typeof, types
from numba.cuda import dispatcher
from numba.np.numpy_support import from_dtype
from on_host.pretended import pretend_cupy

from gan_np import kernels
from gan_np.arrays import to_device
from gan_np.kernels.numba_cuda import NAME, launcher

TARGET = (9, 0)
# A device function that a kernel calls is compiled for the device that is there: say that one is.
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=TARGET)


def type_of(value):
    """Numba's type of an argument: of a pretended array, that of the flat vector on the device."""
    return types.Array(from_dtype(value.dtype), 1, "C") if type(value).__module__ == "cupy" else typeof(value)


def launches(operation, dtype):
    """(Python function, types of its arguments) of all kernels that an operation's small cases launch, each once."""
    found = {}

    def record(kernel, grid, block, values):
        found.setdefault((kernel.py_func, tuple(map(type_of, values))))

    before, launcher.run = launcher.run, record
    try:
        with pretend_cupy(), np.errstate(all="ignore"):
            for case in kernels.cases(operation):
                arrays = case.make(np.random.default_rng(0), np.dtype(dtype))
                case.run(kernels.entry(operation, NAME).implementation, *(to_device(array, "cuda") for array in arrays))
    finally:
        launcher.run = before
    return list(found)


def ptx(function, arguments):
    """The text that NVIDIA's assembler would get."""
    text, _ = cuda.compile(function, types.void(*arguments), cc=TARGET, device=False, abi="numba")
    return text


def widened(x, y):
    """A control: 0.5 is float64, and so is its product with a float32."""
    i = cuda.grid(1)
    y[i] = 0.5 * x[i] + 0.1


if __name__ == "__main__":
    for operation in kernels.OPERATIONS:
        if NAME in [entry.name for entry in kernels.entries(operation)]:
            for dtype in ("float32", "float64"):
                for function, arguments in launches(operation, dtype):
                    record = {"operation": operation, "kernel": function.__name__, "dtype": dtype}
                    print(json.dumps({**record, "ptx": ptx(function, arguments)}), flush=True)
    vector = types.float32[::1]
    record = {"operation": "none", "kernel": "widened", "dtype": "control", "ptx": ptx(widened, (vector, vector))}
    print(json.dumps(record))
