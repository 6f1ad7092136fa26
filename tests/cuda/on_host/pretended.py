"""Just enough of CuPy for a launcher: arrays that are not NumPy's, and a module whose raw kernels run on the processor.

New arrays are full of NaN, so that a kernel which leaves a number out is seen.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from .loader import HostRawModule


class Device:
    """The one device there is, of Hopper's kind."""

    id = 0
    compute_capability = "90"

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class ndarray:
    """Memory "on the device"; NumPy's functions refuse it."""

    __array_ufunc__ = None
    device = Device()

    def __init__(self, view: Any) -> None:
        self.view = view
        self.data = types.SimpleNamespace(ptr=view.ctypes.data)

    shape = property(lambda self: self.view.shape)
    dtype = property(lambda self: self.view.dtype)
    size = property(lambda self: self.view.size)
    ndim = property(lambda self: self.view.ndim)
    nbytes = property(lambda self: self.view.nbytes)
    itemsize = property(lambda self: self.view.itemsize)
    strides = property(lambda self: self.view.strides)
    flags = property(lambda self: self.view.flags)

    def get(self) -> Any:
        return self.view.copy(order="K")

    def astype(self, dtype: Any) -> ndarray:
        return ndarray(self.view.astype(dtype))

    def copy(self) -> ndarray:
        return ndarray(self.view.copy())

    def reshape(self, *shape: Any) -> ndarray:
        return ndarray(self.view.reshape(*shape))

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, index: Any) -> ndarray:
        return ndarray(self.view[index])

    def __setitem__(self, index: Any, value: ndarray) -> None:
        self.view[index] = value.view

    def __iadd__(self, other: ndarray) -> ndarray:
        self.view += other.view
        return self

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


ndarray.__module__ = "cupy"


def _empty(shape: Any, dtype: Any = np.float64, order: str = "C") -> ndarray:
    view = np.empty(shape, dtype, order)
    view.reshape(-1, order="A").view(np.uint8)[:] = 0xFF  # NaN in every floating dtype
    return ndarray(view)


def _module() -> Any:
    module: Any = types.ModuleType("cupy")
    module.ndarray, module.RawModule, module.empty = ndarray, HostRawModule, _empty
    module.empty_like = lambda array: _empty(array.shape, array.dtype)
    module.full = lambda shape, value, dtype=None: ndarray(np.full(shape, value, dtype))
    module.zeros = lambda shape, dtype=float: ndarray(np.zeros(shape, dtype))
    module.asarray = lambda array, dtype=None: ndarray(np.array(array, dtype, order="K"))
    module.ascontiguousarray = lambda array: ndarray(np.array(array.view, order="C"))
    runtime = types.SimpleNamespace(getDevice=lambda: 0, getDeviceCount=lambda: 1, CUDARuntimeError=RuntimeError)
    module.cuda = types.SimpleNamespace(runtime=runtime, Device=lambda index=0: Device(), is_available=lambda: True)
    return module


@contextlib.contextmanager
def pretend_cupy() -> Iterator[Any]:
    """`import cupy` gives the pretended module inside a `with` block."""
    before = sys.modules.get("cupy")
    sys.modules["cupy"] = module = _module()
    try:
        yield module
    finally:
        del sys.modules["cupy"]
        if before is not None:
            sys.modules["cupy"] = before
