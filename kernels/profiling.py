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
    """Calls and seconds by `Work`, and by the problem too. GPU kernels are timed at their launch, not their end."""

    def __init__(self) -> None:
        self.calls: dict[Work, int] = defaultdict(int)
        self.seconds: dict[Work, float] = defaultdict(float)
        self.of_problems: dict[tuple[Work, Any], tuple[int, float]] = {}
        """(what ran, its `Problem`) → calls and seconds."""


_active: Scoped[Profile | None] = Scoped("gan_np_kernel_profile", None)
active = _active.get
"""Who measures here; None outside `profile`."""


@contextlib.contextmanager
def profile() -> Iterator[Profile]:
    """Add up the time of all kernels selected inside the `with` block, in this thread or task."""
    found = Profile()
    with _active.inside(found):
        yield found


def profiled(operation: str, implementation: str, inner: Any, problem: Any = None) -> Any:
    """`inner`, timed inside a `profile` block as what solves `problem`."""
    found = _active.get()
    if found is None:
        return inner

    def timed(method: str, call: Callable[[], Any], *arguments: Any) -> Any:
        work = Work(operation, implementation, method)
        started = time.perf_counter()
        result = call()
        taken = time.perf_counter() - started
        found.seconds[work] += taken
        found.calls[work] += 1
        calls, seconds = found.of_problems.get((work, problem), (0, 0.0))
        found.of_problems[work, problem] = calls + 1, seconds + taken
        return result

    return Proxy(inner, timed)
