"""From runs to rows: mean and standard error over seeds, the paper's row beside."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import runs
from .recipe import Measure, Recipe


class Row(NamedTuple):
    """A line of a table."""

    title: str
    cells: tuple[str, ...]
    """One for each measure of the recipe; "" where nothing is known."""
    seeds: str
    updates: str


def kept(folder: Path, recipe: Recipe) -> dict[str, list[dict[str, Any]]]:
    """The runs that are there, by case, in the order of seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for case in recipe.cases:
        records = [record for file in (folder / recipe.name).glob(f"{case}-*.json") if (record := runs.read(file))]
        records = [record for record in records if record["case"] == case]
        if records:
            found[case] = sorted(records, key=lambda record: record["seed"])
    return found


def rows(recipe: Recipe, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Row]:
    """The paper's rows and, under each that was run, ours."""
    lines = [_published(recipe, title, cells) for title, cells in recipe.other_rows.items()]
    for case, title in recipe.cases.items():
        if case in recipe.published:
            lines.append(_published(recipe, title, recipe.published[case]))
        if found.get(case):
            lines.append(_ours(recipe, title, found[case]))
    return lines


def _published(recipe: Recipe, title: str, cells: Mapping[str, str]) -> Row:
    return Row(f"{title}, the paper", tuple(cells.get(name, "") for name in recipe.measures), "", "")


def _ours(recipe: Recipe, title: str, records: Sequence[Mapping[str, Any]]) -> Row:
    cells = tuple(
        _cell(measure, [record["values"].get(name) for record in records]) for name, measure in recipe.measures.items()
    )
    seeds = str(len(records))
    unfinished = sum(not record["finished"] for record in records)
    if unfinished:
        seeds += f" ({unfinished} not to the end)"
    return Row(f"{title}, ours", cells, seeds, _updates(recipe, records))


def _updates(recipe: Recipe, records: Sequence[Mapping[str, Any]]) -> str:
    made = sorted({record["updates"] for record in records})
    if made == [0]:
        return ""
    text = "–".join(f"{count:,}" for count in (made if len(made) < 3 else (made[0], made[-1])))
    share = made[-1] < recipe.paper.updates and not recipe.paper.patience
    text += f" of {recipe.paper.updates:,}" if share else ""
    return text + (", quick" if any(record["quick"] for record in records) else "")


def _cell(measure: Measure, values: Sequence[float | None]) -> str:
    """mean ± standard error over seeds (of one value none), or median and range; how many have a number, if not all."""
    known = [measure.factor * value for value in values if value is not None]
    if not known:
        return ""
    mean = statistics.median(known) if measure.median else statistics.fmean(known)
    text = number(mean, measure.digits)
    if len(known) > 1 and measure.median:
        text += f" ({number(min(known), measure.digits)} to {number(max(known), measure.digits)})"
    elif len(known) > 1:
        variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
        text += f" ± {number(math.sqrt(variance / len(known)), measure.digits)}"
    return text if len(known) == len(values) else f"{text} ({len(known)} of {len(values)} seeds)"


def number(value: float, digits: int) -> str:
    """Fixed digits; an exponent where they would show nothing of it."""
    return f"{value:.1e}" if value and abs(value) < 0.5 * 10**-digits else f"{value:.{digits}f}"
