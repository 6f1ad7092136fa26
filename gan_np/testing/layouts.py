"""The same values in another memory layout: nothing may depend on it.

What lies between the values is NaN, so that whoever reads it is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module


def _wide(array: Array, shape: tuple[int, ...]) -> Array:
    filling: Any = np.nan if array.dtype.kind == "f" else 0
    return array_module(array).full(shape, filling, array.dtype)


def with_gaps(array: Array) -> Array:
    """The same values behind negative strides, with gaps between entries."""
    view = _wide(array, tuple(2 * size for size in array.shape))[tuple(slice(None, None, -2) for _ in array.shape)]
    view[...] = array
    return view


def sliced(array: Array) -> Array:
    """The same values as a slice of a longer last axis: entries lie side by side, rows have gaps between them."""
    if array.ndim == 0:
        return array.copy()
    view = _wide(array, (*array.shape[:-1], array.shape[-1] + 3))[..., 1:-2]
    view[...] = array
    return view


def shifted(array: Array) -> Array:
    """The same values side by side, but one value away from where memory is aligned, as a part of a longer vector is."""
    view = _wide(array, (array.size + 2,))[1 : 1 + array.size].reshape(array.shape)
    view[...] = array
    return view


def permuted(array: Array) -> Array:
    """The same values with the axes inside an example in another order in memory: channels first, seen channels last."""
    if array.ndim < 3:
        return array.copy()
    xp = array_module(array)
    return xp.moveaxis(xp.ascontiguousarray(xp.moveaxis(array, -1, 1)), 1, -1)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran": np.asfortranarray,
    "reversed": with_gaps,
    "sliced": sliced,
    "permuted": permuted,
}
"""For arrays on the host."""
