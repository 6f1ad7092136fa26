"""A folder of image files, or an archive of them."""

from __future__ import annotations

import collections
import contextlib
import functools
import operator
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.printable import printable

from . import ranges
from .cache import decoded
from .dataset import Dataset
from .decode import SUFFIXES, Found, Unreadable, decode, extent, inspect
from .extent import Extent
from .image_files import FolderFiles, ImageFiles, is_image
from .label_files import DATASET_JSON, Labelled, Names, labels_of_json, read_labels
from .layout import Entry, Layout, lay_out
from .options import Options
from .passed_over import passed_over
from .ranges import Scale
from .raw import finished_with, kept_as, scales_of

_NAMED_AT_MOST = 20
_CHUNK_BYTES = 1 << 25
_CHUNK_FILES = 256
Result = TypeVar("Result")


class BrokenImages(ValueError):
    """Image files that cannot be read.

    files: why, by path relative to the folder or in the archive; all of them, while the message names the first 20.
    """

    def __init__(self, said: str, files: dict[str, str], advice: str) -> None:
        self.files = files
        super().__init__(f"{said}: {_count(len(files))} cannot be read: {_named(files)}. {advice}")


class DifferentSizes(ShapeError):
    """Images of several sizes, where nobody has said which one to bring them to."""


class NoImages(ValueError):
    """There are files, or none, and none is an image."""


def open_folder(folder: Path, options: Options) -> Dataset:
    """The images of a folder and of all folders in it, see `open_files`; a folder that is reached twice, through links, is
    read once."""
    with FolderFiles(folder, lambda: options.cache() / "decoded") as files:
        return open_files(files, options)


def open_files(files: ImageFiles, options: Options) -> Dataset:
    """Images in files, ordered by relative path.

    Names that end like an image's (`SUFFIXES`) count; hidden files are not looked at, and other files are passed over,
    with a warning unless they are text beside the images.

    Parts and classes are those of `layout.lay_out`. Labels that stand in a file, that of `options.labels` or a dataset.json
    inside or beside, are those of all images, and folders are no classes then.

    channels: None gives 1 if all images are grey and 3 otherwise (alpha is laid on white; ask for 4 to keep it).
    image_size: None expects images of one size.
    value_range: of grey images of more than 8 bits where there are any (None: one rule for all of them, of all parts),
        otherwise of all images.

    Decoded images are kept in the cache folder and memory-mapped; they are decoded again when names, sizes or times
    of change differ.

    Raises:
        BrokenImages: files that cannot be read, unless skip_broken=True; then they are left out and a warning names them.
        DifferentSizes: images of different sizes and no image_size.
        ValueError: no images, more of them in formats that are not read here than others (unless skip_broken=True),
            values whose range cannot be told, a split that is not there, labels in a file that are not those of the images.
        OSError: a folder that cannot be listed, or a cache folder that cannot be written to.
    """
    listed, said = files.entries(), files.said
    entries = [entry for entry in listed if is_image(entry.name)]
    if not entries:
        raise NoImages(f"{said}: no images in it (names ending in {_suffixes()}); {_kinds(listed)}")
    labelled = labels_beside(files, listed, entries, options)
    others = [entry.name for entry in listed if not is_image(entry.name) and entry.name != labelled.inside]
    warned, decided = passed_over(said, others, len(entries), options)
    layout = lay_out(said, entries, options, classes=labelled.folders)
    if labelled.found is not None:
        layout = _with_labels(layout, labelled.found, entries, said)
    return decoded_files(files, layout, options, ([*files.decided, *labelled.decided, *decided], warned))


def decoded_files(
    files: ImageFiles, layout: Layout, options: Options, told: tuple[list[str], list[str]] | None = None
) -> Dataset:
    """The images of a layout from the cache, or decoded now and kept there.

    told: what was decided and what is warned of already, in sentences. For errors see `open_files`.
    """
    said, (decided, warned) = files.said, told or ([], [])
    named = (options.split, options.image_size, options.channels, options.value_range, *options.unusual())
    source = (str(files.place.resolve()), *named)
    content = [
        *files.content,
        *((entry.name, entry.size, entry.changed) for entry in (*layout.entries, *layout.beside)),
    ]
    reading = _Reading(files, layout, options)
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
        files.name,
        (*layout.decided, *decided, *finished.decided),
        (*layout.warned, *warned, *finished.warned),
    )


class LabelsBeside(NamedTuple):
    """Labels that stand in a file.

    found: what it says. inside: its name among the files, if it is one of them. folders: whether folders are classes, since
    no file says which labels there are. decided: in sentences.
    """

    found: Labelled | None = None
    inside: str | None = None
    folders: bool = True
    decided: tuple[str, ...] = ()


def labels_beside(files: ImageFiles, listed: list[Entry], entries: list[Entry], options: Options) -> LabelsBeside:
    """The labels that the caller names a file of, or else those of a dataset.json inside, or beside the folder or archive if
    it is about images in it.

    Raises:
        FileNotFoundError, ValueError: the file is not there, or does not hold labels of these images.
    """
    names = Names([entry.name for entry in entries])
    if options.labels is not None:
        found = read_labels(options.labels, names)
        return LabelsBeside(found, None, False, found.decided)
    if any(entry.name == DATASET_JSON for entry in listed):
        said = f"{files.said}, {DATASET_JSON}"
        try:
            opened = files.open(DATASET_JSON)
            data = opened.read_bytes() if isinstance(opened, Path) else opened.read()
        except Unreadable as error:
            raise ValueError(f"labels: {said}: {error}") from error
        inside = labels_of_json(data, said)
        if inside is None:
            return LabelsBeside(None, DATASET_JSON, False, (f"{said}: says that these images have no labels",))
        return LabelsBeside(inside, DATASET_JSON, False, inside.decided)
    beside = files.place.parent / DATASET_JSON
    if files.place.resolve().parent == files.place.resolve() or not beside.is_file():
        return LabelsBeside()
    try:
        theirs = read_labels(beside, names)
    except ValueError:
        return LabelsBeside()  # of another form: about something else
    if not any(names.find(file, theirs.said) for file in theirs.files):
        return LabelsBeside()
    return LabelsBeside(theirs, None, False, theirs.decided)


def _with_labels(layout: Layout, found: Labelled, entries: list[Entry], said: str) -> Layout:
    names = Names([entry.name for entry in entries])
    labels = found.of([entry.name for entry in layout.entries], names, where=said)
    if found.names:
        return replace(layout, classes=labels, names=found.names)
    return replace(layout, values=labels)


class _Reading:
    """Decoding of a list of files: headers, then the values of deep grey, then pixels."""

    def __init__(self, files: ImageFiles, layout: Layout, options: Options) -> None:
        self.files, self.entries, self.beside, self.options = files, layout.entries, layout.beside, options
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
                    found = inspect(self.files.open(entry.name))
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
            raise BrokenImages(self.files.said, self.broken, "These are all the images there are")
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
                    if (kind := inspect(self.files.open(entry.name)).deep) in deep:
                        deep[kind].append(entry)
        said = self.files.said
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
            raise BrokenImages(self.files.said, _sorted(self.broken), advice)
        if len(self.broken) == len(self.entries):
            raise BrokenImages(self.files.said, self.broken, "These are all the images there are")

    def _in_threads(self, work: Callable[[Entry], Result], entries: list[Entry]) -> list[Result]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(pool.map(work, entries))

    def _extent(self, entry: Entry) -> Extent | None:
        try:
            return extent(self.files.open(entry.name))
        except Unreadable as error:
            if entry not in self.beside:  # other parts were not asked for
                self.broken[entry.name] = str(error)
            return None

    def _decode(self, entry: Entry) -> Array | None:
        if entry.name in self.broken:  # its values were looked at before
            return None
        try:
            image = decode(
                self.files.open(entry.name),
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

    def _differ(
        self, first: str, first_size: tuple[int, ...], other: str, other_size: tuple[int, ...]
    ) -> DifferentSizes:
        pairs = ((first, first_size), (other, other_size))
        sizes = (f"{printable(name)} is {size[1]}×{size[0]}" for name, size in pairs)
        given = self.options.advise(image_size=64) + (" or (height, width)" * (self.options.argument == "source"))
        return DifferentSizes(
            f"{self.files.said}: images differ in size ({', '.join(sizes)} pixels); give one to resize and crop "
            f"them to: {given}"
        )


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
