"""The value of a setting: read from text, checked, and written as text again."""

from __future__ import annotations

from typing import Any

from gan_np.bounds import Check
from gan_np.checks import shown
from gan_np.constructors import checked, is_schedulable
from gan_np.data import ranges
from gan_np.data.resize import written_size
from gan_np.expressions import parse, parse_list, write
from gan_np.models.registered import listed
from gan_np.optimizers import OPTIMIZERS
from gan_np.penalties import PENALTIES
from gan_np.registry import NotRegistered, Registry
from gan_np.schedules import SCHEDULES, scheduled
from gan_np.training.penalty import penalties_of

from .options import REGISTRIES
from .suggestions import suggestions


def read_setting(name: str, value: Any, kind: Any) -> Any:
    """A setting as it is kept: text of objects and schedules is parsed once, to say at once what is wrong with it."""
    if name in REGISTRIES:
        return _named(name, value, REGISTRIES[name])
    if name in ("g_optimizer", "d_optimizer"):
        return _object(name, value, OPTIMIZERS) if value else ""
    if name == "penalties":
        return penalties_of(parse_list(name, value, PENALTIES, SCHEDULES) if isinstance(value, str) else value)
    if name == "image_size" and value is not None:
        return written_size(name, value)
    if name == "value_range" and isinstance(value, tuple | list):
        found = ranges.checked(name, value)
        return None if found is None else ranges.shown(found)
    if isinstance(value, str) and is_schedulable(kind):
        return parse(name, value, SCHEDULES, SCHEDULES)
    return checked(name, value, kind)


def _named(name: str, value: Any, registry: Registry) -> Any:
    """A registered name, or (of an objective) an object."""
    if name == "model" and value == "":
        return value  # put together by hand: checkpoints have its structure
    if not isinstance(value, str):
        if name == "objective" and value is not None:
            return _object(name, value, registry)
        raise TypeError(f"{name}: expected a name, got {shown(value)}")
    known = registry.spelled(value)
    if known is not None:
        return known
    if name == "objective" and "(" in value:
        return _object(name, value, registry)
    names = listed() if name == "model" else list(registry)
    near = suggestions(value, names)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise NotRegistered(
        f"{name}: expected one of {', '.join(names)}, got {shown(value)}{hint} (one of your own: give --import FILE, or "
        "import the module that registers it)"
    )


def _object(name: str, value: Any, registry: Registry) -> Any:
    if isinstance(value, str):
        return parse(name, value, registry, SCHEDULES)
    if isinstance(value, type):
        raise TypeError(f"{name}: expected a name or an object, got the class {value.__name__}: call it")
    return value


def plain(value: Any) -> Any:
    """Return a setting as TOML has it, objects as text."""
    if isinstance(value, tuple) and all(isinstance(one, str | int | float) for one in value):
        return list(value)
    if isinstance(value, tuple):
        return ", ".join(map(write, value))
    return value if value is None or isinstance(value, bool | int | float | str) else write(value)


def check_bounds(name: str, value: Any, check: Check) -> None:
    """Refuse a number, or a schedule's first one, that is outside its bounds.

    Raises:
        ValueError, TypeError: it is; the message names the setting.
    """
    if callable(value):
        scheduled(name, value)
        check(name, value(0))
        last = getattr(value, "updates", None)
        if isinstance(last, int) and value(last):  # a rate may end at 0
            check(f"{name} at update {last}", value(last))
        return
    check(name, value)
