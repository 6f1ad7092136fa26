"""A folder of image files."""

from __future__ import annotations

import collections
import contextlib
import functools
import operator
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.printable import printable

from . import ranges
from .cache import decoded
from .dataset import Dataset
from .decode import SUFFIXES, Found, Unreadable, decode, extent, inspect
from .layout import Entry, Layout, lay_out
from .options import Options
from .passed_over import passed_over
from .ranges import Extent, Scale
from .raw import finished_with, kept_as, scales_of

_NAMED_AT_MOST = 20
_CHUNK_BYTES = 1 << 25
_CHUNK_FILES = 256
Result = TypeVar("Result")


class BrokenImages(ValueError):
    """Image files that cannot be read.

    files: why, by path relative to the folder; all of them, while the message names the first 20.
    """

    def __init__(self, folder: Path, files: dict[str, str], advice: str) -> None:
        self.files = files
        super().__init__(f"{printable(folder)}: {_count(len(files))} cannot be read: {_named(files)}. {advice}")


def open_folder(folder: Path, options: Options) -> Dataset:
    """The images of a folder and of all folders in it, ordered by relative path.

    Names that end like an image's (`SUFFIXES`) count; hidden files are not looked at, and other files are passed over,
    with a warning unless they are text beside the images. A folder that is reached twice, through links, is read once.

    Parts and classes are those of `layout.lay_out`.

    channels: None gives 1 if all images are grey and 3 otherwise (alpha is laid on white; ask for 4 to keep it).
    image_size: None expects images of one size.
    value_range: of grey images of more than 8 bits where there are any (None: one rule for all of them, of all parts),
        otherwise of all images.

    Decoded images are kept in the cache folder and memory-mapped; they are decoded again when names, sizes or times
    of change differ.

    Raises:
        BrokenImages: files that cannot be read, unless skip_broken=True; then they are left out and a warning names them.
        ShapeError: images of different sizes and no image_size.
        ValueError: no images, more of them in formats that are not read here than others (unless skip_broken=True),
            values whose range cannot be told, or a split that is not there.
        OSError: a folder that cannot be listed, or a cache folder that cannot be written to.
    """
    files = _files(folder, options.cache() / "decoded")
    entries = [entry for entry in files if _is_image(entry.name)]
    said = printable(folder)
    if not entries:
        raise ValueError(f"{said}: no images in it (names ending in {_suffixes()}); {_kinds(files)}")
    others = [entry for entry in files if not _is_image(entry.name)]
    warned, decided = passed_over(said, [entry.name for entry in others], len(entries), options)
    layout = lay_out(said, entries, options)

    named = (options.split, options.image_size, options.channels, options.value_range, *options.unusual())
    source = (str(folder.resolve()), *named)
    content = [(entry.name, entry.size, entry.changed) for entry in (*layout.entries, *layout.beside)]
    reading = _Reading(folder, layout, options)
    found = decoded(
        options.cache(),
        (*source, options.skip_broken),
        content,
        lambda: (reading.survey(), reading.chunks()),
        lambda: {"broken": _sorted(reading.broken), "halved": reading.halved, **kept_as([*reading.scales.values()])},
        options.dtype,
    )
    left_out = dict(found.notes["broken"])
    if left_out:
        warned.append(
            f"{said}: left out {len(left_out):,} of {_count(len(layout.entries))} that cannot be read: {_named(left_out)}"
        )
    if halved := int(found.notes["halved"]):
        warned.append(
            f"{said}: {_count(halved)} with 16 bits a channel in colour or beside alpha, of which the upper 8 are read; "
            "convert them to 8 bits if their values do not use all 16"
        )
    labels, class_names = layout.labels(left_out)
    finished = finished_with(said, found.images, scales_of(found.notes), options)
    return Dataset(
        found.images,
        labels,
        class_names,
        folder.name or str(folder),
        (*layout.decided, *decided, *finished.decided),
        (*layout.warned, *warned, *finished.warned),
    )


class _Reading:
    """Decoding of a list of files: headers, then the values of deep grey, then pixels."""

    def __init__(self, folder: Path, layout: Layout, options: Options) -> None:
        self.folder, self.entries, self.beside, self.options = folder, layout.entries, layout.beside, options
        self.broken: dict[str, str] = {}
        self.good: list[Entry] = []
        self.scales: dict[str | None, Scale] = {}
        self.halved = 0
        self.size, self.channels = (0, 0), 0

    def survey(self) -> tuple[int, int, int, int]:
        """Read all headers: (N, H, W, C) of what `chunks` will give at most."""
        first: tuple[Entry, Found] | None = None
        grey = True
        deep: dict[str, list[Entry]] = {}
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
                self.halved += found.halved
                self.good.append(entry)
                if found.deep is not None:
                    deep.setdefault(found.deep, []).append(entry)
        if first is None:
            raise BrokenImages(self.folder, self.broken, "These are all the images there are")
        self.size = self.options.image_size or first[1].size
        self.channels = self.options.channels or (1 if grey else 3)
        self._find_scales(deep)
        return len(self.good), *self.size, self.channels

    def _find_scales(self, deep: dict[str, list[Entry]]) -> None:
        asked = self.options.value_range
        if not deep and asked is not None:
            self.scales[None] = Scale("i", asked, Extent(0.0, 255.0), asked=True)
        if deep and asked is None:
            for entry in self.beside:
                with warnings.catch_warnings(), contextlib.suppress(Unreadable):
                    warnings.simplefilter("ignore")
                    if (kind := inspect(self.folder / entry.name).deep) in deep:
                        deep[kind].append(entry)
        said = printable(self.folder)
        for kind, entries in deep.items():
            extents = [found for found in self._in_threads(self._extent, entries) if found is not None]
            if extents:
                seen = functools.reduce(operator.or_, extents)
                name = f"{said}, grey images of more than 8 bits"
                self.scales[kind] = (
                    ranges.decide(name, kind, seen, self.options.advise_range())
                    if asked is None
                    else Scale(kind, asked, seen, asked=True)
                )

    def chunks(self) -> Iterator[Array]:
        """Decode all pixels, with a few threads (decoders and filters release the interpreter)."""
        each = self.size[0] * self.size[1] * self.channels
        step = max(1, min(_CHUNK_FILES, _CHUNK_BYTES // each))
        for start in range(0, len(self.good), step):
            found = self._in_threads(self._decode, self.good[start : start + step])
            images = [image for image in found if image is not None]
            if images and (self.options.skip_broken or not self.broken):
                yield np.stack(images)
        if self.broken and not self.options.skip_broken:
            advice = f"{self.options.advise(skip_broken=True)} leaves them out, with a warning"
            raise BrokenImages(self.folder, _sorted(self.broken), advice)
        if len(self.broken) == len(self.entries):
            raise BrokenImages(self.folder, self.broken, "These are all the images there are")

    def _in_threads(self, work: Callable[[Entry], Result], entries: list[Entry]) -> list[Result]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(pool.map(work, entries))

    def _extent(self, entry: Entry) -> Extent | None:
        try:
            return extent(self.folder / entry.name)
        except Unreadable as error:
            if entry not in self.beside:  # other parts were not asked for
                self.broken[entry.name] = str(error)
            return None

    def _decode(self, entry: Entry) -> Array | None:
        if entry.name in self.broken:  # its values were looked at before
            return None
        try:
            image = decode(
                self.folder / entry.name,
                self.channels,
                self.options.image_size,
                self.scales,
                fit=self.options.fit,
                dtype=self.options.dtype,
            )
        except Unreadable as error:
            self.broken[entry.name] = str(error)
            return None
        if image.shape[:2] != self.size:
            raise self._differ(self.good[0].name, self.size, entry.name, image.shape[:2])
        return image

    def _differ(self, first: str, first_size: tuple[int, ...], other: str, other_size: tuple[int, ...]) -> ShapeError:
        pairs = ((first, first_size), (other, other_size))
        sizes = (f"{printable(name)} is {size[1]}×{size[0]}" for name, size in pairs)
        given = self.options.advise(image_size=64) + (" or (height, width)" * (self.options.argument == "source"))
        return ShapeError(
            f"{printable(self.folder)}: images differ in size ({', '.join(sizes)} pixels); give one to resize and crop "
            f"them to: {given}"
        )


def _files(folder: Path, not_in: Path) -> list[Entry]:
    """Regular files in a folder and the folders in it but one, ordered by relative path; hidden names are passed over.

    The order is that of the letters, not the natural one: training draws by number, so another order is another training.
    """
    files, waiting, seen = [], [(folder, "")], set()
    with contextlib.suppress(OSError):
        seen.add((not_in.stat().st_dev, not_in.stat().st_ino))
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


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _sorted(files: dict[str, str]) -> dict[str, str]:
    return dict(sorted(files.items()))


def _count(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _named(files: dict[str, str]) -> str:
    shown = [f"{printable(name)} ({reason})" for name, reason in list(files.items())[:_NAMED_AT_MOST]]
    more = len(files) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _suffixes() -> str:
    return ", ".join(sorted(SUFFIXES))


def _kinds(files: list[Entry]) -> str:
    if not files:
        return "it has no files at all"
    kinds = collections.Counter(os.path.splitext(entry.name)[1].lower() or "(no ending)" for entry in files)
    return "found " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(8))
