"""Memory of large arrays: pieces of a region that the process keeps, in huge pages where the system has them.

A step frees and takes back the same arrays: what forward keeps, gradients on their way, blocks that a kernel works on. From
the C library's heap each would be the smallest free piece that is large enough; small objects settle between them, pieces
no longer fit, and the heap grows past what is ever needed at once. Here a large array is the first free piece that is large
enough, nothing small lies between, and neighbours that are free are one piece. What is left of free pieces that do not fit
is given back to the system as other pages are needed: at most `SPARE` bytes lie free beyond what was once needed.

    empty(shape, dtype) is np.empty; from LARGE bytes on its memory is a piece, which is free again when nobody holds the
    array or a view of it. Smaller ones are NumPy's, on a cache line from SMALL bytes on.

Where the system has no `madvise` (other than on Linux) everything comes from NumPy.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import sys
import threading
from collections import deque
from typing import Any

import numpy as np

from gan_np.arrays import Array

HUGE = 2 << 20
"""Bytes of a huge page."""
CACHE_LINE = 64
SMALL, LARGE = 4 << 10, 512 << 10
"""Bytes from which on an array begins on a cache line, and is a piece."""
APART = 320
"""Bytes by which pieces, which begin on cache lines, are longer than their arrays. Without them arrays of 2ⁿ bytes that are
read side by side would begin in the same set of the first-level cache, and loads would wait for stores at the same place of
a page."""
REGION = 256 << 20
"""Bytes of addresses that are reserved at a time; a page takes memory when it is first written."""
SPARE, MOST_FREE = 2 << 20, 256 << 20
"""Bytes in memory that may lie free: beyond the most that was ever held at once, and beyond what is held now.

A page that is taken anew costs some 0.2 ms. A step of the DCGAN at 64×64 takes ten of them; with 4 MiB five.
"""


class _Region:
    """One range of addresses: its free pieces in order, and for each huge page how many pieces reach into it."""

    def __init__(self, size: int) -> None:
        pages = -(-size // HUGE)
        try:
            # Private: a forked child that computes must not write into its parent's memory.
            self.memory = mmap.mmap(-1, (pages + 1) * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError as error:
            raise MemoryError(f"Unable to allocate {size / 2**20:.0f} MiB for an array") from error
        with contextlib.suppress(OSError):  # a kernel that has none
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.first = -start % HUGE
        """Where the first huge page begins."""
        self.address = start + self.first
        self.free = [(0, pages * HUGE)]
        self.pieces, self.resident = [0] * pages, bytearray(pages)

    def take(self, size: int) -> int | None:
        """Where the first free piece begins that has so many bytes, which is then taken."""
        for index, (start, stop) in enumerate(self.free):
            if stop - start >= size:
                self.free[index : index + 1] = [(start + size, stop)] if stop - start > size else []
                return start
        return None

    def give(self, start: int, stop: int) -> None:
        """Make a piece free again, one with its free neighbours."""
        index = 0
        while index < len(self.free) and self.free[index][0] < start:
            index += 1
        if index < len(self.free) and self.free[index][0] == stop:
            stop = self.free.pop(index)[1]
        if index and self.free[index - 1][1] == start:
            index -= 1
            start = self.free.pop(index)[0]
        self.free.insert(index, (start, stop))

    def release(self, count: int) -> int:
        """Give up to so many free pages back to the system, the last ones first; how many."""
        released = 0
        for page in range(len(self.pieces) - 1, -1, -1):
            if released == count:
                break
            if self.resident[page] and not self.pieces[page]:
                self.memory.madvise(mmap.MADV_DONTNEED, self.first + page * HUGE, HUGE)
                self.resident[page] = 0
                released += 1
        return released


class _Piece:
    """What an array holds as its base: when that is gone, so is the last view, and the piece is free."""

    __slots__ = ("__array_interface__", "_heap", "_place", "_traced")

    def __init__(self, heap: _Heap, region: _Region, start: int, stop: int, interface: dict[str, Any]) -> None:
        self.__array_interface__ = interface
        self._heap, self._place = heap, (region, start, stop)
        self._traced = _trace(region.address + start, stop - start)

    def __del__(self) -> None:
        region, start, _ = self._place
        if self._traced:
            _untrace(region.address + start)
        # No lock: this may run in the middle of `array`, in the same thread.
        self._heap.returned.append(self._place)


class _Heap:
    """All regions of this process."""

    def __init__(self) -> None:
        self.regions: list[_Region] = []
        self.returned: deque[tuple[_Region, int, int]] = deque()
        self.lock = threading.Lock()
        self.owner = 0
        """The thread that has the lock, by its number."""
        self.held = self.most = self.resident = 0
        """Pages that pieces reach into, the most there ever were, and pages in memory."""

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any], nbytes: int) -> Array | None:
        """An array in a piece of its own; None in the middle of another one's making.

        That is where a signal's handler, or what Python runs when it finds cycles, makes an array: it would wait for its own
        thread, for ever.
        """
        if self.owner == threading.get_ident():
            return None
        size = -(-nbytes // CACHE_LINE) * CACHE_LINE + APART
        with self.lock:
            self.owner = threading.get_ident()
            try:
                self._settle()
                region, start = self._take(size)
                self._hold(region, start, start + size)
            finally:
                self.owner = 0
        interface = {
            "version": 3, "shape": shape, "typestr": dtype.str, "data": (region.address + start, False),
        }  # fmt: skip
        made: Array = np.asarray(_Piece(self, region, start, start + size, interface))
        return made

    def _take(self, size: int) -> tuple[_Region, int]:
        for region in self.regions:
            start = region.take(size)
            if start is not None:
                return region, start
        try:
            region = _Region(max(size, REGION))
        except MemoryError:
            if size >= REGION:
                raise
            region = _Region(size)  # a process that may take little
        self.regions.append(region)
        start = region.take(size)
        assert start is not None
        return region, start

    def _hold(self, region: _Region, start: int, stop: int) -> None:
        """Count a piece's pages; before new ones come into memory, others leave it."""
        pages = range(start // HUGE, -(-stop // HUGE))
        new = 0
        for page in pages:
            self.held += not region.pieces[page]
            region.pieces[page] += 1
            new += not region.resident[page]
        self.most = max(self.most, self.held)
        if new:
            self._release(self.resident + new - self.most - SPARE // HUGE)
            region.resident[pages.start : pages.stop] = b"\1" * len(pages)
            self.resident += new

    def _settle(self) -> None:
        """Make free what was returned, and give back what is too much."""
        while self.returned:
            region, start, stop = self.returned.popleft()
            region.give(start, stop)
            for page in range(start // HUGE, -(-stop // HUGE)):
                region.pieces[page] -= 1
                self.held -= not region.pieces[page]
        self._release(self.resident - self.held - MOST_FREE // HUGE)

    def _release(self, count: int) -> None:
        if count <= 0:
            return
        for region in reversed(self.regions):
            released = region.release(count)
            self.resident -= released
            count -= released
        self.regions[1:] = [each for each in self.regions[1:] if any(each.resident) or any(each.pieces)]


_heap = _Heap()
_AVAILABLE = hasattr(mmap, "MADV_HUGEPAGE") and hasattr(mmap, "MAP_PRIVATE")


def keeps(nbytes: int) -> bool:
    """Whether an array of so many bytes is a piece, whose memory stays with the process."""
    return nbytes >= LARGE and _AVAILABLE


def empty(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """`np.empty`: a new array, its content whatever it was. From SMALL bytes on it begins on a cache line.

    Raises:
        MemoryError: there is not so much.
    """
    kind = np.dtype(dtype)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    nbytes = math.prod(sizes) * kind.itemsize
    return np.empty(sizes, kind) if nbytes < SMALL else _on_a_line(sizes, kind, nbytes)


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The same, however small: a new array that begins on a cache line.

    NumPy's own begin 16 bytes behind one, so that a line of 16 numbers lies in two: what reads it where it lies, as grouped
    convolution does, takes up to twice the time.
    """
    return _on_a_line(shape, dtype, math.prod(shape) * dtype.itemsize)


def _on_a_line(shape: tuple[int, ...], dtype: np.dtype[Any], nbytes: int) -> Array:
    if nbytes >= LARGE and _AVAILABLE and (piece := _heap.array(shape, dtype, nbytes)) is not None:
        return piece
    memory = np.empty(nbytes + CACHE_LINE, np.uint8)
    # A step makes some sixty of these arrays. NumPy's own ways to an address take four times as long.
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory.data))
    array: Array = np.ndarray(shape, dtype, memory, -address % CACHE_LINE)
    return array


def on_a_line(array: Array) -> bool:
    """Whether an array begins on a cache line."""
    return _address(array) % CACHE_LINE == 0


def _address(array: Array) -> int:
    begin: int = array.__array_interface__["data"][0]
    return begin


def _in_a_forked_child() -> None:
    """Another thread may have held the lock, and is not there any more."""
    _heap.lock, _heap.owner = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_forked_child)


def _trace(address: int, size: int) -> bool:
    """Tell `tracemalloc`, where it counts, of a piece; whether it did."""
    tracemalloc = sys.modules.get("tracemalloc")
    if tracemalloc is None or not tracemalloc.is_tracing():
        return False
    domain = ctypes.c_uint(np.lib.tracemalloc_domain)
    ctypes.pythonapi.PyTraceMalloc_Track(domain, ctypes.c_size_t(address), ctypes.c_size_t(size))
    return True


def _untrace(address: int) -> None:
    ctypes.pythonapi.PyTraceMalloc_Untrack(ctypes.c_uint(np.lib.tracemalloc_domain), ctypes.c_size_t(address))
