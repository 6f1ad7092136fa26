"""Archives of image files, .zip, .tar and .tar.gz, read like the folder that they would unpack to.

Nothing in them is unpacked to disk under a name. What cannot be read (a link, an encrypted file, one that claims to be huge,
one whose name leads out of the archive) is a broken image where it is named like one, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from gan_np.printable import printable

from .parts import part_of

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
"""How the names of archives end that are read, in lower case."""

LARGEST = 1 << 29
"""Bytes: an image file that claims more is not read (Pillow's limit of pixels is about as much in memory)."""

MOST_FILES = 10_000_000
"""More files in an archive are refused: the headers of empty files compress to almost nothing."""

Member = TypeVar("Member")


def ending_of(path: Path) -> str | None:
    """Which of `ENDINGS` a file's name has, or None."""
    return next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)


def stem_of(path: Path) -> str:
    """The name of an archive without its ending."""
    return path.name[: -len(ending_of(path) or "")] or path.name


def plain_name(name: str) -> str:
    """A member's name with / between folders, without "./" in front (archives of some programs have a backslash)."""
    name = name.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name


def is_hidden(name: str) -> bool:
    """Whether a file, or a folder that it is in, is hidden: its name begins with a full stop. What leads upwards is not."""
    return any(piece.startswith(".") and piece not in (".", "..") for piece in name.split("/"))


def leads_out(name: str) -> bool:
    """Whether a name would leave the folder that it is unpacked to: it goes up, begins at the root, or names a drive."""
    return name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name) is not None or "\0" in name


def damaged(path: Path, error: BaseException) -> ValueError:
    """The error for an archive that cannot be listed."""
    kind = ending_of(path) or "archive"
    return ValueError(f"{printable(path)}: not a readable {kind} file: {type(error).__name__}: {printable(error)}")


def without_root(
    said: str, members: dict[str, Member], is_image: Callable[[str], bool]
) -> tuple[dict[str, Member], tuple[str, ...]]:
    """The members by their names in the one folder that all images lie in, if there is one and it is no part of the data
    set; with a sentence that says so. Files beside it keep their names.

    An archive of a folder mostly holds the folder itself, and what would be opened is the folder.
    """
    tops = {_top(name) for name in members if is_image(name)}
    if len(tops) != 1:
        return members, ()
    (top,) = tops
    if top is None or part_of(top) is not None or leads_out(f"{top}/"):
        return members, ()
    start = f"{top}/"
    inside = {name.removeprefix(start): member for name, member in members.items()}
    if len(inside) != len(members):  # a file beside the folder has the name of one in it
        return members, ()
    return inside, (f"{said}: all its images lie in the folder {printable(top)}, which was taken as if it were opened",)


def _top(name: str) -> str | None:
    first, slash, _ = name.partition("/")
    return first if slash else None


def check_count(said: str, names: Iterable[object]) -> None:
    """Refuse more files than `MOST_FILES`, as soon as they are counted."""
    for number, _ in enumerate(names, 1):
        if number > MOST_FILES:
            raise ValueError(f"{said}: holds more than {MOST_FILES:,} files")
