"""Whether numbers are finite, asked on the GPU (`sources/watch.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from .grids import over
from .launcher import contiguous, launch, whole
from .scalars import flag as cell

CHUNK = 16
"""Bytes that a thread reads at once."""


class Finite:
    """One launch a look, which reads the numbers once, and not at all where the flag is up."""

    def look(self, values: Array, flag: Array, code: int) -> None:
        """flag ← code where it is 0 and an entry is NaN or infinite."""
        values = contiguous(values)
        arguments = (values, values.size, whole(values, CHUNK), cell("flag", flag), code)
        launch("watch.cu", "look", *over(-(-values.nbytes // CHUNK)), arguments, dtype=values.dtype)
