"""The files of a .zip archive, each read when it is asked for."""

from __future__ import annotations

import io
import stat
import threading
import zipfile
from functools import cached_property
from pathlib import Path
from types import TracebackType

from gan_np.printable import printable

from .archives import LARGEST, check_count, damaged, is_hidden, leads_out, plain_name, stem_of, without_root
from .decode import Unreadable
from .image_files import is_image
from .layout import Entry
from .npy import identity_of
from .npz import DEFLATE_AT_MOST


class ZipFiles:
    """A .zip archive as `ImageFiles`; of two files of one name the last counts, as when it is unpacked.

    Raises:
        ValueError: it is not one, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        self.place, self.said, self.name = path, printable(path), stem_of(path)
        self.content: tuple[object, ...] = identity_of(path)[1:]
        self._lock = threading.Lock()
        try:
            self._archive = zipfile.ZipFile(path)
        except OSError:
            raise
        except Exception as error:  # a damaged file makes zipfile raise nearly anything
            raise damaged(path, error) from error

    @property
    def decided(self) -> tuple[str, ...]:
        """Which folder in it was taken as its own."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[dict[str, zipfile.ZipInfo], tuple[str, ...]]:
        check_count(self.said, self._archive.infolist())
        members = {
            name: info
            for info in self._archive.infolist()
            if not info.is_dir() and not is_hidden(name := plain_name(info.filename))
        }
        return without_root(self.said, members, is_image)

    def entries(self) -> list[Entry]:
        """All files, ordered by name; what tells a changed one is its checksum."""
        entries = (Entry(name, info.file_size, info.CRC) for name, info in self._found[0].items())
        return sorted(entries, key=lambda entry: entry.name)

    def open(self, name: str) -> io.BytesIO:
        """The contents of a file; its claims have been held against the size of the archive before."""
        info = self._found[0][name]
        if leads_out(plain_name(info.filename)):
            raise Unreadable("its name leads out of the archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Unreadable("is a link, and links in archives are not followed")
        if info.flag_bits & 1:
            raise Unreadable("is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable(f"compression method {info.compress_type} is not read here; expected deflate or none")
        held = min(info.compress_size, self.place.stat().st_size)
        if info.file_size > DEFLATE_AT_MOST * held + 64:
            raise Unreadable(f"claims {info.file_size:,} bytes, more than an archive of this size can hold")
        if info.file_size > LARGEST:
            raise Unreadable(f"claims {info.file_size:,} bytes, more than the {LARGEST:,} of any image here")
        try:
            with self._lock, self._archive.open(info) as member:
                return io.BytesIO(member.read())  # at most what the list claims; at the end the checksum is compared
        except Exception as error:
            raise Unreadable(printable(f"{type(error).__name__}: {error}")) from error

    def __enter__(self) -> ZipFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._archive.close()
