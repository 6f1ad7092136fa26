"""Dropout: a thread for each block of random bits, and so for four entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from ..reference.dropout import least_kept
from .compiled import cuda, kernel, variants
from .launcher import cell, launch
from .philox import philox


@variants
def masked(real: Any) -> Any:
    """A kernel: y = x·scale where a word is at least `least`, else 0."""

    @kernel
    def dropout(x: Array, y: Array, kept: Array, key: Array, count: int, least: Any, scale: Any) -> None:
        for block in range(cuda.grid(1), (count + 3) // 4, cuda.gridsize(1)):
            place = 4 * block
            for word in philox(key[0], np.uint64(block)):
                if place < count:
                    stays = word >= least
                    y[place] = x[place] * scale if stays else real(0)
                    kept[place] = 1 if stays else 0
                place += 1

    return dropout


@variants
def masked_again(real: Any) -> Any:
    """A kernel: the same map from the mask."""

    @kernel
    def dropout_gradient(dy: Array, kept: Array, dx: Array, count: int, scale: Any) -> None:
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            dx[i] = dy[i] * scale if kept[i] != 0 else real(0)

    return dropout_gradient


class Dropout:
    """Dropout, y = x·m/(1 − rate). The key may be an array of one uint64 in device memory."""

    def forward(self, x: Array, rate: float, key: int) -> tuple[Array, Array]:
        """Return y, and the mask m as uint8."""
        x = contiguous(x)
        y, kept = new(x, x.shape), new(x, x.shape, np.uint8)
        least, scale = np.uint64(least_kept(rate)), float(1 / (1 - rate))
        arguments = (x, y, kept, cell("key", key, x, np.uint64), x.size, least, scale)
        launch(masked(x.dtype.type), *over(-(-x.size // 4)), arguments)
        return y, kept

    def backward(self, dy: Array, kept: Array, rate: float) -> Array:
        """Return dx, the gradient of the input."""
        dx = new(dy, dy.shape)
        arguments = (contiguous(dy), contiguous(kept), dx, dx.size, float(1 / (1 - rate)))
        launch(masked_again(dy.dtype.type), *over(dx.size), arguments)
        return dx
