"""What a constructor takes, read from its signature and docstring: the options of models, objectives and optimisers.

A constructor documents an argument in a line `name: what it is` (or `name, other: …`) of its docstring, indented as the
docstring is; lines that are indented further go on.
"""

from __future__ import annotations

import difflib
import inspect
import re
import types
import typing
from collections import abc
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

from gan_np.checks import choice, integer, number, shown


class Option(NamedTuple):
    """An argument of a constructor."""

    name: str
    kind: Any
    """The type that its annotation has."""
    default: Any
    """`inspect.Parameter.empty` where it must be given."""
    help: str

    @property
    def required(self) -> bool:
        """Return whether the argument has no default and must be given."""
        return self.default is inspect.Parameter.empty


def options_of(make: Callable[..., Any], leaving_out: Collection[str] = ()) -> list[Option]:
    """The arguments of a class or function that can be given by name, in their order."""
    target = make.__init__ if isinstance(make, type) else make  # type: ignore[misc]
    hints = typing.get_type_hints(target)
    sources = (
        reversed(make.__mro__[:-1]) if isinstance(make, type) else [make]
    )  # what a class says counts over its bases
    told = {name: text for one in sources for name, text in _told(inspect.cleandoc(one.__doc__ or "")).items()}
    found = []
    for name, parameter in inspect.signature(make).parameters.items():
        if name in leaving_out or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        found.append(Option(name, hints.get(name, Any), parameter.default, told.get(name, "")))
    return found


_ENTRY = re.compile(r"^([a-z_][a-z0-9_]*(?:, [a-z_][a-z0-9_]*)*): (.*)$")


def _told(text: str) -> dict[str, str]:
    """Return what a docstring says of each argument, by name."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry is not None:
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2].strip()))
        elif line.startswith("    ") and names:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
        else:
            names = []
    return found


def kinds_of(kind: Any) -> tuple[Any, ...]:
    """The alternatives of a type: those of a union, or itself."""
    return get_args(kind) if get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def choices_of(kind: Any) -> tuple[Any, ...]:
    """Return the values that a type allows where it lists them (`Literal`), else an empty tuple."""
    return next((get_args(one) for one in kinds_of(kind) if get_origin(one) is Literal), ())


def is_schedulable(kind: Any) -> bool:
    """Return whether a value of this type may be a schedule in place of a number."""
    return any(get_origin(one) is abc.Callable for one in kinds_of(kind))


def is_sequence(kind: Any) -> bool:
    """Return whether values of this type are lists, of texts or of numbers."""
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Sequence)


def _sequence(name: str, value: Any, kind: Any) -> tuple[Any, ...]:
    """A list, or text with commas, as a tuple of texts or numbers of one kind."""
    parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    numbers = next((one for one in (int, float) if one in kinds_of(kind)), None)
    words = {None: "texts", int: "integers", float: "numbers"}[numbers]
    if not isinstance(parts, list | tuple):
        raise TypeError(f"{name}: expected a list of {words}, got {shown(value)}")
    if numbers is not None:
        try:
            found = [numbers(part) if isinstance(part, str) else part for part in parts]
        except ValueError as error:
            raise TypeError(f"{name}: expected a list of {words}, got {shown(value)}") from error
        return tuple(integer(name, one) if numbers is int else number(name, one) for one in found)
    if not all(isinstance(part, str) for part in parts):
        raise TypeError(f"{name}: expected a list of texts, got {shown(value)}")
    allowed = choices_of(kind)
    return tuple(choice(name, part, allowed) if allowed else part for part in parts)


def checked(name: str, value: Any, kind: Any) -> Any:
    """`value` if it is of a type that annotations of options use; integers become floats where those are expected.

    Raises:
        ValueError: not one of a few choices, with the nearest; not finite.
        TypeError: of another type.
    """
    if value is inspect.Parameter.empty:
        raise TypeError(f"{name}: has no default, give a value")
    alternatives = kinds_of(kind)
    if kind is Any or (value is None and type(None) in alternatives):
        return value
    options = choices_of(kind)
    if options:
        if any(value == one and type(value) is type(one) for one in options):
            return value
        near = difflib.get_close_matches(shown(value, str), map(str, options), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name}: expected one of {', '.join(map(str, options))}, got {shown(value)}{hint}")
    if any(map(is_sequence, alternatives)):
        return _sequence(name, value, (get_args(next(one for one in alternatives if is_sequence(one))) or (str,))[0])
    if callable(value) and is_schedulable(kind):
        return value
    if bool in alternatives and isinstance(value, bool):
        return value
    if float in alternatives and not isinstance(value, str):
        return number(name, value)
    if int in alternatives and not isinstance(value, str):
        return integer(name, value)
    if str in alternatives and isinstance(value, str):
        return value
    words = {bool: "true or false", int: "an integer", float: "a number", str: "a text", type(None): "nothing"}
    names = [words.get(one, "a schedule" if is_schedulable(one) else str(one)) for one in alternatives]
    expected = " or ".join(name for name in names if name != "nothing")
    raise TypeError(f"{name}: expected {expected}, got {shown(value)}")
