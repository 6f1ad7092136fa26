"""Whether numbers are finite, and numbers side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np.arrays import Array, array_module


class Finite:
    """A flag in memory that is raised once, at the first number that is not finite."""

    def look(self, values: Array, flag: Array, code: int) -> None:
        """Set the flag to `code` where it is 0 and an element is NaN or infinite."""
        xp = array_module(values)
        now = xp.where(xp.isfinite(values).all(), np.int32(0), np.int32(code))
        flag[...] = xp.where(flag != 0, flag, now)


class Report:
    """A copy for each number.

    CuPy would join them in one go through a table of addresses that it sends to the device, which cannot be captured.
    """

    def collect(self, numbers: Sequence[Array], out: Array) -> None:
        """Write out[i] = numbers[i] for all i."""
        for place, number in enumerate(numbers):
            out[place : place + 1] = number
