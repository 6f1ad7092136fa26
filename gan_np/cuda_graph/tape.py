"""A tape of what the host gives to a training step, played again beside each replay of its CUDA graph.

A captured step repeats the same kernels on the same memory; Python does not run. What changes from step to step comes from
the host, and the code inside a step says so by `drawn` and `counted` (see `gan_np/host.py`). A `Tape` records those calls,
in order, during one ordinary step; gives fixed places in device memory for what is drawn while the step is captured; and
then, before each replay, does all of it again in that order and sends what was drawn in one copy from pinned memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gan_np import host
from gan_np.arrays import Array, DType, Shape, module_of_device, to_device
from gan_np.devices import scope

ALIGNMENT = 256
"""Bytes to whose multiples each drawn array's place is aligned, as CUDA aligns allocations."""
SLOTS = 4
"""Blocks of pinned memory: so many steps the host may be ahead of the device."""


class Draw(NamedTuple):
    """One call of `drawn`: a function that draws on the host, and where its numbers go on the device."""

    function: Callable[[], Array]
    shape: Shape
    dtype: DType
    start: int

    @property
    def stop(self) -> int:
        """Return the offset behind the last byte of these numbers."""
        return self.start + int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def place(self, block: Array) -> Array:
        """Its part of a block of bytes, as what it is."""
        return block[self.start : self.stop].view(self.dtype).reshape(self.shape)


class _Slot(NamedTuple):
    """A block of pinned memory, and what is done to fill it once more."""

    block: Array
    event: Any
    """Recorded behind the copy from it."""
    work: list[tuple[Callable[[], Any], Array | None]]
    """In order: a draw and its place in the block, made once, as Python is slow at it; or an action."""


class Tape:
    """A record of what the host does in one step, in order, so that a replay does it again."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._work: list[Draw | Callable[[], object]] = []
        self._size = 0
        self._block: Array | None = None
        self._slots: list[_Slot] = []
        self._cuda: Any = None
        self._turn = 0
        self._playing: Iterator[Draw | Callable[[], object]] | None = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Inside, one step runs as usual, and what it draws and counts is kept."""
        token = host.recorder.set(self)
        try:
            yield
        finally:
            host.recorder.reset(token)
        self._reserve()

    @contextlib.contextmanager
    def playing(self) -> Iterator[None]:
        """Inside, the same step runs with the fixed places; nothing is drawn and nothing counted.

        Raises:
            RuntimeError: it asks for something else than the recorded step did.
        """
        self._playing = iter(self._work)
        token = host.recorder.set(self)
        try:
            yield
            if next(self._playing, None) is not None:
                raise RuntimeError("the captured step drew less than the one before: it is not the same every time")
        finally:
            host.recorder.reset(token)
            self._playing = None

    def drawn(self, draw: Callable[[], Array], device: str) -> Array:
        """Record a draw of the host's generator, as `gan_np.host.drawn` describes it."""
        if self._playing is not None:
            wanted = self._next()
            if not isinstance(wanted, Draw) or self._block is None:
                raise RuntimeError("the captured step drew in another order than the one before")
            return wanted.place(self._block)
        value = draw()
        start = -(-self._size // ALIGNMENT) * ALIGNMENT
        self._work.append(Draw(draw, value.shape, value.dtype, start))
        self._size = start + value.nbytes
        return to_device(value, device)

    def counted(self, action: Callable[[], object]) -> None:
        """Record an action of the host, as `gan_np.host.counted` describes it."""
        if self._playing is None:
            self._work.append(action)
            action()
        elif isinstance(self._next(), Draw):
            raise RuntimeError("the captured step counted in another order than the one before")

    def again(self) -> None:
        """Draw and count as in the recorded step, and send what was drawn to its places."""
        if self._block is None:
            for work in self._work:
                assert not isinstance(work, Draw)
                work()
            return
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % SLOTS
        slot.event.synchronize()  # the copy of SLOTS steps ago; over long ago unless the host is that far ahead
        for function, place in slot.work:
            value = function()
            if place is None:
                continue
            if value.shape != place.shape or value.dtype != place.dtype:
                raise RuntimeError(
                    f"a step drew {value.dtype} {value.shape} where the captured one drew {place.dtype} {place.shape}"
                )
            place[...] = value
        # With the stream named: without, CuPy may wait for a copy on the default stream.
        stream = self._cuda.get_current_stream()
        self._block.set(slot.block, stream=stream)  # type: ignore[attr-defined]
        slot.event.record(stream)

    def _next(self) -> Draw | Callable[[], object]:
        assert self._playing is not None
        found = next(self._playing, None)
        if found is None:
            raise RuntimeError("the captured step drew more than the one before: it is not the same every time")
        return found

    def _reserve(self) -> None:
        """Places on the device and pinned blocks for all that was drawn."""
        if not self._size:
            return
        cupy: Any = module_of_device(self.device)
        self._cuda = cupy.cuda
        with scope(self.device):
            self._block = cupy.zeros(self._size, np.uint8)
            for _ in range(SLOTS):
                block = pinned(cupy, (self._size,), np.dtype(np.uint8))
                event = cupy.cuda.Event(disable_timing=True)
                self._slots.append(_Slot(block, event, [_filling(work, block) for work in self._work]))


def _filling(work: Draw | Callable[[], object], block: Array) -> tuple[Callable[[], Any], Array | None]:
    return (work.function, work.place(block)) if isinstance(work, Draw) else (work, None)


def pinned(cupy: Any, shape: Shape, dtype: DType) -> Array:
    """A NumPy array in page-locked memory, which the device reads and writes without the host waiting."""
    count = int(np.prod(shape, dtype=np.int64))
    memory = cupy.cuda.alloc_pinned_memory(max(1, count * dtype.itemsize))
    return np.frombuffer(memory, dtype, count).reshape(shape)
