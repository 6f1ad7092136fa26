"""Two results of `python -m benchmarks kernels --json` held against each other: ratios with confidence intervals, a
verdict, a gate.

The ratio of a row is the median of the old rounds divided by that of the new ones: 1.2 is 1.2 times as fast. Its interval
is a percentile bootstrap of the rounds (Efron 1979), with a fixed seed. "faster" and "slower" are said where the interval
lies on one side of 1 and the ratio is further from 1 than what counts as the same; what cannot be told apart is "same".
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import report

SAME = 0.03
"""Ratios nearer to 1 than this are "same" whatever their interval: less is not worth a change."""
CONFIDENCE = 0.95
LEAST_ROUNDS, ALONE = 3, 2.0
"""Fewer rounds on a side have no interval of their own (who is far slower than others is timed in one round alone): then the
interval is the ratio times and divided by this."""
DRAWS = 2000
WIDTH = 100
KEY = ("operation", "case", "method", "candidate", "threads", "cache")


class Verdict(NamedTuple):
    """One row of both results."""

    key: tuple[Any, ...]
    """operation, case, method, candidate, threads, cache."""
    old: float
    """Median in milliseconds."""
    new: float
    ratio: float
    """old / new: above 1 the new one is faster."""
    low: float
    high: float
    verdict: str
    """"faster", "slower" or "same"."""

    def slower_than(self, share: float) -> bool:
        """Whether it takes longer by more than `share`, and the interval says so too."""
        return 1 / self.ratio > 1 + share and self.high < 1


def bootstrap(old: Sequence[float], new: Sequence[float], *, seed: int = 0) -> tuple[float, float, float]:
    """(ratio of medians, lower end, upper end) at 95 %; of fewer than three rounds on a side the ends are half the ratio
    and twice it.

    Raises:
        ValueError: no rounds, or a time that is not positive.
    """
    sides = [np.asarray(side, np.float64) for side in (old, new)]
    for name, side in zip(("old", "new"), sides, strict=True):
        if side.size == 0 or not (np.isfinite(side).all() and (side > 0).all()):
            raise ValueError(f"{name}: expected times above 0, got {list(side)}")
    ratio = float(np.median(sides[0]) / np.median(sides[1]))
    if min(side.size for side in sides) < LEAST_ROUNDS:
        return ratio, ratio / ALONE, ratio * ALONE
    rng = np.random.default_rng(seed)
    drawn = [np.median(side[rng.integers(0, side.size, (DRAWS, side.size))], axis=1) for side in sides]
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(drawn[0] / drawn[1], (tail, 100 - tail))
    return ratio, float(low), float(high)


def judge(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """The rows that both have and timed, in the order of the new ones."""
    before = {_key(row): row for row in old if row.get("rounds")}
    found = []
    for row in new:
        other = before.get(_key(row))
        if other is None or not row.get("rounds"):
            continue
        ratio, low, high = bootstrap(other["rounds"], row["rounds"])
        apart = abs(math.log(ratio)) > math.log1p(SAME)
        verdict = "faster" if apart and low > 1 else "slower" if apart and high < 1 else "same"
        times = (float(np.median(one["rounds"])) for one in (other, row))
        found.append(Verdict(_key(row), *times, ratio, low, high, verdict))
    return found


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in KEY)


def read(path: Path) -> dict[str, Any]:
    """A result of this benchmark.

    Raises:
        ValueError: not such a file; the message names it.
    """
    if not path.is_file():
        raise ValueError(f"compare: there is no file {str(path)!r}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"compare: {path} is not JSON that can be read: {error}") from None
    if not isinstance(found, dict) or found.get("benchmark") != "kernels" or not isinstance(found.get("rows"), list):
        raise ValueError(f"compare: {path} was not written by python -m benchmarks kernels --json")
    if any(isinstance(row.get("rounds"), int) or "method" not in row for row in found["rows"]):
        raise ValueError(f"compare: {path} is of an older version, without its rounds; measure again")
    return found


def command(options: argparse.Namespace) -> int:
    """`--compare OLD NEW`: the table, files if asked for; 1 where a row is slower than `--gate` allows."""
    old, new = (read(path) for path in options.compare)
    if _machine(old) != _machine(new):
        report.say(f"careful: two machines or settings, {_machine(old)} and {_machine(new)}")
    return finish(options, judge(old["rows"], new["rows"]), [str(path) for path in options.compare])


def finish(options: argparse.Namespace, verdicts: Sequence[Verdict], names: Sequence[str]) -> int:
    """Print, write what was asked for, and decide."""
    if not verdicts:
        raise ValueError(
            "compare: the two have no row in common that was timed; same case, kernel, threads and caches?"
        )
    show(verdicts, names)
    if options.csv:
        options.csv.write_text(csv_text(verdicts), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(markdown_text(verdicts, names), encoding="utf-8")
    return gated(verdicts, options.gate)


def gate(options: argparse.Namespace, rows: Sequence[Mapping[str, Any]]) -> int:
    """`--against OLD.json` after a measurement, with `--gate` or without."""
    before = read(options.against)["rows"]
    verdicts = judge(before, rows)
    if not verdicts:
        raise ValueError(
            f"against: {options.against} has no row in common with this measurement: {_apart(before, rows)}"
        )
    return finish(
        argparse.Namespace(csv=None, markdown=None, gate=options.gate), verdicts, [str(options.against), "now"]
    )


def _apart(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> str:
    """What tells two measurements apart, in words."""
    said = []
    for name in KEY:
        sides = [sorted({str(row.get(name)) for row in rows}) for rows in (old, new)]
        if not set(sides[0]) & set(sides[1]):
            said.append(f"{name} {', '.join(sides[0][:3])} there, {', '.join(sides[1][:3])} here")
    return "; ".join(said) or "other combinations of cases and kernels"


def gated(verdicts: Sequence[Verdict], share: float | None) -> int:
    """1 where a row takes longer by more than `share` and its interval lies wholly below 1; says which."""
    if share is None:
        return 0
    slower = [verdict for verdict in verdicts if verdict.slower_than(share)]
    for verdict in slower:
        report.say(
            f"gate: {' '.join(map(str, verdict.key[:4]))} takes {1 / verdict.ratio - 1:.0%} longer, allowed {share:.0%}"
        )
    return 1 if slower else 0


def _machine(result: Mapping[str, Any]) -> tuple[Any, ...]:
    machine = result.get("machine", {})
    return machine.get("cpu"), result.get("dtype"), result.get("threads")


COLUMNS = (("kernel", 32), ("old ms", 9), ("new ms", 9), ("× as fast", 9), ("95 %", 13), ("verdict", 8))


def show(verdicts: Sequence[Verdict], names: Sequence[str]) -> None:
    """The table, those that changed most first within each operation's case."""
    report.print_head(f"{names[0]} → {names[1]}", COLUMNS, width=WIDTH)
    for heading in dict.fromkeys(_heading(verdict) for verdict in verdicts):
        own = [verdict for verdict in verdicts if _heading(verdict) == heading]
        report.print_group(COLUMNS, report.Group(heading, [_cells(verdict) for verdict in own]), width=WIDTH)
    counts = {name: sum(v.verdict == name for v in verdicts) for name in ("faster", "slower", "same")}
    middle = math.exp(float(np.mean([math.log(verdict.ratio) for verdict in verdicts])))
    report.print_foot(
        ", ".join(f"{count} {name}" for name, count in counts.items())
        + f"; geometric mean {middle:.3f} times as fast.  "
        f"95 %: bootstrap of the rounds' medians; of fewer than {LEAST_ROUNDS} rounds half the ratio to twice it. "
        f"faster, slower: the interval leaves out 1, and it is more than {SAME:.0%}.",
        width=WIDTH,
    )


def _heading(verdict: Verdict) -> str:
    operation, case, method, _, threads, cache = verdict.key
    return f"{operation} {case}: {method}, {threads} thread{'' if threads == 1 else 's'}, {cache}"


def _cells(verdict: Verdict) -> list[str]:
    colour = {"faster": "green", "slower": "red", "same": "dim"}[verdict.verdict]
    return [
        f"  {verdict.key[3]}",
        f"{verdict.old:.4g}",
        f"{verdict.new:.4g}",
        f"{verdict.ratio:.3f}",
        f"{verdict.low:.3f}–{verdict.high:.3f}",
        f"[{colour}]{verdict.verdict}[/{colour}]",
    ]


def csv_text(verdicts: Sequence[Verdict]) -> str:
    """A line for each row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*KEY, *Verdict._fields[1:]])
    for verdict in verdicts:
        writer.writerow([*verdict.key, *verdict[1:]])
    return text.getvalue()


def markdown_text(verdicts: Sequence[Verdict], names: Sequence[str]) -> str:
    """A table for a page."""
    lines = [
        f"{names[0]} → {names[1]}",
        "",
        "| case | method | kernel | old ms | new ms | × as fast (95 %) | verdict |",
    ]
    lines.append("|" + "---|" * 7)
    for v in verdicts:
        cells = (f"{v.key[0]} {v.key[1]}", v.key[2], v.key[3], f"{v.old:.4g}", f"{v.new:.4g}")
        lines.append(f"| {' | '.join(map(str, cells))} | {v.ratio:.2f} ({v.low:.2f}–{v.high:.2f}) | {v.verdict} |")
    return "\n".join(lines) + "\n"


def share(text: str) -> float:
    """ "5%" or "0.05" as 0.05, for argparse."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 10:
        raise argparse.ArgumentTypeError(f"expected a share such as 5%, got {text!r}")
    return value
