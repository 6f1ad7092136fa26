"""A folder of picture files."""

from __future__ import annotations

import collections
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .cache import decoded
from .dataset import Dataset
from .decode import SUFFIXES, Found, Unreadable, decode, inspect
from .options import SPLITS, NoSuchPart, Options

_NAMED_AT_MOST = 20
_CHUNK_BYTES = 1 << 25
_CHUNK_FILES = 256


class BrokenPictures(ValueError):
    """Picture files that cannot be read.

    files: why, by path relative to the folder; all of them, while the message names the first 20.
    """

    def __init__(self, folder: Path, files: dict[str, str], advice: str) -> None:
        self.files = files
        super().__init__(f"{folder}: {_count(len(files))} cannot be read: {_named(files)}. {advice}")


@dataclass(frozen=True)
class Entry:
    """A file, by its path relative to the folder (with /), and what tells a changed one."""

    name: str
    size: int
    changed: int

    @property
    def top(self) -> str | None:
        """The first-level sub-folder it lies in."""
        first, slash, _ = self.name.partition("/")
        return first if slash else None


def open_folder(folder: Path, options: Options) -> Dataset:
    """The pictures of a folder and of all folders in it, ordered by relative path.

    Names that end like a picture's (`SUFFIXES`) count; other files and hidden ones are passed over. A folder that is
    reached twice, through links, is read once.

    Classes are the first-level sub-folders in alphabetical order, if every picture lies in one. If all first-level
    sub-folders are named train or test, they are the parts that `split` picks, each with classes of its own.

    channels: None gives 1 if all pictures are grey and 3 otherwise (alpha is laid on white; ask for 4 to keep it).
    image_size: None expects pictures of one size.

    Decoded pictures are kept in the cache folder and memory-mapped; they are decoded again when names, sizes or times
    of change differ.

    Raises:
        BrokenPictures: files that cannot be read, unless skip_broken=True; then they are left out and a warning names them.
        ShapeError: pictures of different sizes and no image_size.
        ValueError: no pictures, or a split that is not there.
        OSError: a folder that cannot be listed, or a cache folder that cannot be written to.
    """
    where, entries = _list(folder, options)
    broken: dict[str, str] = {}

    source = (str(where.resolve()), options.image_size, options.channels, options.skip_broken)
    content = [(entry.name, entry.size, entry.changed) for entry in entries]
    reading = _Reading(where, entries, options, broken)
    found = decoded(
        options.cache(),
        source,
        content,
        lambda: (reading.survey(), reading.chunks()),
        lambda: {"broken": _sorted(broken)},
    )
    left_out = dict(found.notes["broken"])
    if left_out:
        warnings.warn(
            f"{where}: left out {len(left_out):,} of {_count(len(entries))} that cannot be read: {_named(left_out)}",
            stacklevel=5,  # the caller of open or load
        )
    labels, class_names = _classes([entry for entry in entries if entry.name not in left_out])
    return Dataset(found.images, labels, class_names, folder.name or str(folder))


class _Reading:
    """Decoding of a list of files, in two passes: headers, then pixels."""

    def __init__(self, folder: Path, entries: list[Entry], options: Options, broken: dict[str, str]) -> None:
        self.folder, self.entries, self.options, self.broken = folder, entries, options, broken
        self.good: list[Entry] = []
        self.size, self.channels = (0, 0), 0

    def survey(self) -> tuple[int, int, int, int]:
        """Read all headers: (N, H, W, C) of what `chunks` will give at most."""
        first: tuple[Entry, Found] | None = None
        grey = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for entry in self.entries:
                try:
                    found = inspect(self.folder / entry.name)
                except Unreadable as error:
                    self.broken[entry.name] = str(error)
                    continue
                first = first or (entry, found)
                if self.options.image_size is None and found.size != first[1].size:
                    raise self._differ(first[0].name, first[1].size, entry.name, found.size)
                grey = grey and found.is_grey
                self.good.append(entry)
        if first is None:
            raise BrokenPictures(self.folder, self.broken, "These are all the pictures there are")
        self.size = self.options.image_size or first[1].size
        self.channels = self.options.channels or (1 if grey else 3)
        return len(self.good), *self.size, self.channels

    def chunks(self) -> Iterator[Array]:
        """Decode all pixels, with a few threads (decoders and filters release the interpreter)."""
        from concurrent.futures import ThreadPoolExecutor

        each = self.size[0] * self.size[1] * self.channels
        step = max(1, min(_CHUNK_FILES, _CHUNK_BYTES // each))
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            for start in range(0, len(self.good), step):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = list(pool.map(self._decode, self.good[start : start + step]))
                pictures = [picture for picture in found if picture is not None]
                if pictures and (self.options.skip_broken or not self.broken):
                    yield np.stack(pictures)
        if self.broken and not self.options.skip_broken:
            advice = "skip_broken=True leaves them out, with a warning"
            raise BrokenPictures(self.folder, _sorted(self.broken), advice)
        if len(self.broken) == len(self.entries):
            raise BrokenPictures(self.folder, self.broken, "These are all the pictures there are")

    def _decode(self, entry: Entry) -> Array | None:
        try:
            picture = decode(self.folder / entry.name, self.channels, self.options.image_size)
        except Unreadable as error:
            self.broken[entry.name] = str(error)
            return None
        if picture.shape[:2] != self.size:
            raise self._differ(self.good[0].name, self.size, entry.name, picture.shape[:2])
        return picture

    def _differ(self, first: str, first_size: tuple[int, ...], other: str, other_size: tuple[int, ...]) -> ShapeError:
        sizes = (f"{name} is {size[1]}×{size[0]}" for name, size in ((first, first_size), (other, other_size)))
        return ShapeError(
            f"{self.folder}: pictures differ in size ({', '.join(sizes)} pixels); give one to resize and crop them to: "
            "image_size=64 or (height, width), on the command line --image-size"
        )


def _list(folder: Path, options: Options) -> tuple[Path, list[Entry]]:
    """The folder that holds the split, and the picture files in it."""
    files = _files(folder)
    entries = [entry for entry in files if _is_picture(entry.name)]
    if not entries:
        raise ValueError(f"{folder}: no pictures in it (names ending in {_suffixes()}); {_kinds(files)}")
    tops = {entry.top for entry in entries}
    if not tops <= set(SPLITS):
        options.only_part(str(folder))
        return folder, entries
    if options.split not in tops:
        raise NoSuchPart(
            f"split: {folder} has no pictures in {options.split!r}, only in {', '.join(sorted(map(str, tops)))}"
        )
    start = len(options.split) + 1
    part = [Entry(entry.name[start:], entry.size, entry.changed) for entry in entries if entry.top == options.split]
    return folder / options.split, part


def _files(folder: Path) -> list[Entry]:
    """Regular files in a folder and the folders in it, ordered by relative path; hidden names are passed over."""
    files, waiting, seen = [], [(folder, "")], set()
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
            except OSError:  # a link to nowhere: a broken picture, if it is named like one
                files.append(Entry(prefix + name, 0, 0))
                continue
            if stat.S_ISDIR(found.st_mode):
                folders.append((path, f"{prefix}{name}/"))
            elif stat.S_ISREG(found.st_mode):
                files.append(Entry(prefix + name, found.st_size, found.st_mtime_ns))
        waiting.extend(reversed(folders))
    return sorted(files, key=lambda entry: entry.name)


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _classes(entries: list[Entry]) -> tuple[Array | None, tuple[str, ...] | None]:
    tops = [entry.top for entry in entries]
    names = [name for name in tops if name is not None]
    if len(names) < len(tops):
        return None, None
    class_names = tuple(sorted(set(names)))
    number = {name: index for index, name in enumerate(class_names)}
    return np.array([number[name] for name in names], np.int64), class_names


def _sorted(files: dict[str, str]) -> dict[str, str]:
    return dict(sorted(files.items()))


def _count(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _named(files: dict[str, str]) -> str:
    shown = [f"{name} ({reason})" for name, reason in list(files.items())[:_NAMED_AT_MOST]]
    more = len(files) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _suffixes() -> str:
    return ", ".join(sorted(SUFFIXES))


def _kinds(files: list[Entry]) -> str:
    if not files:
        return "it has no files at all"
    kinds = collections.Counter(os.path.splitext(entry.name)[1].lower() or "(no ending)" for entry in files)
    return "found " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(8))
