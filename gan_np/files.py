"""Files: written whole or not at all, read only where they are files, with errors that say which file they are about."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO


def write_atomically(path: str | Path, data: bytes) -> Path:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile (a full disk, a power cut).

    The data go to a temporary file beside it, then to the disk, and only then under the name; an older file of that name
    stays until that moment. A link of that name is replaced; what it leads to is not touched. Missing folders are made.

    Raises:
        OSError: it cannot be written; the message names the file.
    """
    target = Path(path)
    with writing(target) as file:
        file.write(data)
    return target


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, also to seek in. As with `write_atomically` it is there whole or not at all: under its
    name when the block ends, and gone if the block raises.

    Raises:
        OSError: it cannot be written; the message names the file.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with naming(target, always=True):
        try:
            with os.fdopen(os.open(temporary, flags, 0o666), "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _sync_folder(target.parent)


@contextlib.contextmanager
def filling_folder(path: str | Path) -> Iterator[Path]:
    """A new folder to fill, which has its name when the block ends and is removed if the block raises.

    An empty folder that is there already stays the folder that it is (it may be the current one, a link or the place of a
    mounted disk): it is filled at once when the block ends.

    Raises:
        FileExistsError: there is something of that name already, other than an empty folder; also if it came meanwhile, as
            from another process.
        OSError: it cannot be made or written; the message names it.
    """
    target = Path(path)
    check_new_folder(target)
    known = target.is_dir()
    target.parent.mkdir(parents=True, exist_ok=True)
    own = f".{'filling' if known else target.name}.{secrets.token_hex(4)}"
    temporary = target / own if known else target.with_name(own)
    with naming(target):
        temporary.mkdir()
        try:
            yield temporary
            if known:
                check_new_folder(target, but=own)
                for made in sorted(temporary.iterdir()):
                    os.rename(made, target / made.name)
                temporary.rmdir()
            else:
                check_new_folder(target)
                replace(temporary, target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    _sync_folder(target if known else target.parent)


def check_new_folder(path: str | Path, name: str = "out", *, but: str | None = None) -> None:
    """Refuse a name for a folder that has something in it; `name` is the argument that the message begins with.

    but: the name of what may be in it.

    Raises:
        FileExistsError: it has, or it is that of a file.
    """
    target = Path(path)
    check_place(target, name)
    if target.is_dir() and all(found.name == but for found in target.iterdir()):
        return
    if target.exists():
        what = "holds files already" if target.is_dir() else "is a file"
        raise FileExistsError(f"{name}: {target} {what}; expected the name of a new or an empty folder")


def check_place(path: str | Path, name: str = "out") -> None:
    """Refuse, before any work, a name where nothing can be written; `name` is the argument that the message begins with.

    Raises:
        NotADirectoryError: a folder on the way to it is a file.
        PermissionError: the folder that it would be in, or that would be made first, may not be written to.
    """
    target = Path(path)
    place = target if target.is_dir() else next(folder for folder in target.absolute().parents if folder.exists())
    if not place.is_dir():
        raise NotADirectoryError(f"{name}: {target} cannot be made, since {place} is a file")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"{name}: {target} cannot be made, since {place} may not be written to")


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


PATIENCE, NAP = 2.0, 0.02
"""Seconds for which a file that somebody has open is asked for on Windows, and between two attempts."""


def replace(source: Path, target: Path) -> None:
    """`os.replace`. Windows refuses it while another process has the target open, as one that reads it or looks for viruses
    has for a moment: there it is tried again until PATIENCE is over.

    Raises:
        OSError: it cannot be done.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > until:
                raise
        time.sleep(NAP)


def _sync_folder(folder: Path) -> None:
    """The name itself on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


LARGEST_TOML = 1 << 26


def regular(path: str | Path, largest: int | None = None) -> Path:
    """The path itself, if it is that of a file with contents of its own; reading anything else may never end.

    largest: how many bytes it may have.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a folder, a pipe, a device or a socket; a file larger than that.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path}: expected a file, this is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}")
    if largest is not None and found.st_size > largest:
        raise ValueError(f"{path}: expected at most {largest:,} bytes, it has {found.st_size:,}")
    return Path(path)


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_toml(path: str | Path) -> dict[str, Any]:
    """A TOML file's contents.

    Raises:
        ValueError: it is none, is nested beyond reason, or has a number of thousands of digits; it is larger than
            `LARGEST_TOML`, or no file but a pipe, say.
    """
    file = regular(path, LARGEST_TOML)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a TOML file that can be read: {error}") from error


def open_image(path: str | Path) -> Any:
    """Pillow's image of a file that a run left, decoded.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged or no image; the message names it.
    """
    from PIL import Image

    file = regular(path)
    try:
        with Image.open(file) as opened:
            return opened.copy()
    except Exception as error:  # Pillow's decoders raise whatever a damaged file trips
        raise ValueError(f"{path}: not an image that can be read: {error}") from error
