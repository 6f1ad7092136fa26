"""How a learning rate or a momentum changes over updates: functions of the update's number, from 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gan_np.checks import integer, number

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class ExponentialDecay:
    """max(start / rate^update, minimum). Goodfellow et al.: 0.1, divided by 1.000004 at each update, down to 1e-6."""

    start: float
    rate: float
    minimum: float = 0.0

    def __post_init__(self) -> None:
        number("start", self.start, 0.0)
        number("rate", self.rate, 1.0)
        number("minimum", self.minimum, 0.0)

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return max(self.start * float(self.rate) ** -update, self.minimum)


@dataclass(frozen=True)
class Linear:
    """From `start` to `stop` along a line over `updates` updates, then `stop`: momentum 0.5 → 0.7, a warm-up."""

    start: float
    stop: float
    updates: int

    def __post_init__(self) -> None:
        number("start", self.start)
        number("stop", self.stop)
        integer("updates", self.updates, 1)

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return self.start + (self.stop - self.start) * min(update / self.updates, 1.0)


def at(value: float | Schedule, update: int) -> float:
    """A constant, or a schedule's value at this update."""
    return float(value(update)) if callable(value) else float(value)
