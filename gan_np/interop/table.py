"""Which function exports which class of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gan_np.checks import shown

Function = TypeVar("Function", bound=Callable[..., Any])


class Exporters(Generic[Function]):
    """Functions by the class of what they export.

    Looked up by the class itself, not by those that it inherits from: a subclass may compute something else.

    form: what is written, for messages. place: the module whose `exports` registers here, for messages.
    """

    def __init__(self, form: str, place: str) -> None:
        self.form, self.place = form, place
        self._functions: dict[type, Function] = {}

    def register(self, *classes: type) -> Callable[[Function], Function]:
        """A decorator: the function exports these classes, in place of what did before.

        Raises:
            TypeError: one of them is no class.
        """
        for one in classes or (None,):
            if not isinstance(one, type):
                raise TypeError(f"exports: expected classes of layers, got {shown(one)}")

        def put(function: Function) -> Function:
            self._functions.update(dict.fromkeys(classes, function))
            return function

        return put

    def unregister(self, one: type) -> None:
        """Remove the exporter of a class."""
        del self._functions[one]

    def of(self, made: Any, where: str = "") -> Function:
        """The function that exports this object.

        where: its place in the network, for the message.

        Raises:
            TypeError: none is known.
        """
        found = self._functions.get(type(made))
        if found is None:
            name = type(made).__name__
            at = f" (at {where!r})" if where else ""
            raise TypeError(
                f"{shown(made)}{at}: no export to {self.form} is known for {name}; "
                f"say how with @{self.place}.exports({name})"
            )
        return found
