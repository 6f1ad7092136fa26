"""What a file may say: checks of parsed JSON and TOML, put together from small ones and run before anything is made of it.

A check is called with the name of a value and the value. It returns if the value may stand there, and raises a TypeError or
ValueError that names it otherwise. Checks of lists and objects name the place inside: `training.noise.buffer_pos`.

>>> from gan_np.bounds import fields, whole
>>> check = fields({"steps": whole(0, 1000)})
>>> check("training", {"steps": 20})
>>> check("training", {"steps": -20})
Traceback (most recent call last):
ValueError: training.steps: expected an integer of at least 0 and at most 1000, got -20
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gan_np.checks import choice, integer, number, shown

Check: TypeAlias = Callable[[str, Any], None]

COUNT = 1 << 53
"""More than anything that is counted one by one: steps, updates, batches."""


def whole(least: int, most: int) -> Check:
    """An integer from `least` to `most`, both included."""

    def check(name: str, value: Any) -> None:
        integer(name, value, least, most)

    return check


def real(least: float | None = None, most: float | None = None, *, above: float | None = None) -> Check:
    """Accept a finite number within the bounds."""

    def check(name: str, value: Any) -> None:
        number(name, value, least, most, above=above)

    return check


def one_of(*options: str) -> Check:
    """Accept one of these texts and nothing else."""

    def check(name: str, value: Any) -> None:
        choice(name, value, options)

    return check


def text(longest: int = 4096) -> Check:
    """A text of at most so many characters."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected a text, got {shown(value)}")
        if len(value) > longest:
            raise ValueError(f"{name}: expected at most {longest} characters, got {len(value)}")

    return check


def flag(name: str, value: Any) -> None:
    """Accept true or false and nothing else."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected true or false, got {shown(value)}")


def maybe(check: Check) -> Check:
    """Accept what the other check accepts, or None."""

    def either(name: str, value: Any) -> None:
        if value is not None:
            check(name, value)

    return either


def each(check: Check, length: int | None = None) -> Check:
    """A list of such values, of this length where it is given."""

    def check_list(name: str, value: Any) -> None:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{name}: expected a list, got {shown(value)}")
        if length is not None and len(value) != length:
            raise ValueError(f"{name}: expected {length} values, got {len(value)}")
        for index, item in enumerate(value):
            check(f"{name}[{index}]", item)

    return check_list


def fields(needed: Mapping[str, Check], others: Mapping[str, Check] | None = None) -> Check:
    """An object that has what is needed, and may have the others; what is not listed at all is left to whoever reads it."""
    checks = {**(others or {}), **needed}

    def check(name: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise TypeError(f"{name}: expected an object with {', '.join(checks)}, got {shown(value)}")
        missing = [key for key in needed if key not in value]
        if missing:
            raise ValueError(f"{name}: has no {', '.join(missing)}")
        for key, inner in checks.items():
            if key in value:
                inner(f"{name}.{key}", value[key])

    return check
