"""Memory that kernels use while they run, kept from call to call: a buffer for each name, dtype and calling thread.

A fresh array of some megabytes costs more than what is computed in it, since the system hands out and clears page by page.
"""

from __future__ import annotations

import mmap
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
    """A new flat array that begins on a cache line; a large one on a huge page, where the system has them.

    In pages of 4 KiB, scattered over memory, blocks made for the second-level cache evict each other from it in some
    processes and not in others: up to 1.7 times the time was measured.
    """
    itemsize = np.dtype(dtype).itemsize
    if size * itemsize < HUGE // 4 or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory: Any = np.empty(size * itemsize + LINE, np.uint8)
        start = -memory.ctypes.data % LINE
    else:
        region = mmap.mmap(-1, (size * itemsize // HUGE + 2) * HUGE)
        region.madvise(mmap.MADV_HUGEPAGE)
        memory = np.frombuffer(region, np.uint8)
        start = -memory.ctypes.data % HUGE
    flat: Array = memory[start : start + size * itemsize].view(dtype)
    return flat


HUGE = 2 << 20
LINE = 64
