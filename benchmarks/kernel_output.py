"""What `python -m benchmarks kernels` prints and draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape

from . import machine, plots, report
from .kernel_rows import Row
from .roofline import Peaks
from .timing import Spread


def print_rows(rows: list[Row], dtype: np.dtype[Any], peaks: Peaks, found: dict[str, Any]) -> None:
    """The table."""
    columns = (
        ("kernel", 22),
        ("median ms", 9),
        ("× reference", 16),
        ("× other", 16),
        ("GFLOP/s", 7),
        ("GB/s", 6),
        ("of bound", 8),
        ("error", 8),
    )
    groups = []
    for case in dict.fromkeys((row.case.operation, row.case.label) for row in rows):
        own = [row for row in rows if (row.case.operation, row.case.label) == case]
        notes = [f"{row.name}: {note}" for row in own for note in row.notes]
        groups.append(report.Group("  ".join(case), [_cells(row, peaks) for row in own], notes))
    caption = (
        "* chosen by default.  × reference, × other: how many times as fast as the reference and as the other library's "
        "fastest in the same rounds, quartiles.  GFLOP/s counts the direct method's operations; GB/s the arrays handed in "
        "and given out, once.  of bound: the time that the measured peaks "
        f"({report.short(peaks.gigaflops)} GFLOP/s, {report.short(peaks.gigabytes)} GB/s) allow, divided by the time taken; "
        "fewer multiplications or arrays that stay in the cache can pass 100 %.  error: against the reference in float64, "
        "relative to the largest entry.\n" + machine.one_line(found)
    )
    report.print_table(f"kernels, {dtype}", columns, groups, caption)
    for row in rows:
        if row.wrong:
            report.say(f"wrong: {row.name} of {row.case.operation}, {row.case.label}: {row.wrong}")


def _cells(row: Row, peaks: Peaks) -> list[str]:
    name = f"  {escape(row.name)}{' *' if row.default else ''}"
    error = "[red]wrong[/red]" if row.wrong else "" if row.error is None else f"{row.error:.1e}"
    share = row.share(peaks)
    if row.timing is None or share is None:
        return [name, *[""] * 6, error]
    return [
        name,
        f"{row.timing.spread.median * 1e3:.3f}",
        "1" if row.name == "reference" else _ratio(row.speed),
        _ratio(row.peer_speed),
        "" if row.gigaflops is None else report.short(row.gigaflops),
        "" if row.gigabytes is None else report.short(row.gigabytes),
        f"{share:.0%}",
        error,
    ]


def _ratio(spread: Spread | None) -> str:
    return "" if spread is None else report.ratio(spread.numbers())


def plot(path: Path, rows: list[Row], dtype: np.dtype[Any], found: dict[str, Any]) -> None:
    """Times, a dot for each row."""
    dots = [
        plots.Dot(
            f"{row.case.operation}\n{row.case.label}",
            _series(row),
            row.timing.spread.scaled(1e3),
            "wrong" if row.wrong else "" if row.rate is None else f"({report.short(row.rate[0])} {row.rate[1]})",
        )
        for row in rows
        if row.timing
    ]
    if dots:
        plots.save_dots(path, f"Kernels, forward and gradients, {dtype}", dots, found)


def plot_roofline(path: Path, rows: list[Row], dtype: np.dtype[Any], peaks: Peaks, found: dict[str, Any]) -> None:
    """Rates under what the machine can do."""
    timed = [row for row in rows if row.timing]
    points = [
        (f"{row.case.operation} {row.case.label}", _series(row), row.intensity, row.gigaflops)
        for row in timed
        if row.gigaflops is not None
    ]
    streams = [
        (f"{row.case.operation} {row.case.label}", _series(row), row.gigabytes)
        for row in timed
        if row.gigaflops is None and row.gigabytes is not None
    ]
    title = f"Kernels against this machine's measured peaks, {dtype}"
    plots.save_roofline(path, title, points, streams, peaks, found)


def _series(row: Row) -> str:
    return "torch" if row.kind == "peer" else row.name
