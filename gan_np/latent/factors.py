"""What a traversal changes along an axis of its grid: a direction, an InfoGAN's category, a conditional model's
label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import integer, number
from gan_np.models import CodePrior

from .directions import Direction, moved


class Factor(Protocol):
    """Something that images are drawn with at several places."""

    @property
    def name(self) -> str:
        """Return the name that reports and grids show."""

    def places(self, count: int) -> list[Any]:
        """Return `count` values of the factor, in order."""

    def apply(self, z: Array, labels: Array | None, place: Any) -> tuple[Array, Array | None]:
        """Points and labels at a place."""


def check_factor(name: str, given: object) -> None:
    """Refuse an argument that is no factor.

    Raises:
        TypeError: it is none; of a bare direction the message says how to make one of it.
    """
    if not all(callable(getattr(given, method, None)) for method in ("places", "apply")):
        advice = f"; to move along {given.name!r} give Along(direction)" if isinstance(given, Direction) else ""
        raise TypeError(
            f"{name}: expected a factor such as gan_np.latent.Along(direction), got {type(given).__name__}{advice}"
        )


@dataclass(frozen=True)
class Along:
    """z + t·u, t from low to high in equal steps; one place alone is at the middle."""

    direction: Direction
    low: float = -3.0
    high: float = 3.0

    def __post_init__(self) -> None:
        number("low", self.low)
        number("high", self.high, above=self.low)

    @property
    def name(self) -> str:
        """Return the name of the direction."""
        return self.direction.name

    def places(self, count: int) -> list[float]:
        """Return `count` values of t, evenly spaced over the range."""
        if integer("count", count, 1) == 1:
            return [(self.low + self.high) / 2]
        return [float(t) for t in np.linspace(self.low, self.high, count)]

    def apply(self, z: Array, labels: Array | None, place: float) -> tuple[Array, Array | None]:
        """Return z moved by t along the direction."""
        return moved(z, self.direction, place), labels


@dataclass(frozen=True)
class Code(Along):
    """A direction whose coordinate is set to t, instead of moved by it: an InfoGAN's code, which is what it is."""

    def apply(self, z: Array, labels: Array | None, place: float) -> tuple[Array, Array | None]:
        """z with its part along u replaced by t·u."""
        return moved(z, self.direction, place - z.astype(np.float64) @ self.direction.vector), labels


@dataclass(frozen=True)
class Category:
    """The category of an InfoGAN."""

    prior: CodePrior
    name: str = "category"

    def places(self, count: int) -> list[int]:
        """The first `count` categories; from the start again if there are fewer."""
        return [place % self.prior.categories for place in range(integer("count", count, 1))]

    def apply(self, z: Array, labels: Array | None, place: int) -> tuple[Array, Array | None]:
        """Return z with its categorical code set to this category."""
        changed = z.copy()
        category, _ = self.prior.codes_of(changed)  # a view
        category[...] = 0
        category[:, place] = 1
        return changed, labels


@dataclass(frozen=True)
class Label:
    """The label of a conditional model.

    labels: those of its classes, if they are others than 0…classes−1.
    """

    classes: int
    name: str = "label"
    labels: tuple[int, ...] | None = None

    def places(self, count: int) -> list[int]:
        """The first `count` labels; from the start again if there are fewer."""
        labels = self.labels or range(self.classes)
        return [labels[place % self.classes] for place in range(integer("count", count, 1))]

    def apply(self, z: Array, labels: Array | None, place: int) -> tuple[Array, Array | None]:
        """The same z with that label."""
        return z, np.full(len(z), place)
