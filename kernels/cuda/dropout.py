"""Dropout on the GPU (`sources/dropout.cu`)."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

from ..reference.dropout import least_kept
from .grids import over
from .launcher import contiguous, launch, new
from .scalars import scalar

SOURCE, BLOCK = "dropout.cu", 4


class Dropout:
    """Dropout, y = x·m/(1 − rate). The key may be an array of one uint64 in device memory (see scalars.py)."""

    def forward(self, x: Array, rate: float, key: int) -> tuple[Array, Array]:
        """Return y, and the mask m as uint8; one thread makes each block of random bits."""
        x = contiguous(x)
        y, kept = new(x, x.shape), new(x, x.shape, np.uint8)
        numbers = x.size, np.uint32(least_kept(rate)), float(1 / (1 - rate))
        arguments = (*scalar("key", key, np.uint64), x, y, kept, *numbers)
        launch(SOURCE, "forward", *over(-(-x.size // BLOCK)), arguments, dtype=x.dtype)
        return y, kept

    def backward(self, dy: Array, kept: Array, rate: float) -> Array:
        """Return dx, the same map of dy, from the mask."""
        dy, kept = contiguous(dy), contiguous(kept)
        dx = new(dy, dy.shape)
        launch(SOURCE, "backward", *over(dx.size), (dy, kept, dx, dx.size, float(1 / (1 - rate))), dtype=dy.dtype)
        return dx
