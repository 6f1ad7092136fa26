"""Which array library holds this array; devices, dtypes and random generators.

Arrays choose the device: core code asks `array_module(x)` and never tests for CuPy by name. A `device=` argument stands
only where arrays are created. This file and `kernels/cuda` are the only ones that import CuPy, and only when asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]
"""A NumPy array, or a CuPy array used through the same methods."""

Shape: TypeAlias = tuple[int, ...]
DType: TypeAlias = np.dtype[Any]


class ArrayModule(Protocol):
    """`numpy` or `cupy`: to a type checker, functions that return arrays."""

    lib: Any
    linalg: Any

    def __getattr__(self, name: str) -> Callable[..., Array]: ...


FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def array_module(array: Array) -> ArrayModule:
    """The library that holds `array`: the module `numpy` or `cupy`.

    Raises:
        TypeError: `array` is neither a NumPy nor a CuPy array.
    """
    if isinstance(array, np.ndarray):
        return cast(ArrayModule, np)
    if type(array).__module__.partition(".")[0] == "cupy":
        return cast(ArrayModule, importlib.import_module("cupy"))
    raise TypeError(f"array: expected a NumPy or a CuPy array, got {type(array).__name__}")


def on_host(array: Array) -> bool:
    """Whether `array` is NumPy's."""
    array_module(array)
    return isinstance(array, np.ndarray)


def device_of(array: Array) -> str:
    """Where `array` lies: "cpu", or "cuda:0" and so on."""
    return "cpu" if on_host(array) else f"cuda:{array.device.id}"  # type: ignore[attr-defined]


def module_of_device(device: str) -> ArrayModule:
    """The array library for a device name: "cpu" is NumPy, "cuda" and "cuda:1" are CuPy.

    Raises:
        ValueError: the name is not a device's.
        RuntimeError: a GPU was asked for and CuPy is not installed or sees none.
    """
    if device == "cpu":
        return cast(ArrayModule, np)
    kind, _, index = device.partition(":")
    if kind != "cuda" or (":" in device and not index.isdecimal()):
        raise ValueError(f"device: expected 'cpu', 'cuda' or 'cuda:N', got {device!r}")
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise RuntimeError(f"device {device!r} needs CuPy (cupy-cuda12x or cupy-cuda13x): {error}") from error
    if not cupy.cuda.is_available():
        raise RuntimeError(f"device {device!r}: CuPy is installed but finds no usable GPU and driver")
    if index:
        cupy.cuda.Device(int(index)).use()
    return cast(ArrayModule, cupy)


def to_host(array: Array) -> Array:
    """`array` as a NumPy array: itself if it is one, else a copy from its device."""
    return array if on_host(array) else array.get()  # type: ignore[attr-defined]


def to_device(array: Array, device: str) -> Array:
    """A NumPy array on `device`; no copy for "cpu"."""
    return module_of_device(device).asarray(array)


def float_dtype(dtype: DTypeLike) -> DType:
    """`dtype` as a NumPy dtype, float32 or float64.

    Raises:
        TypeError: it is neither.
    """
    found = np.dtype(dtype)
    if found not in FLOATS:
        raise TypeError(f"dtype: expected float32 or float64, got {found}")
    return found


def require_same(operation: str, **arrays: Array | None) -> None:
    """Refuse a mix of dtypes or of devices before any work is done: nothing is cast or moved silently.

    Raises:
        TypeError: an array is not floating, or dtypes or devices differ; the message names the arguments.
    """
    first_name, first = "", None
    for name, array in arrays.items():
        if array is None:
            continue
        if array.dtype not in FLOATS:
            raise TypeError(f"{operation}: {name} must be float32 or float64, got {array.dtype}")
        if first is None:
            first_name, first = name, array
        elif array.dtype != first.dtype:
            raise TypeError(
                f"{operation}: {first_name} is {first.dtype} but {name} is {array.dtype}; convert one explicitly"
            )
        elif type(array) is not type(first) and device_of(array) != device_of(first):
            raise TypeError(
                f"{operation}: {first_name} lies on {device_of(first)} but {name} on {device_of(array)}; move one"
            )


def generator(seed: int, *stream: int) -> np.random.Generator:
    """A seeded counter-based generator (Philox 4×64, Salmon et al. 2011), drawn on the host.

    Streams of one seed are independent: `generator(0, 1)` and `generator(0, 2)` never overlap.

    Raises:
        TypeError, ValueError: `seed` or a stream number is not a non-negative integer.
    """
    for number in (seed, *stream):
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise TypeError(f"seed: expected a non-negative integer, got {number!r}")
        if number < 0:
            raise ValueError(f"seed: expected a non-negative integer, got {number}")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(int(seed), spawn_key=tuple(map(int, stream)))))
