"""What `python -m benchmarks kernels` prints and draws."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape

from . import machine, plots, report
from .kernel_rows import Row
from .kernel_why import explain
from .roofs import ARITHMETIC, Rates

WIDTH = 100
COLUMNS = (
    ("kernel", 19),
    ("ms", 7),
    ("quartiles", 15),
    ("× ref", 6),
    ("GFLOP/s", 7),
    ("effect.", 7),
    ("GB/s", 5),
    ("of roof", 8),
    ("in step", 7),
    ("error", 7),
)
ROOFS = {ARITHMETIC: "flop", "memory": "mem"}
CAPTION = (
    "One line is one call of one method. * chosen by default.  ms: median and quartiles of the rounds, in which all take "
    "turns.  "
    "× ref: times as fast as the reference.  GFLOP/s, GB/s: what was really done, taps on padding left out, every array "
    "once; "
    "effect.: operations of the direct sum a second, for methods that do fewer.  of roof: of what compiled loops reach "
    "around the "
    "case on as many threads, in registers (flop) or in the level of memory that holds the arrays.  in step: ms of "
    "the same call inside a training step of a DCGAN.  error: against the reference in float64, relative to the largest "
    "entry.\n"
)


def print_head(dtype: np.dtype[Any], threads: int, *, cold: bool) -> None:
    """Before the first case."""
    state = "caches swept before each call" if cold else "caches warm"
    title = f"kernels, {dtype}, {threads} {'thread' if threads == 1 else 'threads'}, {state}"
    report.print_head(title, COLUMNS, width=WIDTH)


def print_case(rows: Sequence[Row]) -> None:
    """A group for each method, and why the default is the default."""
    methods = list(dict.fromkeys(row.method for row in rows))
    for method in methods:
        own = [row for row in rows if row.method == method]
        notes = [f"{row.name}: {note}" for row in own for note in row.notes]
        notes += [f"error: {row.name}: {row.impossible}" for row in own if row.impossible]
        if method == methods[-1]:
            notes += explain(rows)
        heading = f"{own[0].case.operation} {own[0].case.label}: {method or 'nothing could be called'}"
        report.print_group(COLUMNS, report.Group(heading, [_cells(row) for row in own], notes), width=WIDTH)


def print_foot(rows: Sequence[Row], rates: Rates | None, found: dict[str, Any]) -> None:
    """After the last one."""
    roofs = "" if rates is None else f"roofs at their highest: {rates.described()}\n"
    report.print_foot(CAPTION + roofs + machine.one_line(found), width=WIDTH)
    for text in dict.fromkeys(
        f"wrong: {row.name} of {row.case.operation}, {row.case.label}: {row.wrong}" for row in rows if row.wrong
    ):
        report.say(text)


def _cells(row: Row) -> list[str]:
    name = f"  {escape(row.name)}{' *' if row.default else ''}"
    error = "[red]wrong[/red]" if row.wrong else "" if row.error is None else f"{row.error:.0e}"
    if row.timing is None:
        return [name, *[""] * 8, error]
    spread = row.timing.spread.scaled(1e3)
    bound, share = row.bound, row.share
    roof = "" if bound is None else ROOFS.get(bound.roof, bound.roof)
    return [
        name,
        three(spread.median),
        f"{three(spread.low)}–{three(spread.high)}",
        "1" if row.name == "reference" else "" if row.speed is None else three(row.speed.median),
        _rate(row.gigaflops),
        _rate(row.effective),
        _rate(row.gigabytes),
        "[red]error[/red]" if row.impossible else "" if share is None else f"{share:.0%} {roof}",
        "" if row.in_step is None else three(1e3 * row.in_step),
        error,
    ]


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def three(value: float) -> str:
    """Three digits without an exponent, for times in a narrow column."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.01 else f"{value:.4f}"


FIELDS = (
    "operation", "case", "method", "candidate", "kind", "default", "threads", "cache", "agrees", "error",
    "gflops", "effective_gflops", "gbs", "roof", "share_of_roof", "impossible_share", "milliseconds_in_a_step",
    "estimated_cost",
)  # fmt: skip
"""Columns of the CSV file beside the three of the time."""


def csv_text(rows: Sequence[Row]) -> str:
    """A line for each row, with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*FIELDS[:8], "milliseconds", "low", "high", *FIELDS[8:]])
    for row in rows:
        numbers = row.numbers()
        spread = numbers["milliseconds"] or {"median": "", "low": "", "high": ""}
        times = [spread[name] for name in ("median", "low", "high")]
        writer.writerow([*(numbers[name] for name in FIELDS[:8]), *times, *(numbers[name] for name in FIELDS[8:])])
    return text.getvalue()


def markdown_text(rows: Sequence[Row], command: str, found: dict[str, Any]) -> str:
    """A table for a page, with the machine and the command that make it again."""
    lines = [f"`{command}`", "", f"{machine.one_line(found)}.", ""]
    names = (
        "operation, case",
        "method",
        "kernel",
        "ms (quartiles)",
        "GFLOP/s",
        "effective",
        "GB/s",
        "of roof",
        "in a step, ms",
        "error",
    )
    lines += ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        if row.timing is None:
            continue
        _, median, quartiles, _, *others = [cell.replace("[red]", "").replace("[/red]", "") for cell in _cells(row)]
        name = f"**{row.name}**" if row.default else row.name
        cells = (f"{row.case.operation} {row.case.label}", row.method, name, f"{median} ({quartiles})", *others)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


MOST_DOTS = 60
"""Of one page of a plot: more cases go to further files."""


def plot(path: Path, rows: Sequence[Row], dtype: np.dtype[Any], found: dict[str, Any]) -> list[Path]:
    """Times, a dot for each row, on as many pages as they need; the files."""
    timed = [row for row in rows if row.timing]
    pages = list(_pages(timed))
    files = []
    for number, page in enumerate(pages, start=1):
        dots = [
            plots.Dot(
                f"{row.case.operation} {row.method}\n{row.case.label}",
                row.name,
                row.timing.spread.scaled(1e3),
                "wrong" if row.wrong else "",
            )
            for row in page
            if row.timing
        ]
        file = path if len(pages) == 1 else path.with_stem(f"{path.stem}-{number}")
        of = "" if len(pages) == 1 else f", {number} of {len(pages)}"
        plots.save_dots(file, f"One call of each method, {dtype}{of}", dots, found)
        files.append(file)
    return files


def _pages(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows in runs that fit a page, methods of a case together."""
    page: list[Row] = []
    for key in dict.fromkeys((row.case.operation, row.case.label) for row in rows):
        own = [row for row in rows if (row.case.operation, row.case.label) == key]
        if page and len(page) + len(own) > MOST_DOTS:
            yield page
            page = []
        page += own
    if page:
        yield page


def plot_roofline(path: Path, rows: Sequence[Row], dtype: np.dtype[Any], rates: Rates, found: dict[str, Any]) -> None:
    """Rates under what the machine can do, of the fastest kernel of each case and method."""
    best: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = row.case.operation, row.case.label, row.method
        if row.median and (key not in best or row.median < (best[key].median or np.inf)):
            best[key] = row
    points = [
        (
            f"{row.case.operation} {row.case.label}, {row.method}",
            row.name,
            row.amount.done / row.amount.bytes,
            row.gigaflops,
        )
        for row in best.values()
        if row.gigaflops is not None
    ]
    streams = [
        (f"{row.case.operation} {row.case.label}, {row.method}", row.name, row.gigabytes)
        for row in best.values()
        if row.gigaflops is None and row.gigabytes is not None
    ]
    plots.save_roofline(
        path, f"The fastest of each method under this machine's roofs, {dtype}", points, streams, rates, found
    )
