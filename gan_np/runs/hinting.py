"""Hints while a training runs: looked for, said once each, and kept in the run folder as `hints.jsonl`."""

from __future__ import annotations

import inspect
import math
import warnings
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from gan_np.training.algorithm import Trainer
from gan_np.training.course import EVERY, Course, Measurement, Measuring, is_constrained
from gan_np.training.hints import HINTS, TrainingHint
from gan_np.training.setting import Setting
from gan_np.training.step import Step

from .hints_file import add_hint, read_hints
from .records import read_records

LOOK = 25
"""Steps between two looks at what was measured."""
GRADIENT, SPREAD = "g_gradient_norm", "sample_spread"
"""What the measurements are called in the log."""


worded: ContextVar[Callable[[str], str]] = ContextVar("gan_np_worded_hints", default=str)
"""How hints are worded where they are shown: the command line has flags in place of Python's arguments."""


class Adviser:
    """Follows a training and says what it finds, each hint once.

    folder: of the run, where hints are kept; those that are there already, from before a training was cut off, are not said
    again.
    say: shows a line; None: Python's warnings do, as `TrainingHint`.
    said: the names of the hints that were given. course: what they were read from.

    In a loop of one's own:

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> trainer = gn.training.Trainer(gn.models.mlp((8, 8, 1), 4, hidden=8), images, batch_size=8)
    >>> adviser = gn.runs.Adviser(trainer, say=print)
    >>> for _ in range(3):
    ...     measured = adviser.look(trainer.step())
    """

    def __init__(
        self, trainer: Trainer, *, folder: Path | None = None, say: Callable[[str], object] | None = None
    ) -> None:
        self._trainer, self._folder, self._say = trainer, folder, say
        self._hints = {name: HINTS[name]() for name in HINTS}
        self.said = {hint["hint"] for hint in read_hints(folder)} if folder is not None else set()
        d = trainer.gan.discriminator
        self.course = Course(
            trainer.objective,
            constrained=is_constrained(trainer),
            dtype=d.dtype,
            device=trainer.device,
            setting=Setting.of(trainer),
        )
        self.course.steps = trainer.steps
        if folder is not None:
            self.course.measured = _measured(read_records(folder / "log.jsonl"))
        self._measuring = Measuring(trainer)
        self._waiting: deque[Step] = deque()
        self._advise()

    def look(self, step: Step) -> dict[str, float]:
        """Take a step into account; gives what was measured after it, for the log, mostly nothing.

        On a GPU the numbers of a step come later than the step; nobody waits for them but where something is measured.
        """
        self._waiting.append(step)
        first, due = step.number == 1, step.number % EVERY == 0
        while self._waiting and (due or self._waiting[0].ready):
            self.course.take(self._waiting.popleft().numbers())
            if self.course.steps % LOOK == 0 and not due:
                self._advise()
        if first:
            self.course.first_update = self._measuring.first_update()
            self.course.steps = 1
            self._advise()
        if not due:
            return {}
        found = Measurement(step.number, self._measuring.g_gradient(), self._measuring.spread())
        self.course.measured.append(found)
        self._advise()
        numbers = {GRADIENT: found.g_gradient, SPREAD: found.spread}
        return {name: float(f"{value:.6g}") for name, value in numbers.items() if math.isfinite(value)}

    def _advise(self) -> None:
        for name, hint in self._hints.items():
            if name not in self.said and (found := hint.look(self.course)) is not None:
                self.said.add(name)
                self._tell(name, found)

    def _tell(self, name: str, found: str) -> None:
        if self._folder is not None:
            add_hint(self._folder, self.course.steps, name, found)
        found = worded.get()(found)
        if self._say is not None:
            self._say(f"hint, step {self.course.steps:,}: {found}")
        else:
            warnings.warn(f"step {self.course.steps:,}: {found}", TrainingHint, stacklevel=_users_level())


def _users_level() -> int:
    """The number of calls between the one who asks and the first one outside the library above it."""
    level, frame = 1, inspect.currentframe()
    frame = None if frame is None else frame.f_back
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "gan_np":
        level, frame = level + 1, frame.f_back
    return level


def _measured(records: list[dict[str, Any]]) -> list[Measurement]:
    return [
        Measurement(record["step"], record.get(GRADIENT, math.nan), record.get(SPREAD, math.nan))
        for record in records
        if GRADIENT in record or SPREAD in record
    ]
