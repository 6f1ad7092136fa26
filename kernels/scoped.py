"""A value that holds inside a `with` block: forced kernels, tuned choices, profiles and records all use it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Scoped(Generic[Value]):
    """A value of this thread or task, `outside` where no `with` block has set it. Blocks may lie inside each other."""

    def __init__(self, name: str, outside: Value) -> None:
        self._variable: ContextVar[Value] = ContextVar(name, default=outside)
        self.get: Callable[[], Value] = self._variable.get

    @contextlib.contextmanager
    def inside(self, value: Value) -> Iterator[None]:
        """The value is `value` until the block ends."""
        token = self._variable.set(value)
        try:
            yield
        finally:
            self._variable.reset(token)
