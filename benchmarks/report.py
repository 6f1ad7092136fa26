"""What comes out: a table on the terminal, a JSON file, a picture."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import shlex
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .machine import one_line
from .timing import Spread


def add_options(parser: argparse.ArgumentParser) -> None:
    """--json, --plot and --quick, which every benchmark has."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine, date, command and rows to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the result (needs matplotlib)")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs, times mean little")


def check_options(options: argparse.Namespace) -> None:
    """Refuse a plot that could not be drawn before anything is measured.

    Raises:
        ValueError: matplotlib is not installed.
    """
    if options.plot and importlib.util.find_spec("matplotlib") is None:
        raise ValueError("plot: needs matplotlib (python -m pip install matplotlib)")


class Group(NamedTuple):
    """Lines of a table that belong together."""

    heading: str
    rows: Sequence[Sequence[str]]
    """Cells; may carry rich's markup."""
    notes: Sequence[str] = ()


def print_table(title: str, columns: Sequence[tuple[str, int]], groups: Sequence[Group], caption: str) -> None:
    """Groups under one head: columns have the same least width in each, the first to the left, numbers to the right."""
    console = _console()
    console.print(f"\n[bold]{escape(title)}[/bold]\n")
    console.print(_lines(columns, (), show_header=True))
    for group in groups:
        if group.heading:
            console.print(f"[bold]{escape(group.heading)}[/bold]", soft_wrap=True)
        console.print(_lines(columns, group.rows, show_header=False))
        for note in group.notes:
            console.print(f"    {escape(note)}", style="dim", soft_wrap=True)
    console.print(f"\n{escape(caption)}", style="dim")


def _lines(columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]], *, show_header: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_header=show_header, header_style="dim")
    for place, (name, width) in enumerate(columns):
        table.add_column(name, min_width=width, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def short(value: float) -> str:
    """Three digits, and never an exponent for a large number."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def say(text: str) -> None:
    """A line beside the table."""
    _console().print(text, soft_wrap=True, markup=False)


def status(text: str) -> None:
    """A line that says what is being done, overwritten by the next, where there is a terminal; "" clears it.

    No spinner: a thread that draws would take time from what is measured.
    """
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def _console() -> Console:
    # Without a terminal (a pipe, a log) rich assumes 80 columns and would break every row.
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


def save_json(path: Path, benchmark: str, arguments: Sequence[str], machine: dict[str, Any], **content: Any) -> None:
    """One object: benchmark, command, date, machine, and what the benchmark adds (`rows`, …)."""
    record = {
        "benchmark": benchmark,
        "command": shlex.join(["python", "-m", "benchmarks", benchmark, *arguments]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        **content,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


MUCH = 20
"""A plot whose times differ by more than this factor has a logarithmic axis."""


class Dot(NamedTuple):
    """One measurement in a plot: a line of its own, coloured by series."""

    label: str
    series: str
    milliseconds: Spread
    note: str = ""


def save_plot(path: Path, title: str, dots: Sequence[Dot], machine: dict[str, Any]) -> None:
    """Medians as dots with their quartiles, one row for each label; the axis is logarithmic where times differ by much."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels, series = (list(dict.fromkeys(getattr(dot, name) for dot in dots)) for name in ("label", "series"))
    beside = {label: [dot.series for dot in dots if dot.label == label] for label in labels}
    foot = textwrap.wrap(
        "Dots are medians, bars the middle half of the rounds; left is faster. " + one_line(machine), 185
    )
    each = max(len(found) for found in beside.values())
    lines = len(labels) * max(1.0, 0.45 * each)
    height = 1.4 + 0.34 * lines + 0.17 * len(foot)
    figure = Figure(figsize=(10, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for index, name in enumerate(series):
        own = [dot for dot in dots if dot.series == name]
        places = []
        for dot in own:
            others = beside[dot.label]
            places.append(labels.index(dot.label) + (others.index(name) - (len(others) - 1) / 2) * 0.7 / each)
        times = [dot.milliseconds for dot in own]
        errors = [[t.median - t.low for t in times], [t.high - t.median for t in times]]
        colour = f"C{index % 10}"
        axes.errorbar(
            [t.median for t in times], places, xerr=errors, fmt="o", markersize=5, capsize=2, color=colour, label=name
        )
        for place, dot in zip(places, own, strict=True):
            text = f"{short(dot.milliseconds.median)} ms{'  ' + dot.note if dot.note else ''}"
            axes.annotate(
                text,
                (dot.milliseconds.high, place),
                xytext=(7, 0),
                textcoords="offset points",
                fontsize=7.5,
                va="center",
                color=colour,
            )
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    low, high = min(d.milliseconds.low for d in dots), max(d.milliseconds.high for d in dots)
    logarithmic = high > MUCH * low
    if logarithmic:
        margin = (high / low) ** 0.1 * 1.1
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlim(low / margin, high * margin**2.5)  # room for the labels
    else:
        axes.set_xlim(0, 1.25 * high)
    axes.set_xlabel(f"milliseconds{' (logarithmic)' if logarithmic else ''}")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(axis="x", which="both", alpha=0.25)
    for place in range(1, len(labels)):
        axes.axhline(place - 0.5, color="0.85", linewidth=0.7)
    if len(dots) > len(labels):
        figure.legend(loc="outside upper right", ncols=min(len(series), 5), fontsize=8)
    figure.supxlabel("\n".join(foot), fontsize=6.5, x=0.01, ha="left", color="0.35")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
