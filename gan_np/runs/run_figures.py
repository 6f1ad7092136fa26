"""What a run says of itself in numbers: how far it got, what a step takes, and what was measured of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_np.metrics.registered import metric_of

from . import checkpoint
from .folder import PREFIX
from .overview import RunOverview
from .recorder import SCORE_IMAGES
from .tensor_file import CheckpointError

MEASURES = ("frechet_distance", "sliced_wasserstein")
"""The figures of evaluations that are shown: metrics of which less is better, by name."""
SCORE = f"sliced Wasserstein, {SCORE_IMAGES} samples"
"""How the score is called by which a training keeps its best checkpoint."""
FIGURES = "figures.json"
"""In a run folder: what a sweep measured of it at its end; `gan-np evaluate` writes evaluation.json."""
FAILURE = "failure.json"
"""In the folder of a run of a sweep: why it could not be trained to its end."""
MEASURED = {"evaluation.json": "evaluate", FIGURES: "sweep"}
"""Files with figures of a run as it was at some checkpoint, and how they are called."""


@dataclass(frozen=True)
class RunFigure:
    """A number that a run has.

    value: the number, the last one where it was measured several times. step: after which, where that is known. best: the
    least of them, if that is another. said: the number in words, where they say more.
    """

    value: float
    step: int | None = None
    best: RunFigure | None = None
    said: str = ""

    @classmethod
    def of(cls, measured: Sequence[RunFigure]) -> RunFigure:
        """Measurements after several steps, in their order, as one figure."""
        last, best = measured[-1], min(measured, key=lambda figure: figure.value)
        return cls(last.value, last.step, best if best.value < last.value else None)

    def __str__(self) -> str:
        if self.said:
            return self.said
        best = "" if self.best is None else f" (best {self.best.value:.4g} at {self.best.step:,})"
        return f"{self.value:.4g}{best}"

    def to_mapping(self) -> dict[str, Any]:
        """For JSON, with what is known."""
        found: dict[str, Any] = {"value": self.value}
        if self.step is not None:
            found["step"] = self.step
        return found if self.best is None else found | {"best": self.best.to_mapping()}


def figures_of(run: RunOverview) -> dict[str, RunFigure]:
    """The figures of a run, by the name under which they are shown; of a run of several stages those of each, and of the
    whole.

    - steps done, of those that were asked for;
    - seconds per step: mean over the log, from its first line to its last, with grids and checkpoints between;
    - sliced Wasserstein, 256 samples: the score of its checkpoints, by which a training keeps the best;
    - Fréchet and sliced Wasserstein distances (of the finest level) of evaluations while it trained (`evaluate_every`);
    - those that `gan-np evaluate` or a sweep measured of it.
    """
    found: dict[str, RunFigure] = {}
    for name, stage in (run.stages or {"": run}).items():
        before = f"{name}: " if name else ""
        if stage is None:
            found[f"{before}steps done"] = RunFigure(0, said="0, not begun")
        else:
            found |= {before + title: figure for title, figure in _of_stage(stage, read_failure(run.path))}
    for file, title in MEASURED.items():
        found |= {f"{title}: {name}": figure for name, figure in _measured(run.path / file)}
    return found


def _of_stage(run: RunOverview, failure: str) -> Iterator[tuple[str, RunFigure]]:
    asked = run.settings.get("steps")
    said = f"{run.done:,}" + (f" of {asked:,}" if isinstance(asked, int) else "")
    ended = "" if not failure or run.done == asked else f", then not finite ({failure})"
    yield "steps done", RunFigure(run.done, said=said + ended)
    records = run.records
    if len(records) > 1 and records[-1]["step"] > records[0]["step"]:
        taken = records[-1]["seconds"] - records[0]["seconds"]
        yield "seconds per step", RunFigure(taken / (records[-1]["step"] - records[0]["step"]))
    files = [run.path / "checkpoints" / "best.safetensors", *run.checkpoints[-1:]]
    scores = [figure for file in files if (figure := _score(file)) is not None]
    if scores:
        yield SCORE, RunFigure.of(scores)
    for key in chosen_figures(
        [name.removeprefix(PREFIX) for record in records for name in record if name.startswith(PREFIX)]
    ):
        yield (
            called(key),
            RunFigure.of(
                [RunFigure(record[PREFIX + key], record["step"]) for record in records if PREFIX + key in record]
            ),
        )


def chosen_figures(keys: Iterable[str]) -> list[str]:
    """Those of the keys of figures that are shown: of each metric in `MEASURES` the first, the finest level of the pyramid.

    >>> chosen_figures(["recall", "sliced_wasserstein_28x28", "sliced_wasserstein_14x14"])
    ['sliced_wasserstein_28x28']
    """
    there = list(dict.fromkeys(keys))
    found = [next((key for key in there if key.startswith(name)), None) for name in MEASURES]
    return [key for key in found if key is not None]


def called(key: str) -> str:
    """What a figure is called where there is little room.

    >>> called("sliced_wasserstein_28x28"), called("frechet_distance")
    ('sliced Wasserstein 28×28', 'Fréchet distance')
    """
    return metric_of(key).short.replace(" distance, level", "")


def _score(file: Path) -> RunFigure | None:
    """The score of a checkpoint; None where it has none, or cannot be read."""
    try:
        described = checkpoint.describe_file(file)
    except (FileNotFoundError, CheckpointError):
        return None
    score, steps = described.get("score"), described.get("training", {}).get("steps")
    return None if score is None or not steps else RunFigure(float(score), int(steps))


def read_measured(file: Path) -> Mapping[str, Any]:
    """The contents of evaluation.json or figures.json of a run; nothing where there is none, or no readable one."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("figures"), dict) else {}


def _measured(file: Path) -> Iterator[tuple[str, RunFigure]]:
    figures = read_measured(file).get("figures", {})
    for key in chosen_figures(figures):
        value = figures[key].get("value") if isinstance(figures[key], dict) else figures[key]
        if isinstance(value, int | float):
            yield called(key), RunFigure(float(value))


def facts_of(run: RunOverview) -> dict[str, str]:
    """On what the measurements of `gan-np evaluate` or a sweep were made: figures of other features or of other images do
    not compare."""
    found = {}
    for file, title in MEASURED.items():
        facts = read_measured(run.path / file).get("facts", {})
        for name in ("checkpoint", "samples", "compared with", "features"):
            if isinstance(facts, dict) and isinstance(facts.get(name), str):
                found[f"{title}: {name}"] = facts[name]
    return found


def read_failure(place: Path) -> str:
    """Why a run cannot be trained to its end; empty where nothing is known of it."""
    try:
        found = json.loads((place / FAILURE).read_text(encoding="utf-8"))
        return str(found["not_finite"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
