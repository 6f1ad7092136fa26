"""Files of settings, and the writing of whole files (see `gan_np.files`)."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from gan_np.files import naming, write_atomically

__all__ = ["naming", "open_image", "read_toml", "regular", "write_atomically"]

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
