"""What a sweep found: a row for each combination of settings, over its seeds, the best first."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gan_np.durations import time_in_words
from gan_np.evaluation.parts import Table
from gan_np.evaluation.report import plain
from gan_np.files import write_atomically
from gan_np.notebook import html_table
from gan_np.runs.differences import MISSING, written
from gan_np.runs.run_figures import called, chosen_figures

FORMAT_VERSION = 1
DONE, NOT_FINITE, FAILED, NOT_DONE = "done", "not finite", "failed", "not done"
"""What may have become of a run."""


class Spread(NamedTuple):
    """A figure over seeds: its median, its least and its greatest value, and for how many seeds it was measured."""

    median: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.median:.4g}" + (f" ({self.low:.4g} to {self.high:.4g})" if self.seeds > 1 else "")


@dataclass(frozen=True)
class RunResult:
    """What became of one run.

    name: of its folder. varied, seed: what is its own. state: "done", "not finite", "failed" or "not done". said: what
    went wrong. steps, seconds: of its training so far. figures: by key, as `evaluate` has them. by_network: whether features
    were read by a classifier or another network.
    """

    name: str
    varied: Mapping[str, Any]
    seed: int
    state: str
    said: str = ""
    steps: int = 0
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)
    by_network: bool = False


@dataclass(frozen=True)
class Combination:
    """The runs of one combination of settings, one for each seed."""

    varied: Mapping[str, Any]
    runs: tuple[RunResult, ...]

    def spread(self, key: str) -> Spread | None:
        """A figure over the seeds for which it was measured; None where it was for none."""
        values = [run.figures[key] for run in self.runs if math.isfinite(run.figures.get(key, math.nan))]
        return Spread(statistics.median(values), min(values), max(values), len(values)) if values else None

    @property
    def done(self) -> int:
        """How many of the runs came to their end."""
        return sum(run.state == DONE for run in self.runs)

    @property
    def state(self) -> str:
        """What became of them, in a word: the worst."""
        states = [run.state for run in self.runs]
        return next(state for state in (NOT_FINITE, FAILED, NOT_DONE, DONE) if state in states)

    @property
    def seconds(self) -> float:
        """The median time of a training."""
        return statistics.median(run.seconds for run in self.runs)


@dataclass(frozen=True)
class SweepResults:
    """Combinations with their figures, sorted by one of them: the least first, then those of which a run is not done or
    failed, and last those without it.

    combinations: in that order. by: the key of that figure, empty where nothing was measured. shown: the keys of all figures
    that are shown. A notebook shows a table.
    """

    combinations: tuple[Combination, ...]
    by: str
    shown: tuple[str, ...]

    @classmethod
    def of(cls, runs: Iterable[RunResult]) -> SweepResults:
        """Runs, put together by what is varied.

        They are sorted by the Fréchet distance where a network read features, and by the sliced Wasserstein distance of the
        finest level otherwise; of vectors, which have no levels, by the Fréchet distance of the numbers themselves.
        """
        found: dict[str, list[RunResult]] = {}
        for run in runs:
            found.setdefault(repr(dict(run.varied)), []).append(run)
        combinations = [Combination(each[0].varied, tuple(each)) for each in found.values()]
        measured = [run for each in combinations for run in each.runs if run.figures]
        keys = chosen_figures(key for run in measured for key in run.figures)  # Fréchet's distance before the others
        if len(keys) > 1 and not all(run.by_network for run in measured):
            keys = keys[1:]
        by = keys[0] if keys else ""

        def order(one: Combination) -> tuple[bool, bool, float]:
            spread = one.spread(by)
            return spread is None, one.state != DONE, 0.0 if spread is None else spread.median

        return cls(tuple(sorted(combinations, key=order)), by, tuple(keys))

    @property
    def best(self) -> Combination | None:
        """The first, if all its runs are done and measured."""
        first = self.combinations[0] if self.combinations else None
        return first if first is not None and first.state == DONE and first.spread(self.by) is not None else None

    @property
    def troubles(self) -> list[RunResult]:
        """The runs that did not come to their end, with what they say of it."""
        return [run for each in self.combinations for run in each.runs if run.said]

    def table(self) -> Table:
        """A row for each combination: its settings, its figures as a median over seeds (the least to the greatest), how
        many of its runs came to their end, and the time that the training of one took."""
        names = list(self.combinations[0].varied)
        heads = (*names, *map(called, self.shown), "seeds", "time")
        rows = []
        for one in self.combinations:
            spreads = [one.spread(key) for key in self.shown]
            cells = [MISSING if spread is None else str(spread) for spread in spreads]
            seeds = f"{len(one.runs)}" if one.done == len(one.runs) else f"{one.done} of {len(one.runs)}, {one.state}"
            settings = [written(one.varied[name]) for name in names]
            rows.append((*settings, *cells, seeds, time_in_words(one.seconds)))
        return Table(heads, tuple(rows), numbers=tuple(range(len(names), len(heads))), note=self.note)

    @property
    def note(self) -> str:
        """What the figures are, and by which the rows are sorted."""
        if not self.by:
            return "nothing was measured"
        several = any(len(one.runs) > 1 for one in self.combinations)
        return f"sorted by {called(self.by)}, less is better" + (
            "; medians over seeds, in brackets the least to the greatest" if several else ""
        )

    def to_mapping(self) -> dict[str, Any]:
        """For JSON: combinations in their order, with the spread of every figure that is shown, and each of their runs."""
        combinations = []
        for one in self.combinations:
            spreads = {key: spread._asdict() for key in self.shown if (spread := one.spread(key)) is not None}
            runs = [
                {
                    "run": run.name,
                    "seed": run.seed,
                    "state": run.state,
                    **({"said": run.said} if run.said else {}),
                    "steps": run.steps,
                    "seconds": run.seconds,
                    "figures": dict(run.figures),
                }
                for run in one.runs
            ]
            combinations.append({"settings": dict(one.varied), "figures": spreads, "runs": runs})
        found: dict[str, Any] = plain(
            {"format_version": FORMAT_VERSION, "sorted_by": self.by or None, "combinations": combinations}
        )
        return found

    def save(self, file: str | Path) -> Path:
        """Write them as JSON."""
        text = json.dumps(self.to_mapping(), indent=1, ensure_ascii=False, allow_nan=False)
        return write_atomically(file, (text + "\n").encode())

    def _repr_html_(self) -> str:
        table = self.table()
        return html_table(table.columns, table.rows)
