"""What the labels of a data set stand for: the value, the name and the number of images of each class.

A conditional model numbers its classes 0…K−1. The labels of a data set may be other integers (1…K, or 0, 7 and 200), and
classes may have names. One rule says how a class is asked for:

- an integer is a label as the data have it (`Dataset.labels`), whatever number the model gives its class;
- a text is the name of a class: that of its class folder, or without names the label in figures ("200"). Where no name
  is a number, a text such as "3" is also a label as the data have it. (On a command line everything is a text.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from gan_np.arrays import Array

MOST_CLASSES = 10_000
"""More different labels are refused: they number something else, and each class costs a plane of memory."""

_LISTED = 20


@dataclass(frozen=True)
class LabelTable:
    """Row k is class k of a model.

    values: the label of the data, int64, ascending. names: what the class is called. counts: how many images have it.

    >>> table = LabelTable.of(np.array([7, 0, 7, 200]))
    >>> table.values, table.names, table.counts
    ((0, 7, 200), ('0', '7', '200'), (1, 2, 1))
    >>> table.asked([200, 7]), table.drawn(4)
    (array([2, 1]), array([1, 0, 2, 1]))

    Raises:
        TypeError, ValueError: columns of other lengths or kinds, labels not ascending, no images.
    """

    values: tuple[int, ...]
    names: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        columns = self.values, self.names, self.counts
        if not all(isinstance(column, tuple) for column in columns) or len({len(column) for column in columns}) != 1:
            raise ValueError("labels: expected values, names and counts of the same classes")
        if not all(type(number) is int for number in (*self.values, *self.counts)):
            raise TypeError("labels: expected values and counts that are integers")
        if not all(isinstance(name, str) for name in self.names):
            raise TypeError("labels: expected names that are texts")
        if not all(-(1 << 63) <= value < 1 << 63 for value in self.values):
            raise ValueError("labels: expected values that fit int64")
        if any(low >= high for low, high in zip(self.values, self.values[1:], strict=False)):
            raise ValueError("labels: expected values in ascending order, each once")
        if not all(0 <= count < 1 << 40 for count in self.counts) or not any(self.counts):
            raise ValueError("labels: expected counts of images, from 0 to 2⁴⁰, and one of them above 0")

    @classmethod
    def of(cls, labels: Array, class_names: Sequence[str] | None = None, classes: int | None = None) -> LabelTable:
        """The table of integer labels (N,).

        class_names: the name of label k at position k. classes: how many a model has; labels that lie in 0…classes−1
        are its classes as they are (some may have no images), others are numbered in ascending order.

        Raises:
            ValueError: more different labels than `MOST_CLASSES`, or they are not those of a model of `classes` classes.
        """
        found, counted = np.unique(labels, return_counts=True)
        values, counts = found.tolist(), counted.tolist()
        if classes is not None and values[0] >= 0 and values[-1] < classes:
            known = dict(zip(values, counts, strict=True))
            values, counts = list(range(classes)), [known.get(value, 0) for value in range(classes)]
        elif classes is not None and len(values) != classes:
            raise ValueError(
                f"labels: expected 0 to {classes - 1}, got {values[0]} to {values[-1]}; other numbers can be labels too "
                f"where exactly {classes} different ones occur, here {len(values):,} do"
            )
        elif len(values) > MOST_CLASSES:
            raise ValueError(
                f"labels: expected at most {MOST_CLASSES:,} classes, got {len(values):,} different labels from "
                f"{values[0]} to {values[-1]} for {len(labels):,} images: do they number something else than classes?"
            )
        return cls(tuple(values), tuple(_name(value, class_names) for value in values), tuple(counts))

    @classmethod
    def equal(cls, classes: int) -> LabelTable:
        """Of a model of whose data nothing is known: labels 0…classes−1, equally frequent."""
        return cls(tuple(range(classes)), tuple(map(str, range(classes))), (1,) * classes)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> LabelTable:
        """From what `to_mapping` gave, after a way through JSON."""
        columns = [mapping[column] for column in ("values", "names", "counts")]
        if not all(isinstance(column, list) for column in columns):
            raise ValueError("labels: expected lists of values, names and counts")
        return cls(*map(tuple, columns))

    def to_mapping(self) -> dict[str, Any]:
        """Return the table as plain values, for JSON."""
        return {"values": list(self.values), "names": list(self.names), "counts": list(self.counts)}

    def __len__(self) -> int:
        return len(self.values)

    @property
    def plain(self) -> bool:
        """Whether labels are the numbers of the classes, without names of their own."""
        return self.names == tuple(map(str, range(len(self)))) and self.values == tuple(range(len(self)))

    def classes_of(self, labels: Array) -> Array:
        """The class of each label of the data, int64 (N,).

        Raises:
            ValueError: a label that is not in the table.
        """
        values = np.array(self.values, np.int64)
        if labels.dtype == np.uint64:
            labels = np.where(labels >> np.uint64(63), np.iinfo(np.int64).max, labels).astype(np.int64)
        numbers = np.searchsorted(values, labels).clip(max=len(values) - 1).astype(np.int64)
        unknown = labels[values[numbers] != labels]
        if len(unknown):
            raise ValueError(f"labels: expected {self.listed()}, got {unknown[0]}")
        return numbers

    def labels_of(self, classes: Array) -> Array:
        """The label of the data for each class, int64 (N,): the opposite of `classes_of`."""
        labels: Array = np.array(self.values, np.int64)[classes]
        return labels

    def asked(self, labels: Any) -> Array:
        """The classes that a user asks for by labels, names, or sequences of either: int64, of the same shape.

        Raises:
            TypeError: neither integers nor texts.
            ValueError: one that is not in the table.
        """
        given = np.asarray(labels)
        if given.dtype.kind == "U":
            found = [self._named(str(text)) for text in given.ravel()]
            return np.array(found, np.int64).reshape(given.shape)
        if given.dtype.kind not in "iu":
            raise TypeError(f"labels: expected integers or names, got {given.dtype}")
        return self.classes_of(given.ravel()).reshape(given.shape)

    def drawn(self, count: int) -> Array:
        """`count` classes, each as often as in the data: int64 (count,).

        Nothing is random: at every place stands the class that is furthest behind its share, so that the first n are the
        same whatever `count` is, and equally frequent classes take turns.
        """
        return np.fromiter(islice(self.in_turn(), count), np.int64, count)

    def in_turn(self) -> Iterator[int]:
        """The classes of `drawn`, one after the other, without end."""
        counts = np.array(self.counts, np.int64)
        total, behind = counts.sum(), np.zeros(len(counts), np.int64)
        while True:
            behind += counts
            k = int(behind.argmax())
            behind[k] -= total
            yield k

    def __str__(self) -> str:
        """ "cat (label 0): 570 images, dog (label 1): 30 images"."""
        return ", ".join(self._counted())

    def shortened(self) -> str:
        """The same, of many classes the first ones and how many more there are."""
        first = ", ".join(islice(self._counted(), _LISTED))
        return first + (f", and {len(self) - _LISTED:,} more" if len(self) > _LISTED else "")

    def _counted(self) -> Iterator[str]:
        return (
            f"{name}{'' if name == str(value) else f' (label {value})'}: {count:,} {'image' if count == 1 else 'images'}"
            for name, value, count in zip(self.names, self.values, self.counts, strict=True)
        )

    def _named(self, text: str) -> int:
        if text in self.names:
            return self.names.index(text)
        if not any(map(_is_number, self.names)) and _is_number(text) and int(text) in self.values:
            return self.values.index(int(text))
        raise ValueError(f"labels: expected {self.listed()}, got {text!r}")

    def listed(self) -> str:
        """What labels may be asked for, in a message: "0 to 9", or "one of cat (0), dog (1)", of many the first ones."""
        if self.plain:
            return f"0 to {len(self) - 1}"
        shown = [
            name if name == str(value) else f"{name} ({value})"
            for name, value in zip(self.names, self.values, strict=True)
        ]
        more = len(shown) - _LISTED
        return f"one of {', '.join(shown[:_LISTED])}" + (f" and {more:,} more" if more > 0 else "")


def _name(value: int, class_names: Sequence[str] | None) -> str:
    """What a label is called: its name, or itself in figures."""
    return class_names[value] if class_names is not None and 0 <= value < len(class_names) else str(value)


def _is_number(text: str) -> bool:
    return len(text) <= 20 and text.removeprefix("-").isdecimal()
