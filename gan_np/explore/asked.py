"""What a page sends, checked before anything is computed with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import shown

MOST_POINTS = 400
"""Images of one answer."""
FARTHEST = 1e6
"""How far from 0 a coordinate of z may be."""


def mapping_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"request: expected a JSON object: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"request: expected a JSON object, got {shown(found)}")
    return found


def points_of(
    asked: Mapping[str, Any], dim: int, dtype: np.dtype[Any], name: str = "z", most: int = MOST_POINTS
) -> Array:
    """Points (N, dim) that were sent as lists of numbers, 1 ≤ N ≤ most.

    Raises:
        ValueError: anything else; coordinates that are not finite, or beyond ±10⁶.
    """
    rows = asked.get(name)
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        size = f"{len(rows):,}" if isinstance(rows, list) else shown(rows)
        raise ValueError(f"{name}: expected 1 to {most} points, got {size}")
    for row in rows:
        if not isinstance(row, list) or len(row) != dim or not all(type(value) in (int, float) for value in row):
            raise ValueError(f"{name}: expected points of {dim} numbers each")
    try:
        points = np.array(rows, np.float64)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers within ±{FARTHEST:g}") from error
    if not (np.abs(points) <= FARTHEST).all():
        raise ValueError(f"{name}: expected numbers within ±{FARTHEST:g}")
    return points.astype(dtype)


def whole_of(asked: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number of a request.

    Raises:
        ValueError: it is none, or out of range.
    """
    value = asked.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name}: expected a whole number from {low} to {high}, got {shown(value)}")
    return value


def wholes_of(asked: Mapping[str, Any], name: str, count: int | None, low: int, high: int) -> list[int] | None:
    """A list of whole numbers, `count` of them (None: 1 to `MOST_POINTS`); None where nothing was sent.

    Raises:
        ValueError: anything else.
    """
    values = asked.get(name)
    if values is None:
        return None
    right = isinstance(values, list) and (
        len(values) == count if count is not None else 1 <= len(values) <= MOST_POINTS
    )
    if not right or not all(type(value) is int and low <= value <= high for value in values):
        size = f"1 to {MOST_POINTS}" if count is None else str(count)
        raise ValueError(f"{name}: expected {size} whole numbers from {low} to {high}")
    return list(values)


def number_of(asked: Mapping[str, Any], name: str, low: float, high: float, default: float) -> float:
    """A number of a request.

    Raises:
        ValueError: it is none, or out of range.
    """
    value = asked.get(name, default)
    if type(value) not in (int, float) or not low <= value <= high:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {shown(value)}")
    return float(value)


def text_of(asked: Mapping[str, Any], name: str, most: int) -> str:
    """A text of a request, of at most so many characters.

    Raises:
        ValueError: it is none, or longer.
    """
    value = asked.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{name}: expected a text of at most {most} characters")
    return value
