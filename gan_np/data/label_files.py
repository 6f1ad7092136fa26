"""Labels in a file of their own: a table of text (.csv, .tsv), or StyleGAN's dataset.json.

A table for image files has a column of their names and one of their labels, and a first line that names the columns. For
arrays and vectors, whose rows have no names, it has a label for each row, in order.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.files import regular
from gan_np.printable import printable

from .dataset import MOST_LABELS
from .parts import natural
from .table import separator_of

DATASET_JSON = "dataset.json"
"""Where StyleGAN's tools keep labels: {"labels": [["00000/img00000000.png", 3], …]}."""

FILE_WORDS = (
    "file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "image_name", "image_file",
    "image_id", "img", "img_path", "img_name", "name", "id",
)  # fmt: skip
LABEL_WORDS = (
    "label", "labels", "class", "class_name", "classname", "class_id", "category", "category_name", "category_id", "target",
    "y",
)  # fmt: skip
"""What a column of file names and one of labels is called, in lower case; the first that there is counts."""

_LARGEST = 1 << 30
_NAMED_AT_MOST = 5
_LONGEST = 60
_NUMBER = re.compile(r"[+-]?\d{1,18}")


@dataclass(frozen=True)
class Labelled:
    """The labels that a file holds, by file name or by row.

    said: the file's name, for messages. files: the name of a file for each label, as it is written there. labels: numbers,
    or names of classes. decided: which columns were read, in a sentence.
    """

    said: str
    files: list[str]
    labels: list[int] | list[str]
    decided: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, in natural order; none where labels are numbers."""
        return tuple(sorted({label for label in self.labels if isinstance(label, str)}, key=natural))

    def of(self, wanted: Sequence[str], known: Names, *, where: str) -> list[Any]:
        """The label of each image of `wanted`.

        known: all images there are. where: what holds them, for messages.

        Raises:
            ValueError: an image without a label, or with two; a file that is not there.
        """
        found: dict[str, int | str] = {}
        strangers: list[str] = []
        labels: Sequence[int | str] = self.labels
        for file, label in zip(self.files, labels, strict=True):
            name = known.find(file, self.said)
            if name is None:
                strangers.append(file)
            elif found.setdefault(name, label) != label:
                raise ValueError(f"labels: {self.said} has two labels for {printable(name)}: {found[name]} and {label}")
        if strangers:
            raise ValueError(
                f"labels: {self.said} names {_listed(strangers, 'file')} that {where} does not have as images"
            )
        missing = [name for name in wanted if name not in found]
        if missing:
            raise ValueError(f"labels: {self.said} has no label for {_listed(missing, 'image')} of {where}")
        return [found[name] for name in wanted]


class Names:
    """Images by their names as other files write them: with more folders in front or fewer, with the ending or without."""

    def __init__(self, names: Sequence[str]) -> None:
        self._whole = set(names)
        self._by_last: dict[str, list[list[str]]] = {}
        for name in names:
            pieces = name.split("/")
            for last in {pieces[-1], _stem(pieces[-1])}:
                self._by_last.setdefault(last, []).append(pieces)

    def find(self, text: str, said: str) -> str | None:
        """The image that a file `said` calls so: the one of just this path, or else the only one for which one of the two
        paths ends with the other.

        Raises:
            ValueError: there are several.
        """
        name = text.strip().replace("\\", "/").removeprefix("./")
        if name in self._whole:
            return name
        pieces = name.split("/")
        found = ["/".join(other) for other in self._by_last.get(pieces[-1], []) if _ends_alike(pieces[:-1], other[:-1])]
        if len(found) > 1:
            raise ValueError(
                f"labels: {said}, {_cut(text)!r} may be any of {_listed(found, 'image')}; write the whole path"
            )
        return found[0] if found else None


def _ends_alike(one: list[str], other: list[str]) -> bool:
    shared = min(len(one), len(other))
    return shared == 0 or one[-shared:] == other[-shared:]


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def read_labels(path: Path, known: Names) -> Labelled:
    """The labels of image files, from a table or from a file in the form of dataset.json.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not one, has no two columns that are file names and labels, or a line without a label.
    """
    said = printable(path)
    if path.suffix.lower() == ".json":
        found = labels_of_json(_regular(path).read_bytes(), said)
        if found is None:
            raise ValueError(f"labels: {said} has no labels in it ({{'labels': null}})")
        return found
    rows = _rows(path)
    head = [_plain(cell) for cell in rows[0][1]]
    columns = _columns(head)
    if columns is None:
        raise ValueError(
            f"labels: {said} must have a column of file names ({', '.join(FILE_WORDS[:6])}, …) and one of labels "
            f"({', '.join(LABEL_WORDS[:4])}, …), or just two columns; its first line is {_cut(', '.join(rows[0][1]))!r}"
        )
    of_files, of_labels = columns
    first = rows[0][1]
    if len(first) == 2 and known.find(first[0], said) is not None:
        body, decided = rows, f"labels: {said} has no line that names its columns; the first is read as file names"
    else:
        body = rows[1:]
        named = [_cut(first[column]) for column in (of_files, of_labels)]
        decided = f"labels: of {said}, file names in its column {named[0]!r}, labels in {named[1]!r}"
    cells = [_cells(said, row, max(columns)) for row in body]
    labels = _values(said, [(number, row[of_labels]) for number, row in zip((n for n, _ in body), cells, strict=True)])
    return Labelled(said, [row[of_files] for row in cells], labels, (decided,))


def labels_of_json(data: bytes, said: str) -> Labelled | None:
    """What a file in the form of dataset.json says; None where it says that there are no labels.

    Raises:
        ValueError: it is none, or its labels are not integers.
    """
    try:
        pairs = json.loads(data)["labels"]
        if pairs is None:
            return None
        files, labels = [file for file, _ in pairs], [label for _, label in pairs]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(
            f'labels: {said} is not of the form {{"labels": [["file.png", 3], …]}}: {type(error).__name__}: '
            f"{printable(error)}"
        ) from error
    wrong = next((label for label in labels if type(label) is not int or not -(1 << 63) <= label < 1 << 63), None)
    if wrong is not None or not all(isinstance(file, str) for file in files):
        shown = f"the label {_cut(repr(wrong))}" if wrong is not None else "a file without a name"
        raise ValueError(f'labels: {said}: expected pairs of a file and an integer ["file.png", 3], got {shown}')
    return Labelled(said, files, labels, (f"labels: those of {said}",))


def read_row_labels(path: Path, count: int) -> tuple[Array, tuple[str, ...] | None]:
    """A label for each of `count` rows, in order, and the names of the classes where labels are names.

    The file has one column, or one that is called as a column of labels is. A line more than there are rows is the names of
    columns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError, ShapeError: no such column; another number of labels.
    """
    said = printable(path)
    rows = _rows(path)
    head = [_plain(cell) for cell in rows[0][1]]
    column = next((head.index(word) for word in LABEL_WORDS if word in head), None)
    if column is None and len(head) > 1:
        raise ValueError(
            f"labels: {said} must have one column, or one called {', '.join(LABEL_WORDS[:4])}, …; its first line is "
            f"{_cut(', '.join(rows[0][1]))!r}"
        )
    body = rows[1:] if column is not None or len(rows) == count + 1 else rows
    if len(body) != count:
        raise ShapeError(f"labels: expected one label for each of {count:,} rows, {said} has {len(body):,}")
    values = _values(said, [(number, _cells(said, (number, row), column or 0)[column or 0]) for number, row in body])
    names = tuple(sorted({value for value in values if isinstance(value, str)}, key=natural))
    if not names:
        return np.array(values, np.int64), None
    number_of = {name: number for number, name in enumerate(names)}
    return np.array([number_of[str(value)] for value in values], np.int64), names


def _regular(path: Path) -> Path:
    try:
        return regular(path, _LARGEST)
    except FileNotFoundError:
        raise FileNotFoundError(f"labels: no such file: {printable(path)}") from None
    except ValueError as error:
        raise ValueError(f"labels: {error}") from error


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The lines of a table that are not empty, with their numbers."""
    said = printable(path)
    try:
        text = _regular(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"labels: {said} is not text in UTF-8: {error}") from error
    separator = separator_of(text.partition("\n")[0])
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ValueError(f"labels: {said}: {error}") from error
    if not rows or len(rows) > MOST_LABELS:
        raise ValueError(f"labels: {said} has {len(rows):,} lines; expected 1 to {MOST_LABELS:,}")
    return rows


def _columns(head: list[str]) -> tuple[int, int] | None:
    """Which column has file names, and which labels."""
    labels = next((head.index(word) for word in LABEL_WORDS if word in head), None)
    files = next((head.index(word) for word in FILE_WORDS if word in head), None)
    if len(head) == 2:
        files = files if files is not None else 0 if labels is None else 1 - labels
        labels = 1 - files
    return None if files is None or labels is None else (files, labels)


def _cells(said: str, row: tuple[int, list[str]], last: int) -> list[str]:
    number, cells = row
    if len(cells) <= last:
        raise ValueError(f"labels: {said}, line {number} has {len(cells)} cells, expected at least {last + 1}")
    return cells


def _values(said: str, cells: Sequence[tuple[int, str]]) -> list[int] | list[str]:
    """Labels that are all integers as numbers, others as texts."""
    texts = [cell.strip() for _, cell in cells]
    empty = next((number for (number, _), text in zip(cells, texts, strict=True) if not text), None)
    if empty is not None:
        raise ValueError(f"labels: {said}, line {empty} has no label")
    return [int(text) for text in texts] if all(map(_NUMBER.fullmatch, texts)) else texts


def _plain(cell: str) -> str:
    return re.sub(r"[ -]+", "_", cell.strip().lower())


def _cut(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def _listed(names: Sequence[str], what: str) -> str:
    shown = ", ".join(_cut(name) for name in names[:_NAMED_AT_MOST])
    more = f" and {len(names) - _NAMED_AT_MOST:,} more" if len(names) > _NAMED_AT_MOST else ""
    return f"{len(names):,} {what}{'s' * (len(names) > 1)} ({shown}{more})"
