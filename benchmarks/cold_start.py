"""From the command to the first training step, in fresh processes: with no compiled kernels on disk, as on a new machine,
and with those of an earlier process; PyTorch's way beside it.

The time is that of the interpreter, the imports, building the players and the first step. (Neither side's data are part
of it, nor the making of the weights that PyTorch's players are given.) Both starts of ours must give the same losses to
the last bit, what they compile must be kept in the folder that was empty, and a step in float64 must give the numbers that
PyTorch's gives; if not, the exit code is 1. Files lie in the system's own cache after the first round, so a disk's own
slowness is not in it.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import children, machine, players, plots, report, setups
from .agreement import Agreement
from .children import Answer
from .players import OURS

CACHES = ("GAN_NP_CACHE", "GAN_NP_CACHE_DIR", "NUMBA_CACHE_DIR")
EMPTY, FILLED = "gan_np, empty cache", "gan_np, cache of an earlier process"
PARTS = ("interpreter", "import", "build", "first_step", "to_first_step", "later_step")


def main(arguments: Sequence[str]) -> int:
    """0: the same numbers from all; 1: not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        (setup,) = setups.chosen(options).values()
        setups.make_gan(setup, np.dtype(options.dtype))
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    threads = options.threads or machine.default_threads(options.quick)
    with machine.threads(threads):
        found = machine.describe()  # of this process, held as the others are
    sides = players.sides(setup, options.peer, quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="gan_np-cold-start-") as folder:
        asks = _asks(sides, setup, options, threads, Path(folder))
        answers = children.rounds(options.repeats or (1 if options.quick else 5), asks)
    same = all(
        empty["losses"] == filled["losses"] for empty, filled in zip(answers[EMPTY], answers[FILLED], strict=True)
    )
    agreements = [Agreement.of(answers[name][0]["agreement"]) for name in sides if name != OURS]
    rows = _rows(answers)
    _print(setups.describe(setup), rows, same, agreements, found, threads, options)
    if options.json:
        report.save_json(
            options.json,
            "cold_start",
            arguments,
            found,
            setup=setup._asdict(),
            dtype=options.dtype,
            threads=threads,
            cache_variables=list(options.cache_variables),
            same_losses=same,
            agreements=[agreement.numbers() for agreement in agreements],
            rows=rows,
        )
    if options.plot:
        _plot(options.plot, setups.describe(setup), answers, found)
    if not rows[0]["cached_files"] and answers[EMPTY][0]["compiler"]:
        report.say(
            "WRONG: compiled kernels ran, but nothing was written where their cache should be: it is elsewhere, so no start "
            "was cold; --cache-variables names the variables that move it"
        )
        return 1
    return 0 if same and all(agreement.holds for agreement in agreements) else 1


def _asks(
    sides: list[str], setup: setups.Setup, options: argparse.Namespace, threads: int, folder: Path
) -> dict[str, Any]:
    """Each candidate's question; every round begins with a folder that nobody has used."""
    environment = machine.thread_environment(threads)
    caches: list[Path] = []

    def ours(*, empty: bool) -> Answer:
        if empty:
            caches.append(folder / str(len(caches)))
            caches[-1].mkdir()
        variables = dict.fromkeys(options.cache_variables, str(caches[-1])) | {"GAN_NP_SHIPPED": "0"}
        request = players.request_of(OURS, setup, options.dtype, threads)
        found = children.ask("start_child", request, environment | variables)
        files = [file for file in caches[-1].rglob("*") if file.is_file()]
        return {**found, "cached_files": len(files), "cached_bytes": sum(file.stat().st_size for file in files)}

    asks: dict[str, Any] = {EMPTY: functools.partial(ours, empty=True), FILLED: functools.partial(ours, empty=False)}
    for side in sides:
        if side != OURS:
            request = players.request_of(side, setup, options.dtype, threads)
            asks[side] = functools.partial(children.ask, "start_child", request, environment)
    return asks


def _rows(answers: dict[str, list[Answer]]) -> list[dict[str, Any]]:
    """For JSON, in seconds; `speed_of_gan_np`: its time to the first step divided by that of ours with a filled cache."""
    return [
        {
            "candidate": name,
            "processes": len(found),
            **{part: children.spread(found, part).numbers() for part in PARTS},
            "cached_files": found[-1].get("cached_files"),
            "cached_mib": found[-1]["cached_bytes"] / 2**20 if "cached_bytes" in found[-1] else None,
            "speed_of_gan_np": children.quotient(found, answers[FILLED], "to_first_step").numbers(),
        }
        for name, found in answers.items()
    ]


def _print(
    what: str,
    rows: list[dict[str, Any]],
    same: bool,
    agreements: list[Agreement],
    found: dict[str, Any],
    threads: int,
    options: argparse.Namespace,
) -> None:
    lines = [
        [
            row["candidate"],
            *(f"{row[part]['median']:.2f}" for part in PARTS[:-1]),
            f"{row['later_step']['median']:.3f}",
            "" if row["candidate"] == FILLED else report.ratio(row["speed_of_gan_np"]),
        ]
        for row in rows
    ]
    files, mib = rows[0]["cached_files"], rows[0]["cached_mib"]
    kept = f"{files} files, {report.short(mib)} MiB" if files else "nothing"
    notes = [f"kept for later processes in {' or '.join(options.cache_variables)}: {kept}"]
    caption = (
        f"seconds, medians of {rows[0]['processes']} processes each, {threads} threads, {options.dtype}.  all: the sum of "
        "what stands before it.  later step: the median of those that follow.  × gan_np: its sum divided by that of "
        f"gan_np with a filled cache, quartiles; above 1 gan_np starts sooner.\n{machine.one_line(found)}"
    )
    columns = (
        ("", 36),
        ("interpreter", 11),
        ("import", 6),
        ("build", 6),
        ("first step", 10),
        ("all", 6),
        ("later step", 10),
        ("× gan_np", 16),
    )
    report.print_table(f"to the first training step, {what}", columns, [report.Group("", lines, notes)], caption)
    report.say(f"losses with and without a filled cache {'are the same' if same else 'DISAGREE'}")
    for agreement in agreements:
        report.say(agreement.line())


def _plot(path: Path, what: str, answers: dict[str, list[Answer]], found: dict[str, Any]) -> None:
    parts = (
        ("import", "import alone"),
        ("first_step", "first step alone"),
        ("to_first_step", "from the command to the first step"),
    )
    dots = [
        plots.Dot(name.replace(", ", ",\n"), label, children.spread(own, part))
        for name, own in answers.items()
        for part, label in parts
    ]
    reading = "Medians of fresh processes, bars their middle half; left is sooner."
    plots.save_dots(path, f"Cold start, {what}", dots, found, quantity="seconds", unit="s", reading=reading)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cold_start", description=__doc__)
    setups.add_options(parser, "mnist")
    parser.add_argument("--repeats", type=int, help="processes of each kind (default 5)")
    parser.add_argument(
        "--cache-variables",
        type=lambda text: text.split(","),
        default=CACHES,
        metavar="A,B",
        help=f"environment variables that say where compiled kernels are kept (default {','.join(CACHES)})",
    )
    report.add_contest_options(parser)
    report.add_options(parser)
    return parser
