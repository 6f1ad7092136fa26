"""Why a kernel is the default: what each candidate was estimated to cost beside what it took, for one case."""

from __future__ import annotations

from collections.abc import Sequence

from .kernel_rows import Row
from .report import short

MUCH = 1.10
"""A default that takes this many times what the best candidate takes is said to be a bad choice."""


def totals(rows: Sequence[Row]) -> dict[str, float]:
    """Seconds of all methods of each kernel on one case; only of those whose methods were all timed."""
    methods = {row.method for row in rows if row.kind == "kernel" and row.timing}
    found = {}
    for name in dict.fromkeys(row.name for row in rows if row.kind == "kernel"):
        own = {row.method: row.median for row in rows if row.name == name and row.kind == "kernel" and not row.wrong}
        times = [seconds for seconds in own.values() if seconds is not None]
        if methods and len(times) == len(methods):
            found[name] = sum(times)
    return found


def explain(rows: Sequence[Row]) -> list[str]:
    """Lines for below the case: estimates and times relative to the default's, and whether the choice was a bad one.

    rows: of one case. Nothing where there was nothing to choose.
    """
    taken = totals(rows)
    costs = {row.name: row.cost for row in rows if row.kind == "kernel" and row.cost is not None}
    default = next((row.name for row in rows if row.default), None)
    names = [name for name in taken if name in costs]
    if default not in taken or default not in costs or len(names) < 2:
        return []
    parts = [
        f"{name} {short(costs[name] / costs[default])} | {short(taken[name] / taken[default])}"
        for name in sorted(names, key=lambda name: costs[name])
    ]
    lines = [f"why {default}: estimated | measured, relative to it: {';  '.join(parts)}"]
    best = min(taken, key=lambda name: taken[name])
    if taken[default] > MUCH * taken[best]:
        excess = taken[default] / taken[best] - 1
        inside = {name: sum(row.in_step or 0.0 for row in rows if row.name == name) for name in (default, best)}
        if all(inside.values()) and inside[default] <= inside[best]:
            lines.append(f"alone {best} is {excess:.0%} faster than the default; in a training step it is not")
        else:
            lines.append(f"the choice costs {excess:.0%}: {default} takes that much longer than {best}")
    return lines
