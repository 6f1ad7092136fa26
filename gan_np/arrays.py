"""Which array library holds this array; devices, dtypes and random generators.

Arrays choose the device: core code asks `array_module(x)` and never tests for CuPy by name. A `device=` argument stands
only where arrays are created. This file, `devices.py` and `kernels/cuda` are the only ones that import CuPy, and only when
asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gan_np import devices
from gan_np.checks import ShapeError

Array: TypeAlias = NDArray[Any]
"""A NumPy array, or a CuPy array used through the same methods."""

Shape: TypeAlias = tuple[int, ...]
"""The sizes of an array along its axes."""
DType: TypeAlias = np.dtype[Any]
"""A dtype of NumPy, which CuPy's arrays have too."""


class ArrayModule(Protocol):
    """`numpy` or `cupy`: to a type checker, functions that return arrays."""

    lib: Any
    linalg: Any

    def __getattr__(self, name: str) -> Callable[..., Array]: ...


FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
"""The dtypes that networks compute in."""


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


def is_array(value: Any) -> bool:
    """Return whether `value` is a NumPy or a CuPy array."""
    return isinstance(value, np.ndarray) or type(value).__module__.partition(".")[0] == "cupy"


def on_host(array: Array) -> bool:
    """Return whether `array` is a NumPy array, in the host's memory."""
    array_module(array)
    return isinstance(array, np.ndarray)


def device_of(array: Array) -> str:
    """Return the device that `array` lies on: "cpu", "cuda:0", "cuda:1", …."""
    return devices.CPU if on_host(array) else f"cuda:{array.device.id}"  # type: ignore[attr-defined]


def module_of_device(device: str) -> ArrayModule:
    """The array library for a device name: "cpu" is NumPy, "cuda" (the current GPU) and "cuda:1" are CuPy.

    Raises:
        ValueError: the name is not a device's.
        DeviceError: a GPU was asked for that cannot be used here; the message says why.
    """
    return cast(ArrayModule, np if device == devices.CPU else devices.cupy_for(device))


def empty(shape: Shape | int, dtype: DTypeLike, device: str) -> Array:
    """An array on `device` whose numbers are yet to be written."""
    module = module_of_device(device)
    with devices.scope(device):
        return module.empty(shape, dtype)


def zeros(shape: Shape | int, dtype: DTypeLike, device: str) -> Array:
    """An array of zeros on `device`."""
    module = module_of_device(device)
    with devices.scope(device):
        return module.zeros(shape, dtype)


def to_host(array: Array) -> Array:
    """`array` as a NumPy array: itself if it is one, else a copy from its device (which the host waits for)."""
    return array if on_host(array) else array.get()  # type: ignore[attr-defined]


def to_device(array: Array, device: str) -> Array:
    """`array` on `device`: itself if it lies there, else a copy ("cuda" is any GPU for an array on one)."""
    if isinstance(array, np.ndarray):
        if device == devices.CPU:
            return array
    elif device in ("cuda", device_of(array)):
        return array
    if device == devices.CPU:
        return to_host(array)
    module = module_of_device(device)
    with devices.scope(device):
        # From one GPU to another the copy goes from device to device.
        return module.asarray(array) if isinstance(array, np.ndarray) else module.array(array)


def from_dlpack(array: Any) -> Array:
    """An array of another library (PyTorch, JAX, …) as NumPy's or CuPy's, wherever it lies, without a copy.

    The way back is the other library's own `from_dlpack`: NumPy's and CuPy's arrays have `__dlpack__`. (θ is read-only,
    which most libraries refuse: give them a copy.)

    >>> import numpy as np, gan_np as gn
    >>> gn.from_dlpack(np.arange(3))
    array([0, 1, 2])

    Raises:
        TypeError: `array` has no `__dlpack__`.
        ValueError: it lies on a device that is neither the host nor an NVIDIA GPU.
    """
    if not hasattr(array, "__dlpack__") or not hasattr(array, "__dlpack_device__"):
        raise TypeError(f"array: expected one with __dlpack__, got {type(array).__name__}")
    kind, index = array.__dlpack_device__()
    if int(kind) in _DLPACK_HOST:
        return np.from_dlpack(array)
    if int(kind) != _DLPACK_CUDA:
        raise ValueError(f"array: lies on a device of DLPack's kind {int(kind)}, expected the host or an NVIDIA GPU")
    device = f"cuda:{index}"
    with devices.scope(device):
        return module_of_device(device).from_dlpack(array)


_DLPACK_HOST = (1, 3)
"""kDLCPU and kDLCUDAHost (pinned memory)."""
_DLPACK_CUDA = 2


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
        elif type(array) is not type(first):
            _refuse_devices(operation, first_name, first, name, array)
    if type(first) is not np.ndarray and first is not None and not on_host(first):
        _require_one_device(operation, arrays)


class Like:
    """The shape, dtype and library of an array, which another one is to have too; it does not keep the array alive.

    The one check of everything that goes into a pullback or comes out of a user's. Kernels read memory by what they were
    told of one array, so that another dtype or shape would be read out of bounds.
    """

    __slots__ = ("dtype", "kind", "shape")

    def __init__(self, array: Array) -> None:
        self.shape: Shape | None = array.shape
        self.dtype, self.kind = array.dtype, type(array)

    def with_shape(self, shape: Shape | None) -> Like:
        """The same for another shape; None is any shape."""
        other = object.__new__(Like)
        other.shape, other.dtype, other.kind = shape, self.dtype, self.kind
        return other

    def zeros(self) -> Array:
        """An array of zeros like this, on the current device."""
        assert self.shape is not None
        library: Any = importlib.import_module(self.kind.__module__.partition(".")[0])
        made: Array = library.zeros(self.shape, self.dtype)
        return made

    def require(self, array: Any, where: str, name: str, meant: str) -> None:
        """Refuse `array` if it is not like this.

        Raises:
            TypeError: it is no array, of another dtype or on another kind of device.
            ShapeError: it has another shape. Messages begin with `where` and say what `name` is and what `meant` was.
        """
        if type(array) is self.kind and array.dtype == self.dtype and array.shape == self.shape:
            return
        self._explain(array, where, name, meant)

    def _explain(self, array: Any, where: str, name: str, meant: str) -> None:
        if not isinstance(array, np.ndarray) and type(array).__module__.partition(".")[0] != "cupy":
            raise TypeError(f"{where}: {name} must be an array like {meant}, got {type(array).__name__}")
        if isinstance(array, np.ndarray) != issubclass(self.kind, np.ndarray):
            raise TypeError(
                f"{where}: {meant} lies on {_library(self.kind)} but {name} on {_library(type(array))}; move one"
            )
        if array.dtype != self.dtype:
            raise TypeError(f"{where}: {meant} is {self.dtype} but {name} is {array.dtype}; convert it explicitly")
        if self.shape is not None and array.shape != self.shape:
            raise ShapeError(f"{where}: {name} has shape {array.shape}, {meant} has {self.shape}")


def _library(kind: type) -> str:
    return "the host" if issubclass(kind, np.ndarray) else "a GPU"


def _refuse_devices(operation: str, first_name: str, first: Array, name: str, array: Array) -> None:
    """Refuse two arrays that lie on different devices."""
    if device_of(array) != device_of(first):
        raise TypeError(
            f"{operation}: {first_name} lies on {device_of(first)} but {name} on {device_of(array)}; move one"
        )


def _require_one_device(operation: str, arrays: Mapping[str, Array | None]) -> None:
    """CuPy's arrays must lie on one device, and that must be the current one: CuPy computes on no other."""
    (first_name, first), *others = ((name, array) for name, array in arrays.items() if array is not None)
    for name, array in others:
        _refuse_devices(operation, first_name, first, name, array)
    current = cast(Any, array_module(first)).cuda.runtime.getDevice()
    if first.device.id != current:  # type: ignore[attr-defined]
        raise TypeError(
            f"{operation}: {first_name} lies on {device_of(first)} but the current device is cuda:{current}; "
            f'use `with gan_np.devices.scope("{device_of(first)}"):`'
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
