"""One case over a range of shapes, or of numbers of threads: `--sweep batch=1,4,16` and a plot of it.

A quantity is one of a shape's numbers, and the others stay as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.kernels import Case
from gan_np.kernels.cases import conv2d_case, convolution_geometry, dense_case

from . import kernel_options, machine, plots, report
from .kernel_rows import Row
from .roofs import Rates

COLUMNS = (("kernel", 19), ("ms", 9), ("quartiles", 17), ("GFLOP/s", 8), ("effect.", 8), ("GB/s", 7), ("of roof", 9))
WIDTH = 100

Run = Callable[..., tuple[list[Row], Rates | None, dict[str, Any]]]


def cases(options: argparse.Namespace) -> list[tuple[int, int, Case]]:
    """(size, threads, case) for each size, from the case that the options name: the first of its operation without --shape.

    Raises:
        ValueError: more threads than cores, or a quantity that the operation's shape does not have.
    """
    name, sizes = options.sweep
    first = next(kernel_options.cases(options))
    if name == "threads":
        if max(sizes) > machine.cores():
            raise ValueError(f"sweep: {max(sizes)} threads, but there are {machine.cores()} cores")
        return [(size, size, first) for size in sizes]
    return [(size, options.threads, resized(first, name, size)) for size in sizes]


def resized(case: Case, name: str, size: int) -> Case:
    """The same case with another size.

    Raises:
        ValueError: an operation other than conv2d and dense, or a quantity that it does not have.
    """
    geometry = case.geometry
    if geometry is not None:
        batch, large, out = geometry.batch, geometry.large, geometry.small[2]
        if name == "batch":
            batch = size
        elif name == "side":
            large = (size, size, large[2])
        elif name == "channels":
            large = (*large[:2], size)
        elif name == "out_channels":
            out = size
        made = convolution_geometry(batch, large, out, geometry.kernel, geometry.stride, geometry.padding)
        if min(made.small) < 1:
            raise ValueError(f"sweep: a kernel of {geometry.kernel} does not fit into an image of {size}×{size}")
        return conv2d_case(f"{large[2]}→{out} at {large[0]}², batch {batch}", made)
    if case.operation == "dense" and name != "side":
        arrays = case.make(np.random.default_rng(0), np.dtype(np.float32))
        rows, features, out = (*arrays[0].shape, arrays[1].shape[1])
        chosen = {"batch": rows, "channels": features, "out_channels": out} | {name: size}
        rows, features, out = chosen.values()
        return dense_case(f"{features}→{out}, batch {rows}", rows, features, out)
    raise ValueError(f"sweep: {case.operation!r} cannot be swept over {name!r}: that is for conv2d and dense")


def command(options: argparse.Namespace, arguments: Sequence[str], run: Run) -> int:
    """Measure each size, print a table for each, and write what was asked for."""
    from . import kernel_output

    if not options.operation or len(options.operation) != 1:
        raise ValueError("sweep: belongs to one --operation")
    name, _ = options.sweep
    made = cases(options)
    kernel_options.check_names(options, {made[0][2].operation})
    found: dict[str, Any] = {}
    results: list[tuple[int, list[Row]]] = []
    report.print_head(f"{made[0][2].operation} over {name}, {options.dtype}", COLUMNS, width=WIDTH)
    options.in_step = False
    for size, threads, case in made:
        report.status(f"{name} {size}")
        rows, _, found = run(options, [case], threads, quiet=True)
        results.append((size, rows))
        for method in dict.fromkeys(row.method for row in rows):
            own = [[*_cells(row)] for row in rows if row.method == method and row.timing]
            report.print_group(COLUMNS, report.Group(f"{name} {size}: {method}", own), width=WIDTH)
    report.print_foot(machine.one_line(found), width=WIDTH)
    rows = [row for _, own in results for row in own]
    if options.json:
        content = [{**row.numbers(), name: size} for size, own in results for row in own]
        report.save_json(options.json, "kernels", arguments, found, dtype=options.dtype, sweep=name, rows=content)
    if options.csv:
        options.csv.write_text(kernel_output.csv_text(rows), encoding="utf-8")
    if options.markdown:
        command_line = " ".join(["python -m benchmarks kernels", *arguments])
        options.markdown.write_text(kernel_output.markdown_text(rows, command_line, found), encoding="utf-8")
    if options.plot:
        plot(options.plot, made[0][2], name, results, found, options.dtype)
    return 1 if any(row.wrong for row in rows) else 0


def _cells(row: Row) -> list[str]:
    from . import kernel_output

    cells = kernel_output._cells(row)
    return [*cells[:3], *cells[4:8]]


def plot(
    path: Path, case: Case, name: str, results: Sequence[tuple[int, Sequence[Row]]], found: dict[str, Any], dtype: str
) -> None:
    """A panel for each method, a line for each kernel."""
    panels = []
    for method in dict.fromkeys(row.method for _, rows in results for row in rows):
        lines: dict[str, tuple[list[float], list[Any]]] = {}
        for size, rows in results:
            for row in rows:
                if row.method == method and row.timing:
                    places, values = lines.setdefault(row.name, ([], []))
                    places.append(float(size))
                    values.append(row.timing.spread.scaled(1e3))
        panels.append(plots.Panel(method, name.replace("_", " "), [plots.Line(k, *v) for k, v in lines.items()]))
    title = f"{case.operation} over {name.replace('_', ' ')}, {dtype}; else as {case.label}"
    plots.save_lines(path, title, panels, found, quantity="milliseconds")
