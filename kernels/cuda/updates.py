"""One step of each optimiser over a flat vector on the GPU (`sources/updates.cu`), one launch each.

What changes from step to step (the learning rate, momentum, Adam's step count and βs, the average's decay) may be a Python
number or an array of one element in device memory (float64; int64 for the count): a captured graph then replays with what it
holds.
Whether an update is left out (`skip`) is read there too, before anything else is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Number
from .grids import over
from .launcher import contiguous, launch
from .scalars import flag, scalar

SOURCE = "updates.cu"


def _step(
    kernel: str, theta: Array, gradient: Array, moments: tuple[Array | None, ...], skip: Array | None, *scalars: Any
) -> None:
    """Launch a step. θ and the moments change in place, so they must be contiguous; the launcher refuses others."""
    arguments = (theta, contiguous(gradient), *moments, theta.size, flag("skip", skip), *scalars)
    launch(SOURCE, kernel, *over(theta.size), arguments, dtype=theta.dtype)


class Sgd:
    """Gradient descent with momentum: v ← m·v + g; θ ← θ − lr·v."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        velocity: Array | None,
        learning_rate: float,
        momentum: float,
        nesterov: bool,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place. Without momentum `velocity` may be None."""
        rate, keep = scalar("learning_rate", learning_rate), scalar("momentum", momentum)
        _step("sgd", theta, gradient, (velocity,), skip, *rate, *keep, bool(nesterov))


class Adam:
    """Adam: moments m and v of the gradient, each divided by 1 − βᵗ to undo its start from zero."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        first: Array,
        second: Array,
        count: int,
        learning_rate: Number,
        beta1: Number,
        beta2: Number,
        epsilon: float,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place: θ ← θ − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)."""
        step, rate = scalar("count", count, np.int64), scalar("learning_rate", learning_rate)
        betas = (*scalar("beta1", beta1), *scalar("beta2", beta2))
        _step("adam", theta, gradient, (first, second), skip, *step, *rate, *betas, float(epsilon))


class Rmsprop:
    """RMSprop: the gradient divided by a running root mean square of itself."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        second: Array,
        velocity: Array | None,
        learning_rate: float,
        smoothing: float,
        epsilon: float,
        momentum: float,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place. Without momentum `velocity` may be None."""
        rate, keep = scalar("learning_rate", learning_rate), scalar("momentum", momentum)
        _step("rmsprop", theta, gradient, (second, velocity), skip, *rate, *keep, np.float64(smoothing), float(epsilon))


class Average:
    """An exponential moving average: average ← decay·average + (1 − decay)·values."""

    def step(self, average: Array, values: Array, decay: float, skip: Array | None = None) -> None:
        """Move the average in place."""
        _step("average", average, values, (), skip, *scalar("decay", decay))
