"""Watching the kernels at work: how often and how long each method of each implementation ran."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple


class Work(NamedTuple):
    """One method of one implementation."""

    operation: str
    implementation: str
    method: str


class Total:
    """What a trace adds up: calls and seconds by `Work`. GPU kernels are timed at their launch, not their end."""

    def __init__(self) -> None:
        self.calls: dict[Work, int] = defaultdict(int)
        self.seconds: dict[Work, float] = defaultdict(float)

    def timed(self, work: Work, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, adding to the totals at each call; a plan that it returns is watched too."""

        def run(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            result = function(*arguments, **options)
            self.seconds[work] += time.perf_counter() - started
            self.calls[work] += 1
            return Watched(result, work.operation, work.implementation, self) if work.method == "plan" else result

        return run


class Watched:
    """An implementation (or a plan) whose methods are timed; everything else passes through."""

    def __init__(self, inner: Any, operation: str, implementation: str, total: Total) -> None:
        self._inner, self._names, self._total = inner, (operation, implementation), total

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._total.timed(Work(*self._names, name), found) if callable(found) else found


_watching: ContextVar[Total | None] = ContextVar("gan_np_watching_kernels", default=None)


@contextlib.contextmanager
def trace() -> Iterator[Total]:
    """Add up the time of all kernels selected inside the `with` block, in this thread or task."""
    total = Total()
    token = _watching.set(total)
    try:
        yield total
    finally:
        _watching.reset(token)


def watched(operation: str, implementation: str, inner: Any) -> Any:
    """`inner`, timed if a trace is on."""
    total = _watching.get()
    return inner if total is None else Watched(inner, operation, implementation, total)
