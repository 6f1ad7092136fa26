"""Profiling: how often and how long each method of each implementation ran."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .proxy import Proxy
from .scoped import Scoped


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


_active: Scoped[Profile | None] = Scoped("gan_np_kernel_profile", None)


@contextlib.contextmanager
def profile() -> Iterator[Profile]:
    """Add up the time of all kernels selected inside the `with` block, in this thread or task."""
    found = Profile()
    with _active.inside(found):
        yield found


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
