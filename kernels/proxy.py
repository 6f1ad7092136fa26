"""One way to stand between whoever selected a kernel and the kernel: profiling, recording and debugging all use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Around: TypeAlias = Callable[[str, Callable[[], Any], tuple[Any, ...], dict[str, Any]], Any]
"""Makes one call: of the method of this name, by calling the function, which has these arguments; gives its result."""


class Proxy:
    """An implementation, or a convolution's plan, whose methods are called through `around`.

    Attributes that are no methods pass through; a plan that an implementation makes is a proxy too.
    """

    __slots__ = ("_around", "_inner")

    def __init__(self, inner: Any, around: Around) -> None:
        self._inner, self._around = inner, around

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not callable(method):
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            result = self._around(name, lambda: method(*arguments, **options), arguments, options)
            return Proxy(result, self._around) if name == "plan" else result

        return call
