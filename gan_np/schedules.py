"""How a number changes over a training: functions of a count that starts at 0.

The count is that of the updates of the player it belongs to: learning rates and other numbers of an optimiser run on that
optimiser's updates, penalties and instance noise on D's, the average's decay on G's. A schedule knows its own length and
nothing of the training's, so a run that goes on, or goes on for longer, has no jump in it.

A schedule is written as text where a configuration or the command line takes a number: `cosine(2e-4, 0, 5000)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from gan_np.checks import integer, number
from gan_np.registry import Registry

Schedule: TypeAlias = Callable[[int], float]
"""A function of the count of updates, which starts at 0."""

SCHEDULES = Registry("schedule")
"""Schedules by the names that configurations use; one's own join with `gan_np.schedules.register`."""
register = SCHEDULES.register


@register("constant")
@dataclass(frozen=True)
class Constant:
    """`value` at every update."""

    value: float

    def __post_init__(self) -> None:
        number("value", self.value)

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return self.value


@register("exponential")
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
class _FromTo:
    """From `start` to `stop` in `updates` updates, and `stop` from then on."""

    start: float
    stop: float
    updates: int

    def __post_init__(self) -> None:
        number("start", self.start)
        number("stop", self.stop)
        integer("updates", self.updates, 1)

    def _done(self, update: int) -> float:
        """The share of the way that lies behind, from 0 to 1."""
        return min(update / self.updates, 1.0)


@register("linear")
@dataclass(frozen=True)
class Linear(_FromTo):
    """From `start` to `stop` along a line over `updates` updates, then `stop`: momentum 0.5 → 0.7."""

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return self.start + (self.stop - self.start) * self._done(update)


@register("cosine")
@dataclass(frozen=True)
class Cosine(_FromTo):
    """From `start` to `stop` along half a cosine over `updates` updates, then `stop` (Loshchilov and Hutter 2017).

    stop + (start − stop)·(1 + cos(π·t))/2 with t = min(update/updates, 1).

    >>> [round(Cosine(1.0, 0.0, 4)(update), 3) for update in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return self.stop + (self.start - self.stop) * 0.5 * (1.0 + math.cos(math.pi * self._done(update)))


@register("warm-up")
@dataclass(frozen=True)
class WarmUp:
    """The value of `after`, times (update + 1)/updates during the first `updates` updates.

    after: a number, or the schedule that goes on below; it runs from update 0 on.

    >>> [WarmUp(8.0, 4)(update) for update in range(5)]
    [2.0, 4.0, 6.0, 8.0, 8.0]
    """

    after: Any
    updates: int

    def __post_init__(self) -> None:
        scheduled("after", self.after)
        integer("updates", self.updates, 1)

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return at(self.after, update) * min((update + 1) / self.updates, 1.0)


@register("half-life")
@dataclass(frozen=True)
class HalfLife:
    """½^(batch_size/images): the decay of a moving average that forgets half of what it holds in so many images.

    images: the half-life, a number or a schedule; 0 forgets all at once. batch_size: images in an update.

    >>> [round(HalfLife(Linear(0, 64, 2), 32)(update), 3) for update in range(4)]
    [0.0, 0.5, 0.707, 0.707]
    """

    images: Any
    batch_size: int

    def __post_init__(self) -> None:
        scheduled("images", self.images, 0.0)
        integer("batch_size", self.batch_size, 1)

    def __call__(self, update: int) -> float:
        """The value at this update."""
        images = at(self.images, update)
        return float(0.5 ** (self.batch_size / images)) if images > 0 else 0.0


@register("piecewise")
@dataclass(frozen=True)
class Piecewise:
    """`values[i]` until update `boundaries[i]`, the last value from the last boundary on.

    >>> [Piecewise((1.0, 0.1), (3,))(update) for update in (0, 2, 3, 9)]
    [1.0, 1.0, 0.1, 0.1]
    """

    values: tuple[float, ...]
    boundaries: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(number("values", value) for value in self.values))
        object.__setattr__(self, "boundaries", tuple(integer("boundaries", update, 1) for update in self.boundaries))
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"boundaries: expected {len(self.values) - 1}, one fewer than there are values, got {len(self.boundaries)}"
            )
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ValueError(f"boundaries: expected increasing updates, got {self.boundaries}")

    def __call__(self, update: int) -> float:
        """The value at this update."""
        return self.values[sum(update >= boundary for boundary in self.boundaries)]


def at(value: float | Schedule, update: int) -> float:
    """A constant, or a schedule's value at this update."""
    return float(value(update)) if callable(value) else float(value)


def scheduled(
    name: str,
    value: float | Schedule,
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    above: float | None = None,
) -> float | Schedule:
    """A number within bounds, or a schedule whose first value is (the others are checked when they are used).

    Raises:
        TypeError, ValueError: neither, or out of bounds.
    """
    if not callable(value):
        return number(name, value, minimum, maximum, above=above)
    if isinstance(value, type):
        raise TypeError(f"{name}: expected a number or a schedule, got the class {value.__name__}")
    number(f"{name} at update 0", value(0), minimum, maximum, above=above)
    last = getattr(value, "updates", None)
    if isinstance(last, int):  # where it ends, and stays
        number(f"{name} at update {last}", value(last), minimum, None if maximum is None else maximum)
    return value


__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "HalfLife",
    "Linear",
    "Piecewise",
    "Schedule",
    "WarmUp",
    "at",
    "register",
    "scheduled",
]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
