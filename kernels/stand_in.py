"""An implementation in the table before its module is imported."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from .interfaces import Deferred, methods
from .selection import OPERATIONS


class StandIn(Deferred):
    """An implementation's methods, with the protocol's signatures; the module is imported at the first call.

    module: its full name. name: the class in it, made with `arguments`.
    """

    def __init__(self, operation: str, module: str, name: str, *arguments: Any) -> None:
        for method, function in methods(OPERATIONS[operation]).items():
            setattr(self, method, self._forward(module, name, arguments, method, function))

        self._class = module, name, arguments

    def __getattr__(self, method: str) -> Any:
        """A method beyond the protocol's, which a declared feature promises: its module is imported now."""
        if method.startswith("_"):
            raise AttributeError(method)
        module, name, given = self._class
        real = getattr(getattr(importlib.import_module(module), name)(*given), method)
        setattr(self, method, real)
        return real

    def _forward(
        self, module: str, name: str, given: tuple[Any, ...], method: str, function: Callable[..., Any]
    ) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            implementation = getattr(importlib.import_module(module), name)(*given)
            real = getattr(implementation, method)
            setattr(self, method, real)  # from now on without this detour
            return real(*arguments, **options)

        signature = inspect.signature(function)
        call.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=list(signature.parameters.values())[1:]
        )
        return call
