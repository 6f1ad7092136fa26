"""The log of a run: one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array

from .step import Step


def read_records(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line that a crash cut short is left out.

    Raises:
        ValueError: a line in the middle is no JSON object with a step.
    """
    file = Path(path)
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            if not isinstance(record["step"], int):
                raise TypeError("step")
        except (json.JSONDecodeError, TypeError, KeyError) as error:
            if number == len(lines):
                break
            raise ValueError(f"{file}, line {number}: not a line of a log: {line[:80]!r}") from error
        records.append(record)
    return records


def record_of(step: Step, seconds: float, norms: dict[str, float] | None = None) -> dict[str, Any]:
    """A step as a line of the log."""
    numbers = step.numbers() | ((norms or {}) if step.reading is None else step.reading.norms())
    rounded = {name: float(f"{value:.6g}") for name, value in numbers.items() if name != "step"}
    return {"step": step.number, **rounded, "seconds": round(seconds, 3)}


def columns_of(records: list[dict[str, Any]]) -> dict[str, Array]:
    """Records as columns by name; only what every record has."""
    names = set(records[0]).intersection(*records)
    return {name: np.array([record[name] for record in records], float) for name in records[0] if name in names}
