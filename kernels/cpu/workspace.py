"""Memory that kernels use while they run: a buffer for each name, dtype and calling thread.

A fresh array of some megabytes costs more than what is computed in it, since the system hands out and clears page by page.
So small buffers are kept from call to call, and large ones are pieces of the heap that other arrays have between the calls.
Small arrays, too, stay with the process when they are freed, for the next step: the C library would hand the end of its heap
back to the system whenever enough of it is free, and the system would then give it out again page by page, cleared: up to a
twelfth of the step's time.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Any

import numpy as np

from gan_np.arrays import Array

from . import heap

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
FREE_AT_THE_END, LARGEST_ON_HEAP = 256 << 20, 32 << 20
"""Bytes that may lie free at the end of the C library's heap, and of the largest array that is taken from that heap (the
library's limit)."""


class _Own(threading.local):
    """What belongs to one thread."""

    def __init__(self) -> None:
        self.buffers: dict[tuple[str, Any], Array] = {}


_own = _Own()


def buffer(name: str, size: int, dtype: Any) -> Array:
    """Return a flat array of `size` numbers that begins on a cache line, its content whatever it was.

    It belongs to the calling thread alone, and only until that asks for the same name again.
    """
    if heap.keeps(size * np.dtype(dtype).itemsize):
        return heap.empty(size, dtype)
    found = _own.buffers.get((name, dtype))
    if found is None or found.size < size:
        found = _own.buffers[name, dtype] = aligned(size, dtype)
    return found[:size]


def aligned(size: int, dtype: Any) -> Array:
    """A new flat array that begins on a cache line; a large one in huge pages, where the system has them.

    In pages of 4 KiB, scattered over memory, blocks made for the second-level cache evict each other from it in some
    processes and not in others: up to 1.7 times the time was measured.
    """
    return heap.aligned((size,), np.dtype(dtype))


def keep_freed_memory() -> None:
    """Tell the GNU C library not to give freed memory back to the system; with other libraries nothing is done."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, FREE_AT_THE_END)
        mallopt(MMAP_THRESHOLD, LARGEST_ON_HEAP)
