"""Memory that was freed stays with the process, for the next step's arrays.

A step of a small model frees and takes back the same megabytes some hundred times. The C library hands the end of its heap
back to the system whenever enough of it is free, and the system then gives it out again page by page, cleared: up to a
twelfth of the step's time.
"""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
KEPT, LARGEST = 256 << 20, 32 << 20
"""Bytes that may lie free at the heap's end, and of the largest array that is taken from the heap (the library's limit)."""


def keep_freed_memory() -> None:
    """Tell the GNU C library; elsewhere nothing is done."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, KEPT)
        mallopt(MMAP_THRESHOLD, LARGEST)
