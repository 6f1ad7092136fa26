"""Where this library keeps what it can make again: decoded data sets and compiled kernels."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "GAN_NP_CACHE"
"""Names another folder."""


def users_cache() -> Path:
    """The user's cache folder ($XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS; %LOCALAPPDATA% on Windows).

    Raises:
        RuntimeError: the user has no home.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "gan_np"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gan_np"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "gan_np"
