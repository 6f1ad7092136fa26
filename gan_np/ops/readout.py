"""What is read off a training step: how often D is right, whether numbers are finite, several numbers as one vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module

from .pullback import problem


def accuracy(logits: Array, sign: int, boundary: float) -> Array:
    """The share of logits on the right side of D's boundary, a 0-d float64 array.

    sign: 1 counts those above the boundary (real images), −1 those below (generated ones).
    """
    share: Array = kernels.select("accuracy", problem(logits)).forward(logits, sign, boundary)
    return share


def flag_non_finite(values: Array, flag: Array, code: int) -> None:
    """flag ← code where the flag is 0 and an entry of `values` is NaN or infinite.

    flag: one int32 where the values lie; the host does not wait for it. code: above 0.
    """
    kernels.select("finite", problem(values)).look(values, flag, code)


def stacked(numbers: Sequence[Array]) -> Array:
    """0-d arrays on one device as one vector of float64 there, so that one copy brings all of them to the host."""
    vector = array_module(numbers[0]).empty(len(numbers), np.float64)
    kernels.select("report", problem(vector)).collect(numbers, vector)
    return vector
