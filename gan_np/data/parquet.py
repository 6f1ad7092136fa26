"""Parquet files of encoded images, as the data sets of Hugging Face are exported (the `parquet` extra, package pyarrow).

A column holds the images, each as the bytes of an image file: a struct of `bytes` and `path`, or bytes alone. Labels are a
column of names, or of integers, whose names stand in the metadata of the schema (`huggingface`, a ClassLabel) where known.
"""

from __future__ import annotations

import importlib
import io
import json
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.printable import printable

from .archives import MOST_FILES
from .dataset import Dataset
from .decode import Unreadable
from .folder import decoded_files
from .label_files import LABEL_WORDS, read_row_labels
from .layout import Entry, Layout, counted
from .npy import identity_of
from .options import ALL, NoSuchPart, Options
from .parts import PART_NAMES, natural, part_of

PARQUET = ".parquet"
_IMAGE_WORDS = ("image", "images", "img", "picture", "photo", "pixel_values")
_LARGEST_GROUP = 1 << 32
"""Bytes: a group of rows, which is read at once, that claims more is not read."""
_UNLABELLED = -1
"""What stands in the place of a label that is not given away (test parts)."""


def holds_parquet(folder: Path) -> bool:
    """Whether a folder has .parquet files where data sets have them."""
    return bool(_shards(folder))


def open_parquet(path: Path, options: Options) -> Dataset:
    """The images of a .parquet file, or of those in a folder, in the order of their rows; files are ordered by name.

    Of a folder, files named train-00000-of-00002.parquet, or in a folder called train, are its part "train", and so on.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: a damaged file; no column of images, or several; a split that is not there; no images.
        BrokenImages, ShapeError, OSError: as `folder.open_files`.
    """
    said, files = printable(path), _shards(path) if path.is_dir() else [path]
    parts: dict[str, list[Path]] = {}
    for file in files:
        parts.setdefault(_part(file, path) or "", []).append(file)
    decided: list[str] = []
    if "" in parts or options.split == ALL or path.is_file():
        if options.split != ALL:
            options.only_part(said)
        mine, others = files, []
    else:
        if options.split not in parts:
            raise NoSuchPart(f"split: {said} has no files of {options.split!r}, only of {', '.join(parts)}")
        mine = parts[options.split]
        others = [file for file in files if file not in mine]
    with _ParquetFiles(path, mine, others) as found:
        rows, beside = found.entries(), found.beside()
        if not rows:
            raise ValueError(f"{said}: no images in it (it has no rows)")
        if others:
            left = ", ".join(part for part in parts if part != options.split)
            decided.append(f"{said}: its part {options.split!r} was taken ({counted(len(rows))}); it also has {left}")
        decided.append(f"{said}: images are in its column {printable(found.column)!r}")
        layout = Layout(rows, None, beside=tuple(beside))
        if options.labels is None:
            layout = found.with_labels(layout)
        elif others:
            raise ValueError(f"labels: {said} has parts, of which one file with a label for each row cannot tell")
        else:
            labels, names = read_row_labels(options.labels, len(rows))
            layout = replace(layout, values=labels.tolist(), names=names or ())
        return decoded_files(found, layout, options, (decided, []))


class _Shard(NamedTuple):
    """One of the files: pyarrow's reader, the first row of each of its groups of rows and the number of its rows."""

    reader: Any
    starts: Array
    rows: int


class _ParquetFiles:
    """Rows of .parquet files as `ImageFiles`, called "FILE, row N"; the groups of rows that were read last are kept.

    place: the file or the folder. mine: the files that were asked for. others: those of other parts.
    """

    decided: tuple[str, ...] = ()

    def __init__(self, place: Path, mine: Sequence[Path], others: Sequence[Path]) -> None:
        try:
            self._parquet = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise ModuleNotFoundError(
                f"{printable(place)}: .parquet files are read by the package pyarrow, which is not installed: "
                'python -m pip install "gan_np[parquet]" (or: python -m pip install pyarrow)'
            ) from error
        self.place, self.said = place, printable(place)
        self.name = place.stem if place.is_file() else place.name or str(place)
        self.content: tuple[object, ...] = tuple(identity_of(file) for file in (*mine, *others))
        self._files, self._asked = [*mine, *others], len(mine)
        self._lock, self._read = threading.Lock(), dict[tuple[int, int], Any]()
        self._shards: list[_Shard] = []
        try:
            for file in self._files:
                self._shards.append(self._shard(file))
            self.column, self._inner = self._image_column()
        except BaseException:
            self.close()
            raise

    def _shard(self, file: Path) -> _Shard:
        said = printable(file)
        try:
            reader = self._parquet.ParquetFile(file)
            about = reader.metadata
            groups = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
        except Exception as error:  # a damaged file makes pyarrow raise one of several classes
            raise ValueError(f"{said}: not a readable .parquet file: {printable(error)}") from error
        rows = sum(groups)
        if min(groups, default=0) < 0 or rows > MOST_FILES:
            raise ValueError(f"{said}: claims {rows:,} rows; expected at most {MOST_FILES:,}")
        return _Shard(reader, np.cumsum([0, *groups])[:-1], rows)

    def entries(self) -> list[Entry]:
        """The rows that were asked for."""
        return self._entries(0, self._asked)

    def beside(self) -> list[Entry]:
        """The rows of other parts."""
        return self._entries(self._asked, len(self._files))

    def _entries(self, first: int, end: int) -> list[Entry]:
        return [Entry(name, 0, 0) for name, (shard, _) in self._places.items() if first <= shard < end]

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Which row of which file each name stands for."""
        root = self.place if self.place.is_dir() else self.place.parent
        return {
            f"{file.relative_to(root).as_posix()}, row {row}": (number, row)
            for number, (file, shard) in enumerate(zip(self._files, self._shards, strict=True))
            for row in range(shard.rows)
        }

    def open(self, name: str) -> io.BytesIO:
        """The image file in a row."""
        number, row = self._places[name]
        starts = self._shards[number].starts
        group = int(np.searchsorted(starts, row, "right")) - 1
        try:
            with self._lock:
                column = self._group(number, group)
            value = column[row - int(starts[group])].as_py()
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(printable(f"{type(error).__name__}: {error}")) from error
        data = value["bytes"] if self._inner and value is not None else value
        if data is None:
            raise Unreadable("holds no image (where it names a path, the file that it leads to is not read)")
        return io.BytesIO(data)

    def _group(self, number: int, group: int) -> Any:
        """The column of images of a group of rows; threads that read in order need the last two."""
        found = self._read.get((number, group))
        if found is None:
            reader = self._shards[number].reader
            claimed = reader.metadata.row_group(group).total_byte_size
            if not 0 <= claimed <= _LARGEST_GROUP:
                raise Unreadable(
                    f"is in a group of rows that claims {claimed:,} bytes; at most {_LARGEST_GROUP:,} are read"
                )
            wanted = f"{self.column}.bytes" if self._inner else self.column
            found = reader.read_row_group(group, columns=[wanted]).column(0)
            for old in list(self._read)[:-1]:
                del self._read[old]
            self._read[number, group] = found
        return found

    def _image_column(self) -> tuple[str, bool]:
        """The column of images, and whether it is a struct with `bytes`."""
        types = importlib.import_module("pyarrow").types

        def binary(kind: Any) -> bool:
            return bool(types.is_binary(kind) or types.is_large_binary(kind))

        found: dict[str, bool] = {}
        schema = self._shards[0].reader.schema_arrow
        for field in schema:
            inner = types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0
            if binary(field.type) or (inner and binary(field.type.field("bytes").type)):
                found[field.name] = bool(inner)
        chosen = next((word for word in _IMAGE_WORDS if word in found), None)
        if chosen is None and len(found) == 1:
            (chosen,) = found
        if chosen is None:
            problem = (
                f"several may hold the images ({', '.join(map(printable, found))})" if found else "none holds images"
            )
            columns = ", ".join(f"{printable(field.name)} ({printable(field.type)})" for field in schema)
            raise ValueError(
                f"{self.said}: of its columns {problem}; expected one of the bytes of image files, or of a struct with them "
                f"as `bytes`, called image; it has {columns}"
            )
        return chosen, found[chosen]

    def with_labels(self, layout: Layout) -> Layout:
        """The layout with the labels of the rows, if a column has them."""
        column, names = self._label_column()
        if column is None:
            return layout
        own = self._values(column, self._shards[: self._asked])
        told = f"{self.said}: labels are in its column {printable(column)!r}"
        missing = sum(value is None or (bool(names) and value == _UNLABELLED) for value in own)
        if missing == len(own):
            return replace(layout, decided=(f"{told}, in which these rows have none",))
        if missing:
            return replace(
                layout, warned=(f"{told}, and {missing:,} of {len(own):,} rows have none: no labels were taken",)
            )
        if isinstance(own[0], str):
            everywhere = {value for value in self._values(column, self._shards) if value is not None}
            return replace(layout, classes=own, names=tuple(sorted(everywhere, key=natural)), decided=(told,))
        if names and not (min(own) >= 0 and max(own) < len(names)):
            raise ValueError(f"{told}, with {min(own)} to {max(own)} where there are {len(names)} names of classes")
        return replace(layout, values=own, names=names, decided=(told,))

    def _values(self, column: str, shards: Sequence[_Shard]) -> Any:
        try:
            return [value for shard in shards for value in shard.reader.read(columns=[column]).column(0).to_pylist()]
        except Exception as error:
            raise ValueError(f"{self.said}, column {printable(column)}: {printable(error)}") from error

    def _label_column(self) -> tuple[str | None, tuple[str, ...]]:
        """The column of labels, and the names of its classes: a ClassLabel, else one that is called as labels are."""
        types, schema = importlib.import_module("pyarrow").types, self._shards[0].reader.schema_arrow
        classes = _class_labels(schema.metadata or {})
        integers = [field.name for field in schema if types.is_integer(field.type)]
        texts = [field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)]
        for names in ([name for name in classes if name in integers], integers, texts):
            chosen = next((word for word in LABEL_WORDS if word in names), None)
            if chosen is None and names and names[0] in classes and len(names) == 1:
                (chosen,) = names
            if chosen is not None:
                return chosen, classes.get(chosen, ())
        return None, ()

    def close(self) -> None:
        """No more rows."""
        for shard in self._shards:
            shard.reader.close()

    def __enter__(self) -> _ParquetFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _shards(path: Path) -> list[Path]:
    """The .parquet files of a folder, in it, in `data`, or in folders called as parts are (train/, default/train/)."""
    places = [path, path / "data"]
    for above in (path, path / "default"):
        places += [above / name for names in PART_NAMES.values() for name in names]
    return sorted(file for place in places for file in place.glob(f"*{PARQUET}") if not file.name.startswith("."))


def _part(file: Path, root: Path) -> str | None:
    """The part that a file is of, by the beginning of its name, or by the folder that it is in."""
    named = part_of(re.split(r"[-_.]", file.name)[0])
    return named or (part_of(file.parent.name) if file.parent != root else None)


def _class_labels(metadata: Any) -> dict[str, tuple[str, ...]]:
    """The columns that the metadata of a schema call ClassLabel, with the names of the classes."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        labels = {name: kind for name, kind in features.items() if kind.get("_type") == "ClassLabel"}
        return {
            name: tuple(map(str, kind["names"])) for name, kind in labels.items() if isinstance(kind["names"], list)
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
