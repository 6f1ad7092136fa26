"""Checks of arguments: each names the argument, what it was and what was expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

SHOWN = 80
"""Characters of a value that fit in a message."""


class ShapeError(ValueError):
    """Shapes that do not meet; the message says where and what was expected."""


class NonFiniteError(ArithmeticError):
    """A loss, a gradient, a weight or an image is NaN or infinite; the message says which, and where."""


def as_array(name: str, value: Any) -> Any:
    """A list or tuple as a NumPy array of numbers; an array as it is.

    Raises:
        TypeError: it is neither, or not of numbers.
        ShapeError: its parts differ in shape.
    """
    if hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__getitem__"):
        return value
    if not isinstance(value, list | tuple):
        hint = "; give its .images" if hasattr(value, "images") else ""
        raise TypeError(f"{name}: expected a NumPy array, got {type(value).__name__}{hint}")
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise ShapeError(
            f"{name}: expected a NumPy array, got a {type(value).__name__} whose parts differ in shape"
        ) from error
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers, got a {type(value).__name__} of {found.dtype}")
    return found


def integer(name: str, value: Any, minimum: int | None = None, maximum: int | None = None) -> int:
    """`value` as an int between `minimum` and `maximum`, both included."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {shown(value)}")
    _within(name, value, minimum, maximum, "an integer")
    return int(value)


def number(
    name: str, value: Any, minimum: float | None = None, maximum: float | None = None, *, above: float | None = None
) -> float:
    """`value` as a finite float, at least `minimum`, at most `maximum`, greater than `above`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: expected a number, got {shown(value)}")
    if not _is_finite(value):
        raise ValueError(f"{name}: expected a finite number, got {shown(value, str)}")
    if above is not None and value <= above:
        raise ValueError(f"{name}: expected a number greater than {above}, got {value}")
    _within(name, value, minimum, maximum, "a number")
    return float(value)


def _within(name: str, value: Any, minimum: float | None, maximum: float | None, kind: str) -> None:
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        low = "" if minimum is None else f" of at least {minimum}"
        high = "" if maximum is None else f" of at most {maximum}" if minimum is None else f" and at most {maximum}"
        raise ValueError(f"{name}: expected {kind}{low}{high}, got {shown(value, str)}")


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """`value` if it is one of `options`; the error proposes the nearest."""
    known = list(options)
    if value in known:
        return str(value)
    near = difflib.get_close_matches(str(value)[:SHOWN], known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"{name}: expected one of {', '.join(map(repr, known))}, got {shown(value)}{hint}")


def shown(value: Any, form: Callable[[Any], str] = repr) -> str:
    """Return the text of a value, cut to the length that fits in a message."""
    text = form(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False


def pair(name: str, value: Any, minimum: int) -> tuple[int, int]:
    """An integer for both directions, or (vertical, horizontal)."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ValueError(f"{name}: expected an integer or (vertical, horizontal), got {value!r}")
        return integer(name, value[0], minimum), integer(name, value[1], minimum)
    single = integer(name, value, minimum)
    return single, single


def shape(name: str, value: Any, rank: int | None = None) -> tuple[int, ...]:
    """A tuple of positive integers, of `rank` entries where given."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: expected a tuple of positive integers, got {value!r}")
    found = tuple(integer(f"{name}[{index}]", size, 1) for index, size in enumerate(value))
    if rank is not None and len(found) != rank:
        raise ShapeError(f"{name}: expected {rank} sizes, got {found}")
    return found


def check_shapes(name: str, value: Any) -> None:
    """Refuse what is neither the shape of one example nor a tuple of such shapes.

    Raises:
        TypeError: it is not, a single number for instance.
    """

    def is_shape(part: Any) -> bool:
        return isinstance(part, tuple | list) and all(is_shape(size) or is_size(size) for size in part)

    def is_size(size: Any) -> bool:
        return isinstance(size, int | np.integer) and not isinstance(size, bool)

    if not is_shape(value):
        example = f"({value},)" if is_size(value) else "(3,)"
        raise TypeError(
            f"{name}: expected the shape of one example as a tuple such as {example}, without the batch axis, or a tuple of "
            f"such shapes, got {shown(value)}"
        )
