"""What training looks at on the GPU: whether numbers are finite (`sources/watch.cu`), and numbers from all over the device,
copied side by side into one array (`sources/report.cu`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np.arrays import Array

from .alignment import BYTES, is_aligned
from .grids import over
from .launcher import Argument, Cell, contiguous, launch
from .scalars import flag as cell

MOST = 16
"""How many numbers one launch copies."""
TYPES = {np.dtype(dtype): code for code, dtype in enumerate((np.float32, np.float64, np.int32, np.bool_))}
"""What the kernel calls them."""


class Finite:
    """A flag that is raised at the first number that is not finite.

    Each look is one launch, which reads the numbers once, and not at all where the flag is up.
    """

    def look(self, values: Array, flag: Array, code: int) -> None:
        """Set the flag to `code` where it is 0 and an element is NaN or infinite."""
        values = contiguous(values)
        arguments = (values, values.size, is_aligned(values, BYTES), cell("flag", flag), code)
        launch("watch.cu", "look", *over(-(-values.nbytes // BYTES)), arguments, dtype=values.dtype)


class Report:
    """Numbers of many arrays side by side in one, by one launch for each `MOST` of them."""

    def collect(self, numbers: Sequence[Array], out: Array) -> None:
        """out[i] ← numbers[i].

        Raises:
            TypeError, ValueError: more than one number in an array, or of a type that the kernel does not read.
        """
        if len(numbers) != out.size:
            raise ValueError(f"out: expected room for {len(numbers)} numbers, got {out.shape}")
        for first in range(0, len(numbers), MOST):
            chosen = numbers[first : first + MOST]
            arguments: list[Argument] = [out[first : first + len(chosen)], len(chosen)]
            for place in range(MOST):
                arguments += _number(first + place, chosen[place]) if place < len(chosen) else (None, 0)
            launch("report.cu", "collect", (1,), (32,), arguments, dtype=out.dtype)


def _number(place: int, number: Array) -> tuple[Cell, int]:
    if number.size != 1:
        raise ValueError(f"numbers[{place}]: expected one number, got {number.shape}")
    if number.dtype not in TYPES:
        raise TypeError(f"numbers[{place}]: expected {', '.join(map(str, TYPES))}, got {number.dtype}")
    return Cell(number), TYPES[number.dtype]
