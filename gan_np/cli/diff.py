"""`gan-np diff`: runs side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len

from gan_np.printable import printable, printable_lines

from .output import say

if TYPE_CHECKING:
    from rich.table import Table

NAME_WIDTH, CELL_WIDTH, NAME_LINE = 32, 24, 16
"""How wide the names of rows and the cells of a run may be; longer ones take several lines."""


def diff(
    runs: Annotated[list[Path], typer.Argument(help="Two run folders or more, as in runs/a runs/b or runs/*/.")],
    all_settings: Annotated[
        bool, typer.Option("--all", help="Print the settings that are the same in all runs too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON, and nothing else.")] = False,
) -> None:
    """Say in which settings two or more runs differ, and what was measured of each.

    Settings that config.toml of a run does not name are shown with their default.

    `gan-np compare` says how far apart the samples of two runs are.
    """
    from gan_np.evaluation.report import plain
    from gan_np.runs import diff as find_differences

    if len(runs) < 2:
        raise typer.BadParameter(f"expected two run folders or more, got {runs[0]} alone", param_hint="'RUNS...'")
    found = find_differences(*runs)
    if as_json:
        mapping = plain(found.to_mapping(all_settings=all_settings))
        typer.echo(json.dumps(mapping, indent=2, ensure_ascii=False, allow_nan=False))
        return
    parts = [part for part in found.rows(all_settings=all_settings).values() if part]
    if not found.differing:
        say("all settings are the same")
    _print(found.names, parts)


def _print(names: Sequence[str], parts: Sequence[Sequence[Sequence[str]]]) -> None:
    """Rows as a table, with a space between parts; several below each other where one has no room for all runs.

    What no run of such a table has is left out of it.
    """
    from rich.console import Console

    from gan_np.runs.differences import MISSING

    out = Console(highlight=False, markup=False)
    rows = [row for part in parts for row in part]
    name_width = min(NAME_WIDTH, max(cell_len(row[0]) for row in rows))
    room = out.width - name_width - 1
    heads = [_broken(name) for name in names]
    longest = [
        max(map(cell_len, (*head.split("\n"), *(row[column + 1] for row in rows)))) for column, head in enumerate(heads)
    ]
    widths = [max(1, min(width, CELL_WIDTH, room - 1)) for width in longest]
    start = 0
    while start < len(names):
        end = start + 1
        while end < len(names) and sum(width + 1 for width in widths[start : end + 1]) <= room:
            end += 1
        chosen = range(start, end)
        table = _table(name_width, [(heads[number], widths[number]) for number in chosen])
        for part in parts:
            if part is not parts[0]:
                table.add_row()
            for name, *cells in part:
                own = [cells[number] for number in chosen]
                if set(own) != {MISSING}:
                    table.add_row(*map(printable, (name, *own)))
        if start:
            out.print()
        out.print(table)
        start = end


def _broken(name: str) -> str:
    """The name of a run, on several lines where it is long: those of sweeps have commas."""
    return name if cell_len(name) <= NAME_LINE else name.replace(",", ",\n")


def _table(name_width: int, columns: Sequence[tuple[str, int]]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", width=name_width, overflow="fold")
    for name, width in columns:
        table.add_column(printable_lines(name), width=width, overflow="fold")
    return table
