"""The memory of a training step: each side trains in processes of its own, which say what they took.

"above imports" is the most that was ever resident less what was resident after the imports: weights, moments, data and
what a step needs. Then what a step in steady state still asks the system for (pages mapped in anew, a minor fault each),
and of ours what Python and NumPy allocate in it. One step of each side in float64 gives the same numbers, or the exit
code is 1. With --limit: the largest batch that trains within so many GiB, for each side.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import children, machine, memory_limit, players, plots, report, setups
from .agreement import Agreement
from .children import Answer
from .players import OURS
from .timing import Spread

MIB = 2**20
NUMBERS = (
    "imported",
    "imported_later",
    "peak",
    "above_imports",
    "steady",
    "mapped_a_step",
    "traced_peak",
    "traced_kept",
)


def main(arguments: Sequence[str]) -> int:
    """0: both sides agree (or there is only one); 1: they do not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        (setup,) = setups.chosen(options).values()
        setups.make_gan(setup, np.dtype(options.dtype))
        if not Path("/proc/self/statm").exists():
            raise ValueError("memory: is read from /proc, which this system does not have")
        if options.limit is not None:
            memory_limit.check(options.limit, memory_limit.available())
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    threads = options.threads or machine.default_threads(options.quick)
    with machine.threads(threads):
        found = machine.describe()  # of this process, held as the others are
    environment = machine.thread_environment(threads)
    if options.limit is not None:
        return memory_limit.main(options, arguments, setup, environment, found, threads)
    steps = options.steps or (1 if options.quick else 3)
    asks = {}
    for side in players.sides(setup, options.peer, quick=options.quick):
        request = {**players.request_of(side, setup, options.dtype, threads), "steps": steps}
        asks[side] = functools.partial(children.ask, "memory_child", request, environment)
    answers = children.rounds(options.repeats or (1 if options.quick else 3), asks)
    agreements = [Agreement.of(found[0]["agreement"]) for name, found in answers.items() if name != OURS]
    rows = _rows(answers)
    _print(setups.describe(setup), rows, agreements, found, threads, options)
    if options.json:
        report.save_json(
            options.json,
            "memory",
            arguments,
            found,
            setup=setup._asdict(),
            dtype=options.dtype,
            threads=threads,
            agreements=[agreement.numbers() for agreement in agreements],
            rows=rows,
        )
    if options.plot:
        _plot(options.plot, setups.describe(setup), answers, found)
    return 0 if all(agreement.holds for agreement in agreements) else 1


def _rows(answers: dict[str, list[Answer]]) -> list[dict[str, Any]]:
    """For JSON, all in MiB; `gan_np_over_it`: our memory above imports divided by this one's, round by round."""
    least = _least_peer(answers)
    return [
        {
            "candidate": name,
            "least_peer": name == least,
            **{
                f"{key}_mib": children.spread(found, key).scaled(1 / MIB).numbers()
                for key in NUMBERS
                if key in found[0]
            },
            "seconds": children.spread(found, "seconds").numbers(),
            "processes": len(found),
            "gan_np_over_it": children.quotient(answers[OURS], found, "above_imports").numbers(),
        }
        for name, found in answers.items()
    ]


def _least_peer(answers: dict[str, list[Answer]]) -> str | None:
    """The opponent that takes least."""
    return min(
        (name for name in answers if name != OURS),
        key=lambda name: children.spread(answers[name], "above_imports").median,
        default=None,
    )


def _print(
    what: str,
    rows: list[dict[str, Any]],
    agreements: list[Agreement],
    found: dict[str, Any],
    threads: int,
    options: argparse.Namespace,
) -> None:
    lines = []
    for row in rows:
        cells = [row["candidate"] + (" *" if row["least_peer"] else "")]
        keys = ("imported", "peak", "above_imports", "steady", "mapped_a_step", "traced_peak")
        cells += [report.short(row[f"{key}_mib"]["median"]) if f"{key}_mib" in row else "" for key in keys]
        lines.append([*cells, "" if row["candidate"] == OURS else report.ratio(row["gan_np_over_it"])])
    notes = []
    if later := rows[0]["imported_later_mib"]["median"]:
        notes.append(
            f"{OURS}: of what is above imports, {report.short(later)} MiB are the kernels' compiler, imported later"
        )
    caption = (
        f"MiB, medians of {rows[0]['processes']} processes each, {threads} threads, {options.dtype}.  above imports: peak "
        "less what was resident after the imports.  steady: the same after the last step instead of at the peak.  mapped: "
        "pages that a step asks the system for.  allocated: the most that Python and NumPy hold more during a step than "
        "before it (compiled kernels' own memory is not seen there).  gan_np ÷ it: of what is above imports, quartiles; "
        f"below 1 gan_np takes less.{'  * the least of PyTorch.' if len(rows) > 1 else ''}\n{machine.one_line(found)}"
    )
    columns = (
        ("", 33),
        ("imports", 7),
        ("peak", 6),
        ("above imports", 13),
        ("steady", 6),
        ("mapped", 6),
        ("allocated", 9),
        ("gan_np ÷ it", 16),
    )
    report.print_table(f"memory of training, {what}", columns, [report.Group("", lines, notes)], caption)
    for agreement in agreements:
        report.say(agreement.line())


def _plot(path: Path, what: str, answers: dict[str, list[Answer]], found: dict[str, Any]) -> None:
    dots = [
        plots.Dot(name, label, Spread.of([answer[key] / MIB for answer in own]))
        for name, own in answers.items()
        for key, label in (("above_imports", "above imports, at the peak"), ("imported", "imports"))
    ]
    reading = "Medians of processes; left is less memory."
    plots.save_dots(path, f"Memory of training, {what}", dots, found, quantity="MiB", unit="MiB", reading=reading)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=__doc__)
    setups.add_options(parser, "dcgan64")
    parser.add_argument("--steps", type=int, help="steps in each process, after two (default 3)")
    parser.add_argument("--repeats", type=int, help="processes of each side (default 3)")
    parser.add_argument(
        "--limit", type=float, metavar="GIB", help="find the largest batch that trains within so much memory instead"
    )
    report.add_contest_options(parser)
    report.add_options(parser)
    return parser
