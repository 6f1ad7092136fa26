"""The files of a .tar archive, gzipped or not, each read when it is asked for."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from gan_np.files import write_atomically
from gan_np.folders import VARIABLE
from gan_np.printable import printable

from .archives import LARGEST, MOST_FILES, damaged, is_hidden, leads_out, plain_name, stem_of, without_root
from .cache import hashed
from .decode import Unreadable
from .image_files import is_image
from .layout import Entry
from .npy import identity_of

_CHUNK = 1 << 20
_LEFT_FREE = 1 << 26
"""Bytes that decompressing leaves free on the disk, which other programs write to."""
_LONGEST_HEADER = 1 << 24
"""Bytes of a header (a name, say) that tarfile is let read: it would read into memory whatever one claims."""


class _Member(NamedTuple):
    """Where a file lies in the archive, or why it cannot be read."""

    offset: int
    size: int
    changed: int
    problem: str | None


class TarFiles:
    """A .tar archive as `ImageFiles`, or a gzipped one; of two files of one name the last counts, as when it is unpacked.

    There is no way into the middle of a gzipped archive: if an image is asked for, all of it is decompressed once, into a
    file without a name in the cache folder; the list is kept there, so that images that were decoded before need none of
    that.

    cache: gives the cache folder.

    Raises:
        ValueError: it is not one, or a damaged one. OSError: no room on the disk to decompress it.
    """

    def __init__(self, path: Path, cache: Callable[[], Path]) -> None:
        self.place, self.said, self.name, self._cache = path, printable(path), stem_of(path), cache
        self.content: tuple[object, ...] = identity_of(path)[1:]
        self._packed = not path.name.lower().endswith(".tar")
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    @property
    def decided(self) -> tuple[str, ...]:
        """Which folder in it was taken as its own."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[dict[str, _Member], tuple[str, ...]]:
        kept = (
            self._cache() / "listings" / f"{hashed(('tar', *identity_of(self.place)))}.json" if self._packed else None
        )
        members = None if kept is None else _read(kept)
        if members is None:
            try:
                members = _members(self._opened())
            except OSError as error:
                if not isinstance(error, gzip.BadGzipFile):
                    raise
                raise damaged(self.place, error) from error
            except Exception as error:  # a damaged file makes tarfile raise nearly anything
                raise damaged(self.place, error) from error
            if kept is not None:
                write_atomically(kept, json.dumps(members).encode())
        return without_root(self.said, members, is_image)

    def entries(self) -> list[Entry]:
        """Return all files, ordered by name."""
        entries = (Entry(name, member.size, member.changed) for name, member in self._found[0].items())
        return sorted(entries, key=lambda entry: entry.name)

    def open(self, name: str) -> io.BytesIO:
        """The contents of a file."""
        member = self._found[0][name]
        if member.problem is not None:
            raise Unreadable(member.problem)
        with self._lock:
            file = self._opened()
            file.seek(member.offset)
            data = file.read(member.size)
        if len(data) != member.size:
            raise Unreadable(f"has {len(data):,} bytes where {member.size:,} were promised: the archive is cut off")
        return io.BytesIO(data)

    def _opened(self) -> IO[bytes]:
        """Return the archive as an open file, decompressed."""
        if self._file is None:
            self._file = self._unpacked() if self._packed else self.place.open("rb")
        return self._file

    def _unpacked(self) -> IO[bytes]:
        folder = self._cache()
        file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed with the archive)
        room = shutil.disk_usage(folder).free - _LEFT_FREE
        try:
            with gzip.open(self.place) as packed:
                while chunk := packed.read(_CHUNK):
                    room -= len(chunk)
                    if room < 0:
                        raise OSError(
                            f"the cache folder {printable(folder)} has too little room to decompress {self.said}; name "
                            f"another folder with {VARIABLE} or cache_dir"
                        )
                    file.write(chunk)
        except BaseException:
            file.close()
            raise
        return file

    def __enter__(self) -> TarFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


class _Headers:
    """What tarfile reads headers from: a file of which it gets no more at once than a header may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._inside = file

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise ValueError(f"a header of {size:,} bytes")
        return self._inside.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inside.seek(offset, whence)

    def tell(self) -> int:
        return self._inside.tell()


def _members(file: IO[bytes]) -> dict[str, _Member]:
    found: dict[str, _Member] = {}
    file.seek(0)
    headers: Any = _Headers(file)
    with tarfile.open(fileobj=headers, mode="r:") as archive:
        before = -1
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep all of them
            if archive.offset <= before or info.size < 0:  # which would go round for ever
                raise ValueError(f"a file of {info.size:,} bytes")
            before = archive.offset
            name = plain_name(info.name)
            if info.isdir() or is_hidden(name):
                continue
            found[name] = _Member(info.offset_data, info.size, int(info.mtime), _problem(info, name))
            if len(found) > MOST_FILES:
                raise ValueError(f"more than {MOST_FILES:,} files")
    return found


def _problem(info: tarfile.TarInfo, name: str) -> str | None:
    if leads_out(name):
        return "its name leads out of the archive"
    if info.issym() or info.islnk():
        return "is a link, and links in archives are not followed"
    if info.issparse():
        return "is a sparse file, which is not read here"
    if not info.isreg():
        return "is not a file"
    if info.size > LARGEST:
        return f"claims {info.size:,} bytes, more than the {LARGEST:,} of any image here"
    return None


def _read(kept: Path) -> dict[str, _Member] | None:
    """A list that was kept; None if it is not there, or damaged."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return {str(name): _Member(*values) for name, values in json.loads(kept.read_bytes()).items()}
    return None
