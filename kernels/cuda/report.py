"""Numbers from all over the device side by side in one array (`sources/report.cu`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np.arrays import Array

from .launcher import Argument, Cell, launch

MOST = 16
"""Numbers of one launch."""
TYPES = {np.dtype(dtype): code for code, dtype in enumerate((np.float32, np.float64, np.int32, np.bool_))}
"""What the kernel calls them."""


class Report:
    """One launch for each `MOST` numbers."""

    def collect(self, numbers: Sequence[Array], out: Array) -> None:
        """out[i] ← numbers[i].

        Raises:
            TypeError, ValueError: more than one number in an array, or of a type that the kernel does not read.
        """
        if len(numbers) != out.size:
            raise ValueError(f"out: expected room for {len(numbers)} numbers, got {out.shape}")
        for first in range(0, len(numbers), MOST):
            part = numbers[first : first + MOST]
            arguments: list[Argument] = [out[first : first + len(part)], len(part)]
            for place in range(MOST):
                arguments += _number(first + place, part[place]) if place < len(part) else (None, 0)
            launch("report.cu", "collect", (1,), (32,), arguments, dtype=out.dtype)


def _number(place: int, number: Array) -> tuple[Cell, int]:
    if number.size != 1:
        raise ValueError(f"numbers[{place}]: expected one number, got {number.shape}")
    if number.dtype not in TYPES:
        raise TypeError(f"numbers[{place}]: expected {', '.join(map(str, TYPES))}, got {number.dtype}")
    return Cell(number), TYPES[number.dtype]
