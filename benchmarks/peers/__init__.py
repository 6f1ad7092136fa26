"""Other libraries doing the same work, for comparison; each is used only where it is installed."""

from __future__ import annotations

import importlib.util


def installed(name: str) -> bool:
    """Whether the library can be imported."""
    return importlib.util.find_spec(name) is not None
