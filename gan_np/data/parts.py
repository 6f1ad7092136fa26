"""The parts of a data set: one to train on, others to validate and test with."""

from __future__ import annotations

import re

PART_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
"""Part → the names that it goes by, in lower case."""


def part_of(name: str) -> str | None:
    """The part that a name stands for, whatever its capitals; None if for none."""
    return next((part for part, names in PART_NAMES.items() if name.lower() in names), None)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts names as people count: 2 before 10, whatever the zeros in front; text as it is otherwise.

    >>> sorted(["10", "2", "b", "a10", "a9"], key=natural)
    ['2', '10', 'a9', 'a10', 'b']
    """
    pieces = re.split(r"([0-9]+)", name)
    key = [(0, int(piece), piece) if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece]
    return tuple(key)
