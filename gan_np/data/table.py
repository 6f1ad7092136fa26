"""Vectors: arrays (N, m) of floats, and tables as text."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path

import numpy as np

from gan_np.arrays import Array, DType
from gan_np.checks import ShapeError
from gan_np.printable import printable

from .dataset import Dataset, check_vectors
from .encoding import check_finite
from .options import Options

SUFFIXES = (".csv", ".tsv")
_SEPARATORS = (",", ";", "\t")
_LOOKED_AT = 1 << 16
_LONGEST = 40


def holds_vectors(shape: tuple[int, ...], dtype: DType) -> bool:
    """Whether an array of this shape and dtype holds vectors: (N, m) of floats."""
    return len(shape) == 2 and dtype.kind == "f"


def vectors_of(
    array: Array,
    labels: Array | None,
    name: str,
    options: Options,
    *,
    called: str,
    columns: tuple[str, ...] | None = None,
    lines: int | None = None,
) -> Dataset:
    """A data set of vectors; float32 and float64 stay what they are, shorter floats become float32.

    called: the array, for messages; name: the source, for logs. lines: of a table as text, how many stand before the first
    row.

    Raises:
        ValueError: values that are NaN or infinite, options that only images have.
        TypeError: longer floats than float64.
    """
    options.of_vectors(called)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    check_vectors(array, called)
    check_finite(array, called, lines=lines)
    return Dataset(array, labels, name=name, columns=columns)


def open_table(path: Path, options: Options) -> Dataset:
    """Vectors from a file of text: a row of numbers a line, separated by commas, semicolons or tabs.

    A first line that is not all numbers names the columns. Numbers are float64, as exact as the text.

    Raises:
        ValueError: a cell that is not a number, with its line; rows of different lengths; no rows.
    """
    said = printable(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline(_LOOKED_AT)
    except UnicodeDecodeError as error:
        raise ValueError(f"{said}: is not text in UTF-8: {error}") from error
    separator = separator_of(head)
    first = next(csv.reader(io.StringIO(head), delimiter=separator), [])
    named = not all(map(_is_number, first))
    columns = tuple(cell.strip() for cell in first) if named else None
    try:
        with path.open(encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no rows: said below
            array = np.loadtxt(file, np.float64, delimiter=separator, skiprows=int(named), ndmin=2, comments=None)
    except UnicodeDecodeError as error:
        raise ValueError(f"{said}: is not text in UTF-8: {error}") from error
    except ValueError as error:
        problem = _problem(path, separator, named, len(first))
        if (
            problem is None
        ):  # every cell is a number to Python's reader: in quotes, say, which NumPy's does not take off
            problem = f"{error}; expected numbers without quotes"
        raise ValueError(f"{said}: {problem}") from error
    if not array.size:
        raise ValueError(f"{said}: no rows of numbers in it")
    if columns is not None and len(columns) != array.shape[1]:
        raise ShapeError(f"{said}: its first line names {len(columns)} columns, its rows have {array.shape[1]}")
    return vectors_of(array, None, path.name, options, called=said, columns=columns, lines=int(named))


def separator_of(line: str) -> str:
    """What separates the cells of a line: whichever of commas, semicolons and tabs there is most of."""
    return max(_SEPARATORS, key=line.count)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _problem(path: Path, separator: str, named: bool, wanted: int) -> str | None:
    """The first line that is wrong, and why."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter=separator), 1):
            if not row or (named and number == 1):
                continue
            if len(row) != wanted:
                return f"line {number} has {len(row)} cells, the first has {wanted}"
            for place, cell in enumerate(row, 1):
                if not _is_number(cell):
                    text = printable(cell if len(cell) <= _LONGEST else cell[:_LONGEST] + "…")
                    return (
                        f"line {number}, column {place} is {text!r}; expected a number (a table of vectors has numbers "
                        "only; leave out other columns, and rows with empty cells)"
                    )
    return None
