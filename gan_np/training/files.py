"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any


def write_atomically(path: str | Path, data: bytes) -> Path:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile (a full disk, a power cut).

    The data go to a temporary file beside it, then to the disk, and only then under the name; an older file of that name
    stays until that moment.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    return target


def read_toml(path: str | Path) -> dict[str, Any]:
    """A TOML file's contents.

    Raises:
        ValueError: it is none, or is nested beyond reason.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not a TOML file that can be read: {error}") from error


def _sync_folder(folder: Path) -> None:
    """The name itself on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
