"""Memory that kernels use while they run, kept from call to call: a buffer for each name, dtype and calling thread.

A fresh array of some megabytes costs more than what is computed in it, since the system hands out and clears page by page.
What is not kept in a buffer, such as the arrays of one step, stays with the process when it is freed, for the next step.
A step of a small model frees and takes back the same megabytes some hundred times. The C library hands the end of its heap
back to the system whenever enough of it is free, and the system then gives it out again page by page, cleared: up to a
twelfth of the step's time.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
import threading
from typing import Any

import numpy as np

from gan_np.arrays import Array

HUGE = 2 << 20
"""Bytes of a huge page."""
CACHE_LINE = 64

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
KEPT, LARGEST = 256 << 20, 32 << 20
"""Bytes that may lie free at the heap's end, and of the largest array that is taken from the heap (the library's limit)."""


class _Own(threading.local):
    """What belongs to one thread."""

    def __init__(self) -> None:
        self.buffers: dict[tuple[str, Any], Array] = {}


_own = _Own()


def buffer(name: str, size: int, dtype: Any) -> Array:
    """Return a flat array of `size` numbers that begins on a cache line, its content whatever it was.

    It belongs to the calling thread alone, and only until that asks for the same name again.
    """
    found = _own.buffers.get((name, dtype))
    if found is None or found.size < size:
        found = _own.buffers[name, dtype] = aligned(size, dtype)
    return found[:size]


def aligned(size: int, dtype: Any) -> Array:
    """A new flat array that begins on a cache line; a large one on a huge page, where the system has them.

    In pages of 4 KiB, scattered over memory, blocks made for the second-level cache evict each other from it in some
    processes and not in others: up to 1.7 times the time was measured.
    """
    itemsize = np.dtype(dtype).itemsize
    if size * itemsize < HUGE // 4 or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory: Any = np.empty(size * itemsize + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
    else:
        # Private: a forked child that computes must not write into its parent's memory.
        region = mmap.mmap(-1, (size * itemsize // HUGE + 2) * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        region.madvise(mmap.MADV_HUGEPAGE)
        memory = np.frombuffer(region, np.uint8)
        start = -memory.ctypes.data % HUGE
    flat: Array = memory[start : start + size * itemsize].view(dtype)
    return flat


def result(shape: tuple[int, ...], dtype: Any) -> Array:
    """A new array that begins on a cache line, its content whatever it was.

    NumPy's own begin 16 bytes behind one, so that a line of 16 numbers lies in two: what reads it where it lies, as grouped
    convolution does, takes up to twice the time.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + CACHE_LINE, np.uint8)
    array: Array = np.ndarray(shape, dtype, memory, -address(memory) % CACHE_LINE)
    return array


def address(array: Array) -> int:
    """Where an array begins."""
    begin: int = array.__array_interface__["data"][0]
    return begin


def on_a_line(array: Array) -> bool:
    """Whether an array begins on a cache line."""
    return address(array) % CACHE_LINE == 0


def keep_freed_memory() -> None:
    """Tell the GNU C library not to give freed memory back to the system; with other libraries nothing is done."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, KEPT)
        mallopt(MMAP_THRESHOLD, LARGEST)
