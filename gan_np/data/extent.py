"""From where to where values go, and whether floats of images lie in [0, 1]."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

ROUNDING = 1e-5
"""How far outside [0, 1] or [−1, 1] a float lies by rounding: x/127.5 − 1 and the like."""
_ROWS = 1 << 16


class Extent(NamedTuple):
    """The least and the greatest of some values."""

    least: float
    greatest: float

    def __or__(self, other: Any) -> Extent:
        return Extent(min(self.least, other.least), max(self.greatest, other.greatest))

    def __str__(self) -> str:
        return f"{self.least:.6g} to {self.greatest:.6g}"


def extent_of(values: Array, name: str) -> Extent:
    """Raises ValueError for floats that are not finite."""
    with np.errstate(invalid="ignore"):
        found = Extent(float(values.min()), float(values.max()))
    if not (np.isfinite(found.least) and np.isfinite(found.greatest)):
        raise ValueError(f"{name}: expected finite floats, got NaN or infinity")
    return found


def check_unit(images: Array, name: str, *, room: float = 0.0) -> None:
    """Refuse images of floats outside [0, 1], or farther outside than `room`; bytes pass.

    Raises:
        ValueError: some are, or are not finite.
    """
    if images.dtype.kind != "f":
        return
    for start in range(0, len(images), _ROWS):
        seen = extent_of(images[start : start + _ROWS], name)
        if seen.least < -room or seen.greatest > 1 + room:
            raise ValueError(
                f"{name}: floats are expected to lie in [0, 1], these go from {seen}; "
                "gan_np.data.load(array, dtype='float32', value_range=(low, high)) brings them there"
            )
