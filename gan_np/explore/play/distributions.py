"""Distributions of points in the plane that a game can be played on, all within the square from −3 to 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array, generator

EDGE = 3.0
"""The square that is drawn: both coordinates from −EDGE to EDGE."""
COUNT = 2048
"""Points that a game trains on."""
BRUSH = 0.08
"""Deviation of the points around each that was drawn."""
PLACES, NEAREST = 32, 0.35
"""Where no modes are known: at most so many places that cover the data, and how near to each other they may lie."""


class Distribution(NamedTuple):
    """Points to learn, and the modes whose number is counted."""

    points: Array
    """(N, 2) float32."""
    modes: Array
    """(K, 2): means of a mixture, or places that cover the data."""
    reach: float
    """How far from a mode a point still belongs to it."""


def distribution(name: str, seed: int = 0, drawn: Array | None = None) -> Distribution:
    """Points of one of `DISTRIBUTIONS`, or around those that were drawn (N, 2).

    Of a mixture of Gaussians the modes are its means, with a reach of three deviations. Of all else they are up to 32 places
    that cover the data: each the point farthest from those before it, and their reach is how far the last point is from the
    nearest of them.

    >>> found = distribution("ring")
    >>> found.points.shape, found.modes.shape, round(found.reach, 2)
    ((2048, 2), (8, 2), 0.3)

    Raises:
        ValueError: no such distribution.
    """
    rng = generator(seed, 7)
    if drawn is not None:
        points = drawn[rng.integers(0, len(drawn), COUNT)] + BRUSH * rng.standard_normal((COUNT, 2))
        places, farthest = _places(drawn)
        return Distribution(points.astype(np.float32), places, max(farthest + BRUSH, 3 * BRUSH))
    if name in _MIXTURES:
        means, deviation = _MIXTURES[name]
        points = means[np.arange(COUNT) % len(means)] + deviation * rng.standard_normal((COUNT, 2))
        return Distribution(points.astype(np.float32), means, 3 * deviation)
    if name not in _CURVES:
        raise ValueError(f"data: expected one of {', '.join(DISTRIBUTIONS)} or drawn points, got {name!r}")
    points = _CURVES[name](rng)
    places, farthest = _places(points)
    return Distribution(points.astype(np.float32), places, farthest * 1.01)


def _places(points: Array) -> tuple[Array, float]:
    """Some of the points from which the others are not far, (K, 2), and how far at most."""
    places = [points[int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())]]
    distance = np.linalg.norm(points - places[0], axis=1)
    while len(places) < PLACES and distance.max() > NEAREST:
        places.append(points[int(distance.argmax())])
        distance = np.minimum(distance, np.linalg.norm(points - places[-1], axis=1))
    return np.array(places), float(distance.max())


def _ring(rng: np.random.Generator) -> Array:
    angle = rng.uniform(0, 2 * np.pi, COUNT)
    return _noisy(rng, 2 * np.cos(angle), 2 * np.sin(angle))


def _line(rng: np.random.Generator) -> Array:
    along = rng.uniform(-2, 2, COUNT)
    return _noisy(rng, along, along / 2)


def _moons(rng: np.random.Generator) -> Array:
    angle = rng.uniform(0, np.pi, COUNT)
    side = np.where(np.arange(COUNT) % 2, 1.0, -1.0)
    return _noisy(rng, 1.3 * (np.cos(angle) - 0.5) * side, 1.3 * (np.sin(angle) - 0.25) * side)


def _spiral(rng: np.random.Generator) -> Array:
    turn = np.sqrt(rng.uniform(0.02, 1, COUNT))
    angle = 3.5 * np.pi * turn
    return _noisy(rng, 2.4 * turn * np.cos(angle), 2.4 * turn * np.sin(angle))


def _noisy(rng: np.random.Generator, x: Array, y: Array) -> Array:
    found: Array = np.stack([x, y], axis=1) + 0.06 * rng.standard_normal((COUNT, 2))
    return found


_ANGLES = np.arange(8) * np.pi / 4
_MIXTURES: dict[str, tuple[Array, float]] = {
    "ring": (2 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1), 0.1),
    "grid": (np.stack(np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), axis=-1).reshape(-1, 2), 0.06),
    "two": (np.array([[-1.5, 0.0], [1.5, 0.0]]), 0.25),
    "one": (np.array([[0.0, 0.0]]), 0.7),
    "point": (np.array([[0.0, 0.0]]), 0.02),
}
_CURVES: dict[str, Callable[[np.random.Generator], Array]] = {
    "moons": _moons,
    "spiral": _spiral,
    "circle": _ring,
    "line": _line,
}
DISTRIBUTIONS = {
    "ring": "eight Gaussians on a ring",
    "grid": "25 Gaussians on a grid",
    "two": "two Gaussians",
    "one": "one Gaussian",
    "moons": "two moons",
    "spiral": "spiral",
    "circle": "circle",
    "line": "line",
    "point": "one point",
}
"""What each is called, by its name."""
