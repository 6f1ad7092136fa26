"""Files of settings, and the writing of whole files (see `gan_np.files`)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from gan_np.files import naming, write_atomically

__all__ = ["naming", "read_toml", "write_atomically"]


def read_toml(path: str | Path) -> dict[str, Any]:
    """A TOML file's contents.

    Raises:
        ValueError: it is none, or is nested beyond reason.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a TOML file that can be read: {error}") from error
