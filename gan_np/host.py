"""What the host gives to a training step and counts in it.

A step on a GPU may be captured as a CUDA graph and replayed without running Python (`gan_np/cuda_graph`). So code that runs
inside a step says what the host has to do again at each replay, in one of two ways:

    x = drawn(lambda: rng.random(8), device)      numbers from the host: noise, image numbers, a learning rate
    counted(advance)                              what the host counts: updates of an optimiser

Where nothing records they are `to_device(draw(), device)` and `action()`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

from gan_np.arrays import Array, to_device


class Recorder(Protocol):
    """Takes note of what a step draws and counts, so that it can be done again."""

    def drawn(self, draw: Callable[[], Array], device: str) -> Array:
        """`draw()`, a NumPy array, on `device`."""

    def counted(self, action: Callable[[], object]) -> None:
        """Do `action` now, and again at each replay."""


recorder: ContextVar[Recorder | None] = ContextVar("gan_np_host_recorder", default=None)
"""Who records in this thread or task; nobody by default."""


def drawn(draw: Callable[[], Array], device: str) -> Array:
    """`draw()`, a NumPy array, on `device`. At a replay it is called again."""
    active = recorder.get()
    return to_device(draw(), device) if active is None else active.drawn(draw, device)


def counted(action: Callable[[], object]) -> None:
    """Do `action` now, and again at each replay. At a replay it is done again."""
    active = recorder.get()
    if active is None:
        action()
    else:
        active.counted(action)
