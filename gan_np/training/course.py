"""What a training has been like so far, as hints read it (`gan_np.training.hints`).

Losses and accuracies are those that a step has at hand anyway. Every `EVERY` steps two numbers are measured beside them,
after the step and outside it: the norm of the gradient that G's update used, and the spread of a few samples. Neither draws
from a generator of the training nor writes to its vectors, so a training has the same bits with and without; on a GPU they
are the only moments at which the host waits.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module, generator, on_host, to_device
from gan_np.checks import NonFiniteError
from gan_np.devices import CPU, scope
from gan_np.metrics import spread
from gan_np.objectives import Objective

from .algorithm import Trainer
from .setting import Setting

WINDOW = 100
"""Steps over which losses and accuracies are averaged."""
EVERY = 100
"""Steps between two measurements. One took 0.1 (DCGAN 64×64) to 0.5 (points of the plane) of a step on a CPU: with all that
hints do beside it 0.1 to 0.6 % of a training's time."""
MOST = 32
"""How many samples are compared, and as many real images."""
_SEED, _STREAM = 0, 1 << 27


@dataclass(frozen=True)
class Measurement:
    """The figures that were measured after a step: the norm of G's gradient and the spread of samples.

    g_gradient: Euclidean norm of the gradient of L_G that G's update used.
    spread: of samples beside real images (`gan_np.metrics.spread`); NaN where it cannot be told, or was not measured.
    """

    step: int
    g_gradient: float
    spread: float = math.nan


class Course:
    """The figures of a training so far, as hints read them.

    objective: what the players minimise. constrained: whether anything keeps D's slope in bounds. dtype, device: of D's
        scores. steps: done so far. setting: the model and what else the training was set to.
    first_update: for each player ("D", "G") the norm of its weights after the first step over that before it; empty where
        that was not seen. measured: all measurements, oldest first.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        constrained: bool = True,
        dtype: Any = np.float64,
        device: str = CPU,
        setting: Setting | None = None,
    ) -> None:
        self.objective, self.constrained = objective, constrained
        self.setting = setting or Setting()
        self._scores = np.dtype(dtype), device
        self.steps = 0
        self.first_update: dict[str, float] = {}
        self.measured: list[Measurement] = []
        self._recent: deque[Mapping[str, float]] = deque(maxlen=WINDOW)

    def take(self, numbers: Mapping[str, float]) -> None:
        """One more step, as `Step.numbers` gives it."""
        self.steps = int(numbers["step"])
        self._recent.append(numbers)

    def recent(self, name: str) -> Array | None:
        """A number of the last `WINDOW` steps; None before there were so many, or where a step has no such number."""
        if len(self._recent) < WINDOW or name not in self._recent[-1]:
            return None
        return np.array([numbers[name] for numbers in self._recent])

    @cached_property
    def blind_loss(self) -> float:
        """L_D of a discriminator that gives every image one score, that of the boundary: what not knowing costs."""
        boundary, (dtype, device) = self.objective.boundary, self._scores
        # The reference serves: what runs in a training, tuned or forced, is for the training's own sizes.
        with scope(device), kernels.use_kernels(**dict.fromkeys(kernels.OPERATIONS, "reference")):
            real, fake = (to_device(np.full((2, 1), boundary or 0.0, dtype), device) for _ in range(2))
            return float(self.objective.discriminator(real, fake).value)


class Measuring:
    """Measures a trainer between steps."""

    def __init__(self, trainer: Trainer) -> None:
        gan = trainer.gan
        self._gan = gan
        self._real: Array = trainer.source.some(
            min(MOST, max(16, trainer.batch_size)), generator(_SEED, _STREAM)
        ).images
        self._count = len(self._real)
        self._players = {"D": gan.discriminator.parameters, "G": gan.generator.parameters}
        self._before = self._sizes() if trainer.steps == 0 else {}

    def first_update(self) -> dict[str, float]:
        """How many times as large as before the weights of each player are; asked after the first step."""
        return {
            player: size / self._before[player] for player, size in self._sizes().items() if self._before[player] > 0
        }

    def g_gradient(self) -> float:
        """The norm of the gradient that G's last update used; the host waits for a GPU."""
        used = self._gan.generator.gradient.spent
        with scope(self._gan.generator.device):
            return math.nan if used is None else _norm(used)

    def _sizes(self) -> dict[str, float]:
        with scope(self._gan.generator.device):
            return {player: _norm(vector.values) for player, vector in self._players.items()}

    def spread(self) -> float:
        """Return the spread of a few samples of G as it is now, beside that of as many real images."""
        if self._count < 2:
            return math.nan
        try:
            samples = self._gan.sample(self._count, _SEED, average=False)
        except NonFiniteError:  # a training with check_finite=False goes on all the same
            return math.nan
        if samples.ndim == 2:  # columns of different units count alike
            float64 = np.dtype(np.float64)
            return spread(*(self._gan.encoding.encode(part, float64) for part in (samples, self._real)))
        return spread(samples, self._real)


def is_constrained(trainer: Trainer) -> bool:
    """Whether a penalty, clipped weights or spectral normalisation keep D's slope in bounds."""
    states = trainer.gan.discriminator.state.layout.segments
    normalised = any(segment.name.rpartition(".")[2] == "spectral_u" for segment in states)
    return bool(trainer.penalties) or trainer.clip_weights is not None or normalised


def _norm(values: Array) -> float:
    with np.errstate(all="ignore"):  # squares of float32 may overflow
        square = float(np.dot(values, values) if on_host(values) else array_module(values).sum(values * values))
    return math.sqrt(square) if math.isfinite(square) else math.inf
