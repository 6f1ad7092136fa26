"""Names of a room that are loaded when they are first used, so that importing the library stays cheap."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def loader(room: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a room, which also gives the room's own modules by their names.

    room: the full name of the package.
    names: what each of its modules has to offer, by the module's name in the room.
    """
    module_of = {name: module for module, offered in names.items() for name in offered}

    def load(name: str) -> Any:
        if name in module_of:
            value = getattr(importlib.import_module(f"{room}.{module_of[name]}"), name)
            setattr(sys.modules[room], name, value)  # from now on without this detour
            return value
        if not name.startswith("_"):
            try:
                return importlib.import_module(f"{room}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{room}.{name}":  # it is there, and something that it needs is not
                    raise
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return load
