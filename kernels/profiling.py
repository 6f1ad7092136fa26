"""Profiling: how often and how long each method of each implementation ran."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from .proxy import Proxy


class Work(NamedTuple):
    """One method of one implementation."""

    operation: str
    implementation: str
    method: str


class Profile:
    """Calls and seconds by `Work`. GPU kernels are timed at their launch, not their end."""

    def __init__(self) -> None:
        self.calls: dict[Work, int] = defaultdict(int)
        self.seconds: dict[Work, float] = defaultdict(float)


_active: ContextVar[Profile | None] = ContextVar("gan_np_kernel_profile", default=None)


@contextlib.contextmanager
def profile() -> Iterator[Profile]:
    """Add up the time of all kernels selected inside the `with` block, in this thread or task."""
    found = Profile()
    token = _active.set(found)
    try:
        yield found
    finally:
        _active.reset(token)


def profiled(operation: str, implementation: str, inner: Any) -> Any:
    """`inner`, timed inside a `profile` block."""
    found = _active.get()
    if found is None:
        return inner

    def timed(method: str, call: Callable[[], Any], *arguments: Any) -> Any:
        work = Work(operation, implementation, method)
        started = time.perf_counter()
        result = call()
        found.seconds[work] += time.perf_counter() - started
        found.calls[work] += 1
        return result

    return Proxy(inner, timed)
