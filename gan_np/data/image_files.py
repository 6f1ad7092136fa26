"""Where image files are: a folder, or an archive that is read like one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from gan_np.printable import printable

from .decode import SUFFIXES
from .layout import Entry


class ImageFiles(Protocol):
    """Files by name, of which some are images; open inside a `with` block."""

    @property
    def said(self) -> str:
        """Return the name of the source in messages, printable."""
        ...

    @property
    def name(self) -> str:
        """Return the name that a data set of these files has."""
        ...

    @property
    def place(self) -> Path:
        """The folder or the archive itself."""
        ...

    @property
    def content(self) -> tuple[object, ...]:
        """What tells a changed source, beside the entries; its `repr` is used."""
        ...

    @property
    def decided(self) -> tuple[str, ...]:
        """What was decided about them, in sentences (see `Dataset`)."""
        ...

    def entries(self) -> list[Entry]:
        """All files by name, ordered by it; hidden ones are passed over."""
        ...

    def open(self, name: str) -> Path | IO[bytes]:
        """A file of the list, to be read from its beginning; may be asked for by several threads at once.

        Raises:
            Unreadable: it cannot be read; the message says why, without the name.
        """
        ...

    def __enter__(self) -> ImageFiles: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class FolderFiles:
    """The files of a folder and of all folders in it.

    not_in: makes the path of a folder whose files are not looked at, should it lie inside (the cache).
    """

    content: tuple[object, ...] = ()
    decided: tuple[str, ...] = ()

    def __init__(self, folder: Path, not_in: Callable[[], Path]) -> None:
        self.place, self._not_in = folder, not_in

    @property
    def said(self) -> str:
        """Return the path of the folder, printable."""
        return printable(self.place)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.place.name or str(self.place)

    def entries(self) -> list[Entry]:
        """Regular files, ordered by relative path; a folder that is reached twice, through links, is listed once.

        The order is that of the letters, not the natural one: training draws by number, so another order is another
        training.
        """
        files, waiting, seen = [], [(self.place, "")], set()
        with contextlib.suppress(OSError):
            outside = self._not_in().stat()
            seen.add((outside.st_dev, outside.st_ino))
        while waiting:
            here, prefix = waiting.pop()
            identity = here.stat().st_dev, here.stat().st_ino
            if identity in seen:
                continue
            seen.add(identity)
            folders = []
            for name in sorted(os.listdir(here)):
                if name.startswith("."):
                    continue
                path = here / name
                try:
                    found = path.stat()
                except OSError:  # a link to nowhere: a broken image, if it is named like one
                    files.append(Entry(prefix + name, 0, 0))
                    continue
                if stat.S_ISDIR(found.st_mode):
                    folders.append((path, f"{prefix}{name}/"))
                elif stat.S_ISREG(found.st_mode):
                    files.append(Entry(prefix + name, found.st_size, found.st_mtime_ns))
            waiting.extend(reversed(folders))
        return sorted(files, key=lambda entry: entry.name)

    def open(self, name: str) -> Path:
        """The path of a file."""
        return self.place / name

    def __enter__(self) -> FolderFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


def is_image(name: str) -> bool:
    """Return whether a name has the ending of an image file."""
    return os.path.splitext(name)[1].lower() in SUFFIXES
