"""Launching a kernel on CuPy arrays: what is checked, how Numba sees the arrays, and on which stream it runs.

The checks are those of the CUDA C++ kernels. Kernels get every array as a flat vector in C order, numbers in the dtype of
the arrays, and tuples of sizes as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module

from ..cuda.launcher import Argument, Cell, checked
from ..cuda.scalars import scalar
from .compiled import cuda


def launch(
    kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], arguments: Sequence[Argument | tuple[int, ...]]
) -> None:
    """Run `kernel` on the device and the current CuPy stream of its first argument, whose dtype is that of all floats.

    Raises:
        TypeError, ValueError: an array of another library, device, dtype or layout, or too long; the message says which.
    """
    first: Any = arguments[0]
    name = kernel.py_func.__qualname__
    run(kernel, grid, block, [_flat(f"{name}: argument {i}", given, first) for i, given in enumerate(arguments)])


def run(kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], values: list[Any]) -> None:
    """The launch itself. Nothing waits: CuPy's arrays are taken without synchronising, since the stream is theirs."""
    first = values[0]
    xp: Any = array_module(first)
    with first.device, cuda.gpus[first.device.id]:
        pointer = xp.cuda.get_current_stream().ptr
        stream = cuda.external_stream(pointer) if pointer else 0
        kernel[grid, block, stream](*map(_as_numba, values))


def cell(name: str, value: Any, like: Array, dtype: type[np.generic] = np.float64) -> Cell:
    """A number that kernels read from device memory, wherever it was: one place for what changes from step to step.

    Raises:
        TypeError: an array on the device that is not one number of `dtype`.
    """
    there, number = scalar(name, value, dtype)
    if there is not None:
        return Cell(there.array.reshape(1))
    xp: Any = array_module(like)
    with like.device:  # type: ignore[attr-defined]
        return Cell(xp.full((1,), number, dtype))


def _as_numba(value: Any) -> Any:
    """Return CuPy's array as one of Numba's, of the same memory."""
    return cuda.as_cuda_array(value, sync=False) if hasattr(value, "__cuda_array_interface__") else value


def _flat(place: str, argument: Argument | tuple[int, ...], first: Array) -> Any:
    if isinstance(argument, tuple) and not isinstance(argument, Cell):
        return argument
    value = checked(place, argument, first, first.dtype)
    return value if isinstance(value, np.generic) else value.reshape(-1)
