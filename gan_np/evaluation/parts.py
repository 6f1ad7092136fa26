"""What a section of a report is made of: text, tables, bars and images."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_np.arrays import Array
from gan_np.data.images import grid


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
class Figure:
    """A PNG with its caption and its size in pixels; zoom: how much larger it is shown."""

    png: bytes
    caption: str
    size: tuple[int, int]
    zoom: int = 1

    @classmethod
    def of(cls, images: Array, caption: str, *, columns: int | None = None, width: int = 500) -> Figure:
        """uint8 images (N, H, W, C) as a grid, shown up to about `width` wide."""
        from PIL import Image

        sheet = grid(images, columns)
        written = io.BytesIO()
        Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet).save(written, "PNG", optimize=True)
        height, wide = sheet.shape[:2]
        return cls(written.getvalue(), caption, (wide, height), max(1, width // wide))

    @classmethod
    def file(cls, source: str | Path | io.BytesIO, caption: str) -> Figure:
        """A PNG file, or what was written of one, as it is."""
        from PIL import Image

        data = source.getvalue() if isinstance(source, io.BytesIO) else Path(source).read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            size = opened.size
        return cls(data, caption, size)


@dataclass(frozen=True)
class Section:
    """key: of its data in JSON; title, text (paragraphs between empty lines), tables, bars and images for people; short: the
    sentence of the text that a terminal prints too."""

    key: str
    title: str
    text: str = ""
    tables: tuple[Table, ...] = ()
    bars: tuple[Bars, ...] = ()
    figures: tuple[Figure, ...] = ()
    data: Any = None
    short: str = ""
