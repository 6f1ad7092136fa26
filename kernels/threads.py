"""How many threads compiled kernels use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

ENVIRONMENT = ("GAN_NP_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
"""The first of these that is set counts, when the first kernel runs."""

_count: int | None = None


def count() -> int:
    """Threads that share a kernel's work: as set, else as the environment says, else one for each core.

    Raises:
        ValueError: a variable of the environment is not a whole number above 0.
    """
    global _count
    if _count is None:
        _count = _from_environment() or _cores()
    return _count


def set_count(number: int) -> None:
    """Use `number` threads from now on, at least 1, in the whole process."""
    global _count
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"number: expected an integer, got {number!r}")
    if number < 1:
        raise ValueError(f"number: expected at least 1 thread, got {number}")
    _count = number


@contextlib.contextmanager
def held_to(number: int) -> Iterator[None]:
    """`set_count` inside a `with` block."""
    before = count()
    set_count(number)
    try:
        yield
    finally:
        set_count(before)


def _from_environment() -> int | None:
    for name in ENVIRONMENT:
        text = os.environ.get(name, "").partition(",")[0].strip()  # OMP_NUM_THREADS may name one count a nesting level
        if text:
            if not text.isdecimal() or int(text) < 1:
                raise ValueError(f"{name}: expected a whole number above 0, got {text!r}")
            return int(text)
    return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
