"""Devices by name ("cpu", "cuda", "cuda:1"): the array library of each, and what goes wrong when one is asked for.

CuPy is imported here when a GPU is first asked for, and nowhere before.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

CPU = "cpu"
"""The name of the processor as a device; a GPU is "cuda" or "cuda:N"."""
INSUFFICIENT_DRIVER = 35
"""cudaErrorInsufficientDriver: the driver is older than the CUDA libraries, or there is none."""

_HERE: AbstractContextManager[Any] = contextlib.nullcontext()


class DeviceError(RuntimeError):
    """A device cannot be used here; the message says why and what would help."""


class DeviceMemoryError(MemoryError):
    """A device has too little memory; the message says how much was asked for and what to lower."""


def parse(device: str) -> tuple[str, int | None]:
    """("cpu", None), ("cuda", None) or ("cuda", index).

    Raises:
        ValueError: the name is not a device's.
    """
    kind, colon, index = device.partition(":")
    if (device != CPU and kind != "cuda") or (colon and not (index.isascii() and index.isdecimal())):
        raise ValueError(f"device: expected 'cpu', 'cuda' or 'cuda:N', got {device!r}")
    return kind, int(index) if colon else None


def cupy_for(device: str) -> ModuleType:
    """CuPy, after a look at whether `device` can be used.

    Raises:
        ValueError: the name is not a GPU's.
        DeviceError: CuPy is not installed, there is no driver, the driver is too old, or there is no such GPU.
    """
    index = parse(device)[1]
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise DeviceError(
            f"device {device!r} needs CuPy: python -m pip install cupy-cuda13x (or cupy-cuda12x, whichever your driver "
            f"has): {error}"
        ) from error
    count = _count(cupy, device)
    if not count:
        raise DeviceError(f"device {device!r}: CuPy is installed and the driver works, but there is no GPU")
    if index is not None and index >= count:
        there = "is 1 GPU, cuda:0" if count == 1 else f"are {count} GPUs, cuda:0 to cuda:{count - 1}"
        raise DeviceError(f"device {device!r}: there {there}")
    return cupy


def _count(cupy: Any, device: str) -> int:
    runtime = cupy.cuda.runtime
    try:
        return int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        if error.status != INSUFFICIENT_DRIVER:
            raise DeviceError(f"device {device!r}: {error}") from error
        driver, needed = runtime.driverGetVersion(), _version(runtime.runtimeGetVersion())
        if not driver:
            raise DeviceError(
                f"device {device!r}: no NVIDIA driver was found (CuPy {cupy.__version__} is made for CUDA {needed})"
            ) from error
        raise DeviceError(
            f"device {device!r}: the driver is for CUDA {_version(driver)} and too old for CuPy {cupy.__version__}, made "
            f"for CUDA {needed}: update the driver, or install CuPy for an older CUDA (cupy-cuda12x)"
        ) from error


def _version(number: int) -> str:
    """13020 is 13.2."""
    return f"{number // 1000}.{number % 1000 // 10}"


def scope(device: str) -> AbstractContextManager[Any]:
    """Inside the `with` block new arrays are made on `device`, and work on its arrays is allowed.

    CuPy works on one current device at a time. Networks, optimisers and trainers enter their own device; code that calls
    `ops` on a GPU other than the first does so inside `with gn.devices.scope("cuda:1"):`.
    """
    if device == CPU:  # first: this stands in every step on the CPU
        return _HERE
    index = parse(device)[1]
    if index is None:
        return _HERE
    found: AbstractContextManager[Any] = importlib.import_module("cupy").cuda.Device(index)
    return found


@contextlib.contextmanager
def memory_explained(device: str, what: str, advice: str) -> Iterator[None]:
    """Inside, memory that runs out on a GPU is reported with its amounts, what wanted it and what to lower."""
    if device == CPU:
        yield
        return
    try:
        yield
    except MemoryError as error:
        cupy: Any = cupy_for(device)  # not before: this stands in every step
        if not isinstance(error, cupy.cuda.memory.OutOfMemoryError):
            raise
        free, total = cupy.cuda.Device(parse(device)[1]).mem_info
        raise DeviceMemoryError(
            f"{device}: out of memory during {what}: {error} {free / 2**20:,.0f} MiB of {total / 2**20:,.0f} MiB are free; "
            f"{advice}"
        ) from error


__all__ = [
    "CPU",
    "INSUFFICIENT_DRIVER",
    "DeviceError",
    "DeviceMemoryError",
    "cupy_for",
    "memory_explained",
    "parse",
    "scope",
]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
