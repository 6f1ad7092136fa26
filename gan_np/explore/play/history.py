"""The curves of a game, bounded however long it goes on."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

COLUMNS = ("step", "d_loss", "g_loss", "modes", "near", "distance", "arrow")
"""What a row has: the step; the means of both losses since the row before (NaN at first); modes covered; the share of
samples near one; how far the mean of the samples is from that of the data; the mean length of the arrows."""
MOST, FIRST_EVERY = 400, 2


class History:
    """A row every so many steps; when there are too many, every second one is left out and rows come half as often."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.every = FIRST_EVERY
        self._sums, self._count = [0.0, 0.0], 0

    def losses(self, d_loss: float, g_loss: float) -> None:
        """Take in the losses of a step."""
        self._sums = [self._sums[0] + d_loss, self._sums[1] + g_loss]
        self._count += 1

    def due(self, step: int) -> bool:
        """Whether a row is to be added after this step."""
        return step % self.every == 0

    def add(self, step: int, *measured: float) -> None:
        """A row of this step: what was measured, beside the losses since the last."""
        means = [total / self._count if self._count else float("nan") for total in self._sums]
        self.rows.append((step, *means, *measured))
        self._sums, self._count = [0.0, 0.0], 0
        if len(self.rows) > MOST:
            self.rows = self.rows[1::2]
            self.every *= 2

    def table(self) -> Array:
        """All rows, float32 (N, 7)."""
        return np.array(self.rows, np.float32).reshape(-1, len(COLUMNS))
