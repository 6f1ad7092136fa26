"""A report: sections of text, tables, bars and pictures, as JSON for machines and one HTML page for people.

Whoever has something to say of a run adds a section:

    report.add(Section("neighbours", "Nearest neighbours", "…", tables=(Table(…),), pictures=(Picture.of(pictures, "…"),),
                       data={"p_value": 0.4}))
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.images import grid
from gan_np.files import write_atomically

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Table:
    """columns: their heads; rows: as many texts each. numbers: columns set to the right.

    optional: columns that a terminal too narrow for all leaves out, the first of them first. note: stands below the table.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    optional: tuple[int, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"rows: expected {len(self.columns)} texts in each, got {row}")


@dataclass(frozen=True)
class Bars:
    """Shares of each label, for several series side by side."""

    labels: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        for name, values in self.series.items():
            if len(values) != len(self.labels):
                raise ValueError(f"series: expected {len(self.labels)} values in {name!r}, got {len(values)}")


@dataclass(frozen=True)
class Picture:
    """A PNG with its caption and its size in pixels; zoom: how much larger it is shown."""

    png: bytes
    caption: str
    size: tuple[int, int]
    zoom: int = 1

    @classmethod
    def of(cls, pictures: Array, caption: str, *, columns: int | None = None, width: int = 500) -> Picture:
        """uint8 pictures (N, H, W, C) as a grid, shown up to about `width` wide."""
        from PIL import Image

        sheet = grid(pictures, columns)
        written = io.BytesIO()
        Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet).save(written, "PNG", optimize=True)
        height, wide = sheet.shape[:2]
        return cls(written.getvalue(), caption, (wide, height), max(1, width // wide))

    @classmethod
    def file(cls, source: str | Path | io.BytesIO, caption: str) -> Picture:
        """A PNG file, or what was written of one, as it is."""
        from PIL import Image

        data = source.getvalue() if isinstance(source, io.BytesIO) else Path(source).read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            size = opened.size
        return cls(data, caption, size)


@dataclass(frozen=True)
class Section:
    """key: of its data in JSON; title, text (paragraphs between empty lines), tables, bars and pictures for people."""

    key: str
    title: str
    text: str = ""
    tables: tuple[Table, ...] = ()
    bars: tuple[Bars, ...] = ()
    pictures: tuple[Picture, ...] = ()
    data: Any = None


@dataclass
class Report:
    """title: of the page; facts: what was evaluated, with what, by name."""

    title: str
    facts: dict[str, Any]
    sections: list[Section] = field(default_factory=list)

    def add(self, section: Section) -> None:
        """One more section at the end.

        Raises:
            ValueError: its key is taken.
        """
        if section.key in {"format_version", "title", "facts", *(known.key for known in self.sections)}:
            raise ValueError(f"section: the key {section.key!r} is taken")
        self.sections.append(section)

    def to_mapping(self) -> dict[str, Any]:
        """What the JSON file holds: facts, and each section's data under its key."""
        data = {section.key: section.data for section in self.sections if section.data is not None}
        return {"format_version": FORMAT_VERSION, "title": self.title, "facts": self.facts, **data}

    def save(self, folder: str | Path, name: str = "evaluation") -> tuple[Path, Path]:
        """Write NAME.json and NAME.html; returns their paths."""
        from .html import page

        place = Path(folder)
        text = json.dumps(plain(self.to_mapping()), indent=2, ensure_ascii=False, allow_nan=False)
        machine, people = place / f"{name}.json", place / f"{name}.html"
        return write_atomically(machine, (text + "\n").encode()), write_atomically(people, page(self).encode())


def plain(value: Any) -> Any:
    """For JSON: NumPy's numbers and arrays as Python's, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
