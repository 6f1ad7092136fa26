"""What comes out: options, a table on the terminal, a JSON file; images are in `plots.py`."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import shlex
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def add_options(parser: argparse.ArgumentParser) -> None:
    """--json, --plot and --quick, which every benchmark has."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine, date, command and rows to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the result (needs matplotlib)")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs, times mean little")


def add_contest_options(parser: argparse.ArgumentParser) -> None:
    """--threads and --peer, of benchmarks that have PyTorch as their opponent."""
    add_threads(parser)
    parser.add_argument("--peer", choices=("torch", "none"), default="torch", help="the opponent, if installed")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the option --threads."""
    parser.add_argument(
        "--threads",
        type=int,
        help="on every side (default: all cores, or what *_NUM_THREADS allows; with --quick one, if threadpoolctl is there)",
    )


def names_of(known: Collection[str], *, or_none: bool = False) -> Callable[[str], list[str]]:
    """An argument's type: some of these names, separated by commas; with or_none also "none", for no name."""

    def names(text: str) -> list[str]:
        chosen = [] if or_none and text == "none" else text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            expected = ", ".join(known) + (", or none" if or_none else "")
            raise argparse.ArgumentTypeError(f"expected some of {expected}, got {unknown[0]!r}")
        return chosen

    return names


def check_options(options: argparse.Namespace) -> None:
    """Refuse a plot that could not be drawn before anything is measured.

    Raises:
        ValueError: matplotlib is not installed.
    """
    drawn = [name for name in ("plot", "roofline") if getattr(options, name, None)]
    if drawn and importlib.util.find_spec("matplotlib") is None:
        raise ValueError(f"{drawn[0]}: needs matplotlib (python -m pip install matplotlib)")


class Group(NamedTuple):
    """Lines of a table that belong together."""

    heading: str
    rows: Sequence[Sequence[str]]
    """Cells; may carry rich's markup."""
    notes: Sequence[str] = ()


Columns = Sequence[tuple[str, int]]


def print_table(title: str, columns: Columns, groups: Sequence[Group], caption: str) -> None:
    """Groups under one head: columns have the same least width in each, the first to the left, numbers to the right."""
    print_head(title, columns)
    for group in groups:
        print_group(columns, group)
    print_foot(caption)


def print_head(title: str, columns: Columns, *, width: int = 140) -> None:
    """The start of a table that is printed group by group. width: where there is no terminal."""
    console = _console(width)
    console.print(f"\n[bold]{escape(title)}[/bold]\n")
    console.print(_lines(columns, (), show_header=True))


def print_group(columns: Columns, group: Group, *, width: int = 140) -> None:
    """Some rows of it."""
    console = _console(width)
    if group.heading:
        console.print(f"[bold]{escape(group.heading)}[/bold]", soft_wrap=True)
    if group.rows:
        console.print(_lines(columns, group.rows, show_header=False))
    for note in group.notes:
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 4), expand=False))


def print_foot(caption: str, *, width: int = 140) -> None:
    """What the columns mean, and the machine."""
    _console(width).print(f"\n{escape(caption)}", style="dim")


def _lines(columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]], *, show_header: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=show_header, header_style="dim")
    for place, (name, width) in enumerate(columns):
        table.add_column(name, min_width=width, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def short(value: float) -> str:
    """Three digits, and never an exponent for a large number."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def ratio(spread: Mapping[str, float]) -> str:
    """Median and quartiles of a ratio, as `Spread.numbers` gives them."""
    return f"{spread['median']:.2f} ({spread['low']:.2f}–{spread['high']:.2f})"


def say(text: str) -> None:
    """A line beside the table."""
    _console().print(text, soft_wrap=True, markup=False)


def status(text: str) -> None:
    """A line that says what is being done, overwritten by the next, where there is a terminal; "" clears it.

    No spinner: a thread that draws would take time from what is measured.
    """
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def _console(width: int = 140) -> Console:
    # Without a terminal (a pipe, a log) rich assumes 80 columns and would break every row.
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=width)


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
