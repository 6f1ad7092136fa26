"""What a sweep varies, as a text: NAME=VALUE,VALUE,… with names and values as config.toml has them."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from gan_np.checks import shown
from gan_np.constructors import choices_of, kinds_of
from gan_np.runs import Config
from gan_np.runs.options import options_for, owners
from gan_np.runs.suggestions import suggestions

OPENING, CLOSING = "([{", ")]}"
PRESET = "preset"
"""No setting, but many: it may be varied like one."""
OWN = ("vary", "seeds", "random", "count", "features", PRESET)
"""What the file of a sweep has beside settings."""


def parse_varied(text: str) -> tuple[str, list[Any]]:
    """The name of a setting and the values that it is to have.

    Commas within brackets belong to a value; a list is written in square brackets.

    >>> parse_varied("g_learning_rate=1e-4,2e-4"), parse_varied("--flip=true,false")
    (('g_learning_rate', [0.0001, 0.0002]), ('flip', [True, False]))
    >>> parse_varied("g_learning_rate=2e-3,cosine(2e-3, 1e-4, 2500)")
    ('g_learning_rate', [0.002, 'cosine(2e-3, 1e-4, 2500)'])
    >>> parse_varied("augment=[],[colour,cutout]")
    ('augment', [[], ['colour', 'cutout']])

    Raises:
        ValueError: no name, no such setting, no value between two commas.
    """
    name, equals, listed = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"vary: expected NAME=VALUE,VALUE as in g_learning_rate=1e-4,2e-4, got {shown(text)}")
    setting = known_setting(name)
    parts = _parts(listed)
    if not all(parts):
        raise ValueError(f"vary: expected values with commas between them, got {shown(text)}")
    return setting, [_value(setting, part) for part in parts]


def known_setting(name: str, argument: str = "vary") -> str:
    """The name of a setting or option, also one that was written as a flag (--g-learning-rate); of what is varied also
    "preset".

    Raises:
        ValueError: there is none of that name; the message has those that may have been meant.
    """
    found = name.strip().lstrip("-").replace("-", "_")
    if found == PRESET and argument == "vary":
        return found
    if found in (*OWN, "out", "config", "resume"):
        raise ValueError(
            f"{argument}: expected a setting of a training, and {name.strip()!r} is of the sweep, the same for all its runs"
        )
    fields = [field.name for field in dataclasses.fields(Config) if field.name != "options"]
    if found in fields or found in owners():
        return found
    near = " or ".join(map(repr, suggestions(found, [*fields, *owners()])))
    raise ValueError(f"{argument}: there is no setting {name.strip()!r}" + (f"; did you mean {near}?" if near else ""))


def _parts(text: str) -> list[str]:
    """The parts of a text between commas that stand in no brackets."""
    found, depth = [""], 0
    for character in text:
        depth += (character in OPENING) - (character in CLOSING)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found]


def _value(name: str, text: str) -> Any:
    """A value of a setting: a number, true or false, a list, nothing ("none"), otherwise text."""
    if name == PRESET:
        return None if text == "none" else text
    kinds = {kind for alternatives in _kinds(name) for kind in kinds_of(alternatives)}
    if text == "none":
        return read_none(name, text)
    if kinds == {str}:
        return text
    if text in ("true", "false") and bool in kinds:
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    if text[0] == "[" and text[-1] == "]":
        return [part for part in _parts(text[1:-1]) if part] if name != "penalties" else text[1:-1]
    return text


def may_be_none(name: str) -> bool:
    """Whether a setting may be left out, so that "none" stands for that (and for no choice of that name)."""
    field = Config.__dataclass_fields__.get(name)
    if field is not None:
        return field.default is None or field.default == ""
    return any(type(None) in kinds_of(kind) and "none" not in choices_of(kind) for kind in _kinds(name))


def read_none(name: str, value: Any) -> Any:
    """A value of a setting; None, or "none" where that stands for it, as the setting has it where it is left out."""
    if name == PRESET:
        return None if value == "none" else value
    if value is None or (value == "none" and may_be_none(name)):
        field = Config.__dataclass_fields__.get(name)
        return None if field is None else field.default
    return value


def _kinds(name: str) -> list[Any]:
    """The types of a setting: one, or of an option that several models have theirs."""
    hints = get_type_hints(Config)
    if name in hints:
        return [hints[name]]
    return [
        option.kind
        for kind, owner in owners().get(name, [])
        for option in options_for(kind, owner)
        if option.name == name
    ]
