"""Files that are there whole or not at all, and errors that say which file they are about."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: str | Path, data: bytes) -> Path:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile (a full disk, a power cut).

    The data go to a temporary file beside it, then to the disk, and only then under the name; an older file of that name
    stays until that moment. A link of that name is replaced; what it leads to is not touched. Missing folders are made.

    Raises:
        OSError: it cannot be written; the message names the file.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with naming(target, always=True):
        try:
            with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _sync_folder(target.parent)
    return target


@contextlib.contextmanager
def naming(path: str | Path, *, always: bool = False) -> Iterator[None]:
    """An error of the system inside the block names this file; the system names none where a write fails for lack of room.

    always: also in place of a file that the error names itself.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and not always):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _sync_folder(folder: Path) -> None:
    """The name itself on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
