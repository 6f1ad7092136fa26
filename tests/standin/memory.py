"""Device memory in main memory: every block between canaries, filled with NaN when made and when freed."""

from __future__ import annotations

import weakref

import numpy as np

GUARD, CANARY, POISON = 64, 0xA5, 0xFF
"""Bytes on each side of a block and their value. Bytes of 0xFF are NaN in every floating dtype, −1 or the largest integer
in others."""
UNTOUCHED = bytes([CANARY]) * GUARD


class OutOfMemoryError(MemoryError):
    """As CuPy's, which is made of the bytes asked for and those in use."""

    def __init__(self, size, total, limit=0):
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes).")
        self._size, self._total, self._limit = size, total, limit


class Block:
    """One allocation on one device. It is alive while an array owns it."""

    def __init__(self, nbytes, device, pool):
        self.device, self.nbytes, self.alive = device, nbytes, True
        self._pool = None if pool is None else weakref.ref(pool)
        self._memory = np.full(nbytes + 2 * GUARD, CANARY, np.uint8)
        self.bytes = self._memory[GUARD : GUARD + nbytes]
        self.bytes[:] = POISON

    def check(self):
        """Nobody wrote beside the block."""
        # Bytes, not a comparison of arrays: this runs in a finaliser, wherever an array happens to go. Where that is inside
        # `np.errstate`, NumPy reads settings that are half exchanged, and the process ends.
        if {self._memory[:GUARD].tobytes(), self._memory[GUARD + self.nbytes :].tobytes()} != {UNTOUCHED}:
            raise AssertionError(f"a kernel wrote outside a block of {self.nbytes} bytes")

    def usable(self):
        """Whether a graph may still write here: an array lives in it, or the pool that it came from is kept."""
        return self.alive or (self._pool is not None and self._pool() is not None)

    def free(self):
        """Its array is gone. Memory of the default pool may be given to anybody; one's own pool keeps it for a graph."""
        self.alive = False
        if self._pool is None or self._pool() is None:
            self.bytes.fill(POISON)


class Owner:
    """Held by an array and all its views; when the last of them goes, the block is freed."""

    def __init__(self, block, world):
        self.block = block
        weakref.finalize(self, release, block, world)


def release(block, world):
    """Free a block and report what was written beside it (an exception in a finaliser would be lost)."""
    world.in_use[block.device] -= block.nbytes
    try:
        block.check()
    except AssertionError as error:
        world.damage.append(str(error))
    block.free()


class MemoryPointer:
    """`array.data`."""

    def __init__(self, owner, ptr):
        self._owner, self.ptr, self.device_id = owner, ptr, owner.block.device


class MemoryPool:
    """A pool of one's own: its memory stays as long as the pool does."""

    def malloc(self, size):
        """What `using_allocator` is given; the stand-in only looks at whose method it is."""
        raise NotImplementedError("the stand-in allocates through `cupy.cuda.using_allocator(pool.malloc)` alone")

    def used_bytes(self):
        return 0

    def free_all_blocks(self):
        """Nothing to do: blocks are freed when their arrays go."""


class PinnedMemoryPointer(bytearray):
    """Page-locked main memory, as a buffer."""


def pinned_memory_behind(array):
    """The pinned memory that a NumPy array lies in, or None."""
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, PinnedMemoryPointer) else None
