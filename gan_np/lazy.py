"""Names of a room that are loaded when they are first used, so that importing the library stays cheap."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def loader(room: str, names: Mapping[str, Sequence[str]], modules: Sequence[str] = ()) -> Callable[[str], Any]:
    """Make the `__getattr__` of a room.

    room: the full name of the package.
    names: what each of its modules has to offer, by the module's name in the room.
    modules: modules that are offered themselves.
    """
    module_of = {name: module for module, offered in names.items() for name in offered}

    def load(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{room}.{name}")
        if name not in module_of:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{module_of[name]}"), name)
        setattr(sys.modules[room], name, value)  # from now on without this detour
        return value

    return load
