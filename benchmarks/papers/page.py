"""The tables of docs/papers.md, between marks in a page that people write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .recipe import Recipe
from .summary import Row, kept, rows


def update(page: Path, folder: Path, recipes: Mapping[str, Recipe]) -> None:
    """Write each recipe's table anew between `<!-- table NAME -->` and `<!-- end -->`.

    Raises:
        ValueError: a recipe has no place on the page.
    """
    text = page.read_text(encoding="utf-8")
    for name, recipe in recipes.items():
        places = list(re.finditer(rf"<!-- table {name} -->\n(.*?)<!-- end -->", text, flags=re.DOTALL))
        if len(places) != 1:
            raise ValueError(
                f"page: expected one “<!-- table {name} -->” … “<!-- end -->” in {page}, found {len(places)}"
            )
        start, stop = places[0].span(1)
        text = text[:start] + table(recipe, folder) + text[stop:]
    page.write_text(text, encoding="utf-8")


def table(recipe: Recipe, folder: Path) -> str:
    """Source, table and departures, as Markdown."""
    found = kept(folder, recipe)
    titles = ("", *(measure.title for measure in recipe.measures.values()), "seeds", "updates")
    lines = [recipe.source + ".", "", _line(titles), _line(("---", *("---:",) * (len(titles) - 1)))]
    lines += [_line(_cells(row)) for row in rows(recipe, found)]
    if not found:
        lines += ["", "Not run yet."]
    records = [record for each in found.values() for record in each]
    if records:
        minutes = sum(record["processor_seconds"] for record in records) / 60
        machines = sorted({_machine(record["machine"]) for record in records})
        days = sorted({record["date"][:10] for record in records})
        where = f"{', '.join(machines)}; {' to '.join(days)}"
        lines += ["", f"All runs of this table together took {minutes:.1f} minutes of one core ({where})."]
    lines += ["", "What differs from the paper:", "", *(f"- {each}" for each in recipe.departures), ""]
    return "\n".join([*lines, f"Cost: {recipe.cost}.", ""])


def _machine(found: Mapping[str, Any]) -> str:
    """The processor, and the GPU of a run that used one."""
    return f"{found['cpu']} beside an {found['gpu']['name']}" if "gpu" in found else str(found["cpu"])


def _cells(row: Row) -> tuple[str, ...]:
    return (row.title, *row.cells, row.seeds, row.updates)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
