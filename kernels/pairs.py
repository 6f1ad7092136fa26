"""Rows of values in which every pair of values of two parameters occurs: few cases that leave no combination of two out.

A fault that shows only where two parameters have certain values (batch 1 and stride 2) is met by one of the rows for sure,
one that needs three with some luck (Cohen et al. 1997, "The AETG system").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Row = dict[str, Any]
TRIES = 24
"""Rows that are drawn for each row that is taken."""


class Span(NamedTuple):
    """A number drawn between two others, evenly in its logarithm, and rounded to three digits."""

    low: float
    high: float
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        """Return a number drawn from the span."""
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return round(value) if self.whole else float(f"{value:.3g}")


def every_pair(
    values: Mapping[str, Sequence[Any]], rng: np.random.Generator, allowed: Callable[[Row], bool] = lambda row: True
) -> list[Row]:
    """Return rows (parameter → value) in which each two values of two parameters stand together at least once.

    values: the values that each parameter may have; a `Span` stands for a number that is drawn anew for each row.
    allowed: says of a row whether it makes sense; pairs that no drawn row with them does are left out.
    """
    names = list(values)
    alone = [((name, index),) for name in names for index in range(len(values[name]))]
    together = [
        ((first, i), (second, j))
        for first, second in itertools.combinations(names, 2)
        for i in range(len(values[first]))
        for j in range(len(values[second]))
    ]
    missing: dict[tuple[tuple[str, int], ...], None] = dict.fromkeys(together or alone)
    rows = []
    while missing:
        wanted = next(iter(missing))
        best: tuple[int, Row, list[tuple[tuple[str, int], ...]]] | None = None
        for _ in range(TRIES):
            chosen = {name: int(rng.integers(len(values[name]))) for name in names} | dict(wanted)
            row = {name: _value(values[name][index], rng) for name, index in chosen.items()}
            if not allowed(row):
                continue
            pairs = itertools.combinations(((name, chosen[name]) for name in names), 2)
            gained = [pair for pair in (pairs if together else (wanted,)) if pair in missing]
            if best is None or len(gained) > best[0]:
                best = len(gained), row, gained
        if best is None:
            del missing[wanted]
            continue
        rows.append(best[1])
        for pair in best[2]:
            del missing[pair]
    return rows


def _value(value: Any, rng: np.random.Generator) -> Any:
    return value.draw(rng) if isinstance(value, Span) else value
