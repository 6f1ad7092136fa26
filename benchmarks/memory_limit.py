"""`memory --limit GIB`: the largest batch whose training stays within so much memory, for each side.

The peak of a process is nearly a straight line over the batch size. Two small batches give the line, a batch that should
just fit is then trained in a process that may not take more, and its own peak is what counts: nothing is only extrapolated.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import children, players, report
from .players import OURS
from .setups import Setup

GIB, MIB = 2**30, 2**20
ATTEMPTS = 4
"""Batches that are tried near the limit, each smaller than the last."""
SMALLEST = 2

Peak = Callable[[int], int | None]
"""Batch size → bytes at the peak; None where memory ran out."""


class Fit(NamedTuple):
    """The largest batch that was found to fit, and what was measured on the way."""

    batch: int | None
    """None: not even the smallest batch fits."""
    peak: int | None
    """Bytes at that batch's peak, measured."""
    each: float
    """Bytes that one more example takes, between the two small batches."""
    measured: dict[int, int]
    """Batch size → bytes at the peak, of all that were tried and had memory enough."""


def check(limit: float, available: int) -> None:
    """Refuse a limit that is no amount of memory, or that would leave other programs of this machine too little.

    Raises:
        ValueError: `limit` GiB are not above 0, or more than half of the `available` bytes.
    """
    if not limit > 0:
        raise ValueError(f"limit: expected GiB above 0, got {limit:g}")
    if limit * GIB > available / 2:
        raise ValueError(
            f"limit: {limit:g} GiB are to be used, and {available / GIB:.1f} GiB are free on this machine; "
            f"at most half of that is taken, {available / 2 / GIB:.1f} GiB"
        )


def available() -> int:
    """Bytes that programs can still take without any being moved to disk, as the system says."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo does not say MemAvailable")


def largest(peak: Peak, limit: int, batch: int) -> Fit:
    """Find the largest batch whose peak is at most `limit` bytes, from peaks at `batch` and `batch`/2 on.

    >>> largest(lambda batch: 100 + 3 * batch, limit=1000, batch=64).batch
    300
    """
    measured: dict[int, int] = {}
    for size in (max(SMALLEST, batch // 2), batch):
        found = peak(size)
        if found is None:
            raise ValueError(f"limit: a batch of {size} does not fit; give a smaller --batch-size to begin with")
        measured[size] = found
    (small, low), (large, high) = sorted(measured.items())
    each = max((high - low) / (large - small), 1.0)
    guess = int(large + (limit - high) / each)
    for _ in range(ATTEMPTS):
        if guess < SMALLEST:
            break
        found = measured.get(guess) or peak(guess)
        if found is not None:
            measured[guess] = found
            if found <= limit:
                return Fit(guess, found, each, measured)
        over = 0.0 if found is None else (found - limit) / each
        guess = min(guess - int(over) - 1, int(guess * 0.97))
    return Fit(None, None, each, measured)


def main(
    options: argparse.Namespace,
    arguments: Any,
    setup: Setup,
    environment: Mapping[str, str],
    found: dict[str, Any],
    threads: int,
) -> int:
    """Ask every side, print a table and write what was found."""
    limit = int(options.limit * GIB)
    fits = {}
    for side in players.sides(setup, options.peer, quick=options.quick):
        report.status(side)
        fits[side] = largest(
            functools.partial(_peak, side, setup, options, environment, threads), limit, setup.batch_size
        )
    report.status("")
    rows = [
        {
            "candidate": name,
            "batch_size": fit.batch,
            "peak_mib": None if fit.peak is None else fit.peak / MIB,
            "mib_an_example": fit.each / MIB,
            "measured_mib": {str(batch): peak / MIB for batch, peak in sorted(fit.measured.items())},
        }
        for name, fit in fits.items()
    ]
    lines = [
        [
            name,
            "none" if fit.batch is None else f"{fit.batch:,}",
            "" if fit.peak is None else report.short(fit.peak / MIB),
            report.short(fit.each / MIB),
            ", ".join(f"{batch}: {report.short(peak / MIB)}" for batch, peak in sorted(fit.measured.items())),
        ]
        for name, fit in fits.items()
    ]
    columns = (("", 33), ("largest batch", 13), ("its peak", 8), ("an example", 10), ("measured, batch: MiB", 44))
    caption = (
        f"Within {options.limit:g} GiB for the whole process, imports too; MiB; {threads} threads, {options.dtype}.  "
        "its peak: measured.  an example: what each more takes, between the first two batches that were measured."
    )
    report.print_table("largest batches", columns, [report.Group("", lines, [])], caption)
    if options.json:
        report.save_json(
            options.json,
            "memory",
            arguments,
            found,
            setup=setup._asdict(),
            dtype=options.dtype,
            threads=threads,
            limit_gib=options.limit,
            rows=rows,
        )
    return 0 if fits[OURS].batch is not None else 1


def _peak(
    side: str,
    setup: Setup,
    options: argparse.Namespace,
    environment: Mapping[str, str],
    threads: int,
    batch: int,
) -> int | None:
    """The peak of a process that trains with this batch and may not take more than the limit beyond its imports."""
    request = players.request_of(side, setup._replace(batch_size=batch), options.dtype, threads)
    answer = children.ask("memory_child", {**request, "steps": 1, "within": int(options.limit * GIB)}, environment)
    peak = answer["peak"]
    return None if peak is None else int(peak)
