"""The log of a run: one JSON object a line."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.bounds import COUNT, fields, real, whole
from gan_np.checks import integer, shown
from gan_np.files import regular
from gan_np.training.step import Step


def read_records(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log. A last line that a crash cut short is left out; other damaged ones too, with a warning.

    Raises:
        ValueError: it is no file but a pipe, say.
    """
    try:
        file = regular(path)
    except FileNotFoundError:
        return []
    records, problems = [], []
    *lines, last = file.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate([*lines, last], start=1):
        try:
            record = json.loads(line)
            _RECORD("line", record)
            for name, value in record.items():
                _figure(name, value)
        except (ValueError, TypeError, RecursionError) as error:
            if number <= len(lines):
                problems.append(f"line {number} ({error}): {shown(line)}")
            continue
        records.append(record)
    if problems:
        more = f", and {len(problems) - 1} more" if problems[1:] else ""
        warnings.warn(f"{file}: left out what is not a line of a log: {problems[0]}{more}", stacklevel=2)
    return records


def _figure(name: str, value: Any) -> None:
    """A number that has a float; it need not be finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, got {shown(value)}")
    if isinstance(value, int):
        integer(name, value, -COUNT, COUNT)


_FIGURES = ("d_loss", "g_loss")
_RECORD = fields({"step": whole(0, COUNT), "seconds": real(0.0), **dict.fromkeys(_FIGURES, _figure)})
"""What every line of a log has."""


def record_of(step: Step, seconds: float, norms: dict[str, float] | None = None) -> dict[str, Any]:
    """A step as a line of the log."""
    numbers = step.numbers() | ((norms or {}) if step.reading is None else step.reading.norms())
    rounded = {name: float(f"{value:.6g}") for name, value in numbers.items() if name != "step"}
    return {"step": step.number, **rounded, "seconds": round(seconds, 3)}


def columns_of(records: list[dict[str, Any]]) -> dict[str, Array]:
    """Records as columns by name; only what every record has."""
    names = set(records[0]).intersection(*records)
    return {name: np.array([record[name] for record in records], float) for name in records[0] if name in names}
