"""What files, configurations and the command line know by name, and objects as plain data: a name and arguments.

    Dense(1, bias=False)   ↔   {"layer": "Dense", "arguments": {"out_features": 1, "bias": false, …}}

An object is described by its name and all of its constructor's arguments, each read from the attribute of the same name,
nested; it is built again by calling what is registered under the name. Nothing that a description names is imported or
executed: a name that is not registered is refused.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from gan_np.checks import SHOWN, shown

Made = TypeVar("Made", bound=Callable[..., Any])

DEEPEST, MOST = 64, 100_000
"""Nesting and number of objects of a description that is built: no structure that is meant comes near."""


class NotRegistered(ValueError):
    """A name under which nothing is registered: one of the user's own, perhaps, whose module was not imported."""


class Registry:
    """Classes (or functions that make objects) of one kind, by name.

    kind: what one is called in messages and in descriptions: "layer", "objective", ….

    >>> SHAPES = Registry("shape")
    >>> @SHAPES.register("square")
    ... class Square:
    ...     def __init__(self, side: int = 1) -> None:
    ...         self.side = side
    >>> describe(Square(3))
    {'shape': 'square', 'arguments': {'side': 3}}
    >>> build({"shape": "square", "arguments": {"side": 3}}).side
    3
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._found: dict[str, Callable[..., Any]] = {}
        _KINDS[kind] = self

    def register(self, name: str | None = None) -> Callable[[Made], Made]:
        """A decorator that puts a class or function here under `name` (default: its own), in place of one defined before
        under the same qualified name (a file that is imported twice).

        Raises:
            TypeError: the decorator was written without parentheses.
            ValueError: the name is taken by another, or is no name.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"register: expected a name, got {name!r}; write @register() or @register('name')")

        def put(made: Made) -> Made:
            own = made.__name__ if name is None else name
            if not own or not own.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"register: a name has letters, digits, - and _ only, got {own!r}")
            there = self._found.get(own)
            if there is not None and (there.__module__, there.__qualname__) != (made.__module__, made.__qualname__):
                raise ValueError(f"register: {self.kind} {own!r} is {there.__module__}.{there.__qualname__} already")
            self._found[own] = made
            if isinstance(made, type):
                _NAMES[made] = (self.kind, own)
            return made

        return put

    def unregister(self, name: str) -> None:
        """Remove a name.

        Raises:
            ValueError: it is not there.
        """
        made = self[name]
        del self._found[name]
        if isinstance(made, type):
            _NAMES.pop(made, None)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """Return what is registered under a name.

        Raises:
            NotRegistered: nothing is.
        """
        found = self._found.get(name) if isinstance(name, str) else None
        if found is None:
            near = self.nearest(name)
            hint = "" if near is None else f" (did you mean {near!r}?)"
            raise NotRegistered(
                f"needs {self.kind} {shown(name)}, which is not registered{hint}; there are {', '.join(self._found)}. If it "
                "is one of your own, import the module that registers it first (on the command line: --import FILE)"
            )
        return found

    def spelled(self, word: str) -> str | None:
        """The registered name that a word stands for, with - and _ alike; None if there is none.

        >>> Registry("example").spelled("warm_up") is None
        True
        """
        alike = (name for name in self._found if name.replace("-", "_") == word.replace("-", "_"))
        return word if word in self._found else next(alike, None)

    def nearest(self, word: object) -> str | None:
        """The registered name that is nearly the same as a word; None if there is none."""
        if not isinstance(word, str):
            return None
        near = difflib.get_close_matches(word[:SHOWN].replace("_", "-"), self._found, n=1)
        return near[0] if near else None

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._found))

    def __len__(self) -> int:
        return len(self._found)


_KINDS: dict[str, Registry] = {}
_NAMES: dict[type, tuple[str, str]] = {}


def name_of(made: object) -> tuple[str, str] | None:
    """(kind, name) under which an object's class is registered; None if it is not."""
    return _NAMES.get(type(made))


def arguments_of(made: object) -> dict[str, Any]:
    """The arguments of an object's constructor by name: what its method `arguments()` says, else its attributes.

    Raises:
        TypeError: an argument is not kept as an attribute of its name.
    """
    own = getattr(made, "arguments", None)
    return dict(own()) if own is not None else attributes_of(made)


def attributes_of(made: object) -> dict[str, Any]:
    """The constructor's arguments by name, read from the attributes of the same names.

    Raises:
        TypeError: one is not there.
    """
    found = {}
    for name, parameter in inspect.signature(type(made)).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            raise TypeError(f"{type(made).__name__}: takes **{name}, so its arguments are not known by name")
        if not hasattr(made, name):
            raise TypeError(f"{type(made).__name__}: its argument {name!r} is not kept as an attribute of that name")
        found[name] = getattr(made, name)
    return found


def describe(made: Any, where: str = "") -> Any:
    """An object as plain data (None, bool, int, float, str, lists and dicts of them), see the module.

    where: how messages call the place.

    Raises:
        TypeError: something is neither plain nor of a registered class; the message names the place.
    """
    if made is None or isinstance(made, bool | str):
        return made
    if isinstance(made, np.generic):
        made = made.item()
    if isinstance(made, int):
        return int(made)
    if isinstance(made, float):
        if not math.isfinite(made):
            raise TypeError(f"{where or 'value'}: {made} cannot be written in a description")
        return float(made)
    known = name_of(made)
    if known is not None:
        kind, name = known
        inside = f"{where}.{name}" if where else name
        values = {key: describe(value, f"{inside}.{key}") for key, value in arguments_of(made).items()}
        return {kind: name, "arguments": values} if values else {kind: name}
    if type(made) in (list, tuple):
        return [describe(value, f"{where}[{index}]") for index, value in enumerate(made)]
    raise TypeError(
        f"{where or 'object'}: {shown(made)} cannot be described, so it cannot be saved: its class is "
        f"{type(made).__module__}.{type(made).__qualname__}, which is not registered (decorate it with the register of its "
        "kind, as in @gan_np.layers.register('my-layer'))"
    )


def build(description: Any, **given: Any) -> Any:
    """The object that `describe` described. Lists become tuples.

    given: arguments for every constructor that takes one of that name and is not told it (dtype, device).

    Raises:
        ValueError: a name that is not registered, or values that its constructor refuses.
        TypeError: arguments that its constructor does not have, or of a wrong type.
    """
    return _built(description, given, 0, [0])


def _built(description: Any, given: Mapping[str, Any], depth: int, count: list[int]) -> Any:
    count[0] += 1
    if depth > DEEPEST or count[0] > MOST:
        raise ValueError(f"a description deeper than {DEEPEST} levels, or of more than {MOST:,} values")
    if isinstance(description, list | tuple):
        return tuple(_built(value, given, depth + 1, count) for value in description)
    if not isinstance(description, Mapping):
        return description
    kinds = [key for key in description if key in _KINDS]
    values = description.get("arguments", {})
    if len(kinds) != 1 or set(description) - {*kinds, "arguments"} or not isinstance(values, Mapping):
        raise ValueError(f"expected an object with one of {', '.join(_KINDS)} and arguments, got {shown(description)}")
    (kind,) = kinds
    make = _KINDS[kind][description[kind]]
    arguments = {key: _built(value, given, depth + 1, count) for key, value in values.items()}
    return called(make, arguments, given, f"{kind} {description[kind]!r}")


def called(make: Callable[..., Any], arguments: Mapping[str, Any], given: Mapping[str, Any], name: str) -> Any:
    """make(**arguments), where variable positional arguments stand in a tuple under their own name.

    Raises:
        TypeError: it has no such argument; the message names it.
    """
    parameters = inspect.signature(make).parameters
    unknown = [key for key in arguments if key not in parameters]
    if unknown:
        raise TypeError(f"{name}: has no argument {', '.join(map(shown, unknown))}; it has {', '.join(parameters)}")
    values = {key: value for key, value in given.items() if key in parameters} | dict(arguments)
    positional: list[Any] = []
    for key, parameter in parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL and key in values:
            several = values.pop(key)
            if not isinstance(several, tuple | list):
                raise TypeError(f"{name}: {key}: expected a list, got {shown(several)}")
            # What stands before them must be given by position too.
            before = [values.pop(other) for other in list(parameters)[: list(parameters).index(key)] if other in values]
            positional = [*before, *several]
    try:
        return make(*positional, **values)
    except TypeError as error:
        missing = [
            key for key, one in parameters.items() if _is_required(one) and key not in arguments and key not in given
        ]
        if missing:
            raise TypeError(f"{name}: needs {' and '.join(missing)} too; it takes {', '.join(parameters)}") from error
        raise


def _is_required(parameter: inspect.Parameter) -> bool:
    several = (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in several
