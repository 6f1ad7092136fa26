"""What the table's small cases would launch, compiled with no GPU: a program that prints a JSON line a kernel."""

import functools
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "cuda"))

from cuda.core import Linker, LinkerOptions, ObjectCode
from numba import cuda, typeof, types
from numba.cuda import dispatcher
from numba.np.numpy_support import from_dtype
from on_host.pretended import pretend_cupy

from gan_np import kernels
from gan_np.arrays import to_device
from gan_np.kernels.numba_cuda import NAME, launcher

TARGET = (9, 0)
REGISTERS = re.compile(r"Used (\d+) registers")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
# A device function that a kernel calls is compiled for the device that is there: say that one is.
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=TARGET)


def type_of(value):
    """Numba's type of an argument: of a pretended array, that of the flat vector on the device."""
    return types.Array(from_dtype(value.dtype), 1, "C") if type(value).__module__ == "cupy" else typeof(value)


def launches(operation, dtype):
    """(Python function, types of its arguments) of all kernels that an operation's small cases launch, each once.

    In float64 the last case alone: what differs between cases is then known to compile.
    """
    found = {}

    def record(kernel, grid, block, values):
        found.setdefault((kernel.py_func, tuple(map(type_of, values))))

    before, launcher.run = launcher.run, record
    try:
        with pretend_cupy(), np.errstate(all="ignore"):
            cases = kernels.list_cases(operation)
            for case in cases if dtype == "float32" else cases[-1:]:
                arrays = case.make(np.random.default_rng(0), np.dtype(dtype))
                case.run(kernels.entry(operation, NAME).implementation, *(to_device(array, "cuda") for array in arrays))
    finally:
        launcher.run = before
    return list(found)


@functools.cache
def ptx(function, arguments):
    """The text that NVIDIA's assembler gets."""
    text, _ = cuda.compile(function, types.void(*arguments), cc=TARGET, device=False, abi="numba")
    return text


def resources(text):
    """What the assembler says of a kernel: its registers, and the bytes of its stack and of what it spills."""
    options = LinkerOptions(arch="sm_90", ptxas_options=["-v"], verbose=True)
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=options)
    linker.link("cubin")
    log = linker.get_info_log()
    frames = [tuple(map(int, numbers)) for numbers in FRAME.findall(log)]
    stack, stores, loads = map(max, zip(*frames, strict=True))
    return {"registers": int(REGISTERS.search(log)[1]), "stack": stack, "spilled": stores + loads}


def widened(x, y):
    """A control: 0.5 is float64, and so is its product with a float32."""
    i = cuda.grid(1)
    y[i] = 0.5 * x[i] + 0.1


def show(operation, dtype, function, arguments):
    """Print what is known of a kernel."""
    text = ptx(function, arguments)
    record = {"operation": operation, "kernel": function.__name__, "dtype": dtype, **resources(text), "ptx": text}
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    for operation in kernels.OPERATIONS:
        if NAME in [entry.name for entry in kernels.entries(operation)]:
            for dtype in ("float32", "float64"):
                for function, arguments in launches(operation, dtype):
                    show(operation, dtype, function, arguments)
    show("none", "control", widened, (types.float32[::1], types.float32[::1]))
