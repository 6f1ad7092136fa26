"""A report: sections of text, tables, bars and images, as JSON for machines and one HTML page for people.

Whoever has something to say of a run adds a section:

    report.add(Section("neighbours", "Nearest neighbours", "…", tables=(Table(…),), figures=(Figure.of(images, "…"),),
                       data={"p_value": 0.4}))
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.files import write_atomically

from .html import page
from .parts import Section

FORMAT_VERSION = 1


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
        """The contents of the JSON file: facts, and each section's data under its key."""
        data = {section.key: section.data for section in self.sections if section.data is not None}
        return {"format_version": FORMAT_VERSION, "title": self.title, "facts": self.facts, **data}

    def save(self, folder: str | Path, name: str = "evaluation") -> tuple[Path, Path]:
        """Write NAME.json and NAME.html; returns their paths."""
        place = Path(folder)
        text = json.dumps(plain(self.to_mapping()), indent=2, ensure_ascii=False, allow_nan=False)
        machine, people = place / f"{name}.json", place / f"{name}.html"
        drawn = page(self.title, self.facts, self.sections)
        return write_atomically(machine, (text + "\n").encode()), write_atomically(people, drawn.encode())


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
