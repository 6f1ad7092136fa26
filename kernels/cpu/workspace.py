"""Memory that kernels use while they run, kept from call to call: a buffer for each name, dtype and calling thread.

A fresh array of some megabytes costs more than what is computed in it, since the system hands out and clears page by page.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from gan_np.arrays import Array

_own = threading.local()


def buffer(name: str, size: int, dtype: Any) -> Array:
    """A flat array of `size` numbers that begins on a cache line, its content whatever it was.

    Of the calling thread alone, and only until it asks for the same name again.
    """
    buffers: dict[tuple[str, Any], Array] = _own.__dict__.setdefault("buffers", {})
    found = buffers.get((name, dtype))
    if found is None or found.size < size:
        found = buffers[name, dtype] = aligned(size, dtype)
    return found[:size]


def aligned(size: int, dtype: Any) -> Array:
    """A new flat array that begins on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    spare = 64 // itemsize
    memory = np.empty(size + spare, dtype)
    start = (-memory.ctypes.data % 64) // itemsize
    return memory[start : start + size]
