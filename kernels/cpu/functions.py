"""Compiled functions as Python calls them: one specialisation for each dtype, whatever flags the arrays carry.

Numba would compile a function again for every mix of read-only and writable arrays, and θ's views are read-only while
other arrays are not. Here the annotations of a function say what it gets, and nothing else is ever compiled:

    @compiled_function
    def double(state: Cells, x: Given, y: Result, factor: float) -> None: ...

    double[x.dtype](pool.state(), x.ravel(), y.ravel(), 2.0)

All arrays are flat. `Given` is read-only, so that compiled code knows that no write to a `Result` changes it, and a loop
over both is vectorised without comparing their addresses first (see memory.py).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import numba
import numpy as np
from numba.core import types

from gan_np.arrays import FLOATS, Array, DType

from .compiled import compiled

Cells: TypeAlias = Annotated[Array, "cells"]
"""The type of the state of the thread pool."""
Given: TypeAlias = Annotated[Array, "given"]
"""Numbers of the function's dtype, only read."""
Result: TypeAlias = Annotated[Array, "result"]
"""Numbers of the function's dtype, written or changed."""
Doubles: TypeAlias = Annotated[Array, "doubles"]
"""Numbers of float64 that are written or changed, whatever the function's dtype is."""
Integers: TypeAlias = Annotated[Array, "integers"]
"""The type of an array of int64 that is only read."""
GivenBytes: TypeAlias = Annotated[Array, "given bytes"]
"""The type of an array of uint8 that is only read."""
ResultBytes: TypeAlias = Annotated[Array, "result bytes"]
"""The type of an array of uint8 that is written."""


def _flat(number: Any, readonly: bool) -> Any:
    return types.Array(number, 1, "C", readonly=readonly)


def _kinds(real: Any) -> dict[Any, Any]:
    return {
        Cells: _flat(types.int64, False),
        Given: _flat(real, True),
        Result: _flat(real, False),
        Doubles: _flat(types.float64, False),
        Integers: _flat(types.int64, True),
        GivenBytes: _flat(types.uint8, True),
        ResultBytes: _flat(types.uint8, False),
        int: types.int64,
        float: types.float64,
        bool: types.boolean,
    }


class CompiledFunction(dict[DType, Any]):
    """A function compiled for each dtype, or read from the cache on disk, when it is first asked for."""

    def __init__(self, function: Callable[..., None]) -> None:
        super().__init__()
        self.function = function

    def __missing__(self, dtype: DType) -> Any:
        if dtype not in FLOATS:  # Numba would compile it for integers, too, and the numbers would be wrong
            raise TypeError(f"{self.function.__name__}: compiled for float32 and float64, got {dtype}")
        hints = typing.get_type_hints(self.function, include_extras=True)
        kinds = _kinds(numba.from_dtype(np.dtype(dtype)))
        dispatcher = compiled(self.function)
        dispatcher.compile(tuple(kinds[hints[name]] for name in inspect.signature(self.function).parameters))
        # From here on arrays are converted (writable passes as read-only) instead of compiling for what they are.
        dispatcher.disable_compile()
        self[dtype] = dispatcher
        return dispatcher


compiled_function = CompiledFunction
"""The type of a decorator that compiles a function."""


def nothing(dtype: DType) -> Array:
    """Return an empty array, which stands for an optional array that was not given."""
    return _NOTHING[dtype]


_NOTHING = {np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)}
