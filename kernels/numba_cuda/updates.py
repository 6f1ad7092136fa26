"""One step of each optimiser over a flat vector, in place and in one pass.

What changes from step to step is read from device memory (`launcher.cell`), whether it was there or on the host; so is
whether the update is left out, before anything else is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import Cell, contiguous
from ..cuda.scalars import flag
from ..interfaces import Number
from ..reference.updates import SQUARABLE
from .compiled import cuda, device, kernel, variants
from .launcher import cell, launch


@variants
def squarable(real: Any) -> Any:
    """The device function that cuts a finite g so that its square is finite, see `reference.updates`."""
    limit = SQUARABLE[8 * np.dtype(real).itemsize]

    def cut(g: Any) -> Any:
        size = abs(g)
        return math.copysign(real(limit), g) if real(limit) < size < real(math.inf) else g

    return device(cut)


@variants
def sgd(real: Any, has_velocity: bool, nesterov: bool) -> Any:
    """A kernel: v ← m·v + g; θ ← θ − lr·v (Nesterov: θ ← θ − lr·(g + m·v))."""

    @kernel
    def sgd_step(
        theta: Array, gradient: Array, velocity: Array, count: int, skip: Array,
        learning_rate: Array, momentum: Array,
    ) -> None:  # fmt: skip
        if skip[0] != 0:
            return
        rate, keep = real(learning_rate[0]), real(momentum[0])
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            move = gradient[i]
            if has_velocity:
                moved = keep * velocity[i] + move
                velocity[i] = moved
                move = move + keep * moved if nesterov else moved
            theta[i] -= rate * move

    return sgd_step


@variants
def adam(real: Any) -> Any:
    """A kernel: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − lr/(1−β₁ᵗ)·m/(√v/√(1−β₂ᵗ) + ε)."""
    cut = squarable(real)

    @kernel
    def adam_step(
        theta: Array, gradient: Array, first: Array, second: Array, count: int, skip: Array, step: Array,
        learning_rate: Array, beta1_at: Array, beta2_at: Array, epsilon: Any,
    ) -> None:  # fmt: skip
        if skip[0] != 0:  # all threads of all blocks alike: nobody waits at the barrier below
            return
        beta1, beta2 = beta1_at[0], beta2_at[0]
        constants = cuda.shared.array(2, real)
        if cuda.threadIdx.x == 0:  # in float64, once a block
            constants[0] = real(learning_rate[0] / (1.0 - beta1 ** step[0]))
            constants[1] = real(1.0 / math.sqrt(1.0 - beta2 ** step[0]))
        cuda.syncthreads()
        rate, correction = constants[0], constants[1]
        keep1, take1 = real(beta1), real(1.0 - beta1)
        keep2, take2 = real(beta2), real(1.0 - beta2)
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            g = cut(gradient[i])
            m = keep1 * first[i] + take1 * g
            v = keep2 * second[i] + take2 * (g * g)
            first[i], second[i] = m, v
            theta[i] -= rate * (m / (real(math.sqrt(v)) * correction + epsilon))

    return adam_step


@variants
def rmsprop(real: Any, has_velocity: bool) -> Any:
    """A kernel: v ← ρv + (1−ρ)g²; u = g/(√v + ε); θ ← θ − lr·u, or through the velocity w ← m·w + u."""
    cut = squarable(real)

    @kernel
    def rmsprop_step(
        theta: Array, gradient: Array, second: Array, velocity: Array, count: int, skip: Array,
        learning_rate: Array, momentum: Array, keep: Any, take: Any, epsilon: Any,
    ) -> None:  # fmt: skip
        if skip[0] != 0:
            return
        rate, kept = real(learning_rate[0]), real(momentum[0])
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            g = cut(gradient[i])
            v = keep * second[i] + take * (g * g)
            second[i] = v
            move = g / (real(math.sqrt(v)) + epsilon)
            if has_velocity:
                move += kept * velocity[i]
                velocity[i] = move
            theta[i] -= rate * move

    return rmsprop_step


@variants
def averaged(real: Any) -> Any:
    """A kernel: average ← decay·average + (1 − decay)·values."""

    @kernel
    def average_step(mean: Array, values: Array, count: int, skip: Array, decay: Array) -> None:
        if skip[0] != 0:
            return
        keep, take = real(decay[0]), real(1.0 - decay[0])
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            mean[i] = keep * mean[i] + take * values[i]

    return average_step


def asked(skip: Array | None, like: Array) -> Cell:
    """Return the flag in device memory, or 0 where there is none."""
    given = flag("skip", skip)
    return cell("skip", 0, like, np.int32) if given is None else Cell(given.array.reshape(1))


class Sgd:
    """Gradient descent with momentum: v ← m·v + g; θ ← θ − lr·v."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        velocity: Array | None,
        learning_rate: Number,
        momentum: Number,
        nesterov: bool,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place. Without momentum `velocity` may be None."""
        function = sgd(theta.dtype.type, velocity is not None, bool(nesterov))
        moments = theta if velocity is None else velocity
        numbers = cell("learning_rate", learning_rate, theta), cell("momentum", momentum, theta)
        launch(
            function,
            *over(theta.size),
            (theta, contiguous(gradient), moments, theta.size, asked(skip, theta), *numbers),
        )


class Adam:
    """Adam: moments m and v of the gradient, each divided by 1 − βᵗ to undo its start from zero."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        first: Array,
        second: Array,
        count: int | Array,
        learning_rate: Number,
        beta1: Number,
        beta2: Number,
        epsilon: float,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place: θ ← θ − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)."""
        step, rate = cell("count", count, theta, np.int64), cell("learning_rate", learning_rate, theta)
        arguments = (theta, contiguous(gradient), first, second, theta.size, asked(skip, theta), step, rate)
        betas = cell("beta1", beta1, theta), cell("beta2", beta2, theta)
        launch(adam(theta.dtype.type), *over(theta.size), (*arguments, *betas, float(epsilon)))


class Rmsprop:
    """RMSprop: the gradient divided by a running root mean square of itself."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        second: Array,
        velocity: Array | None,
        learning_rate: Number,
        smoothing: float,
        epsilon: float,
        momentum: Number,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place. Without momentum `velocity` may be None."""
        numbers = cell("learning_rate", learning_rate, theta), cell("momentum", momentum, theta)
        moments = second, theta if velocity is None else velocity
        constants = float(smoothing), float(1 - smoothing), float(epsilon)
        arguments = (theta, contiguous(gradient), *moments, theta.size, asked(skip, theta), *numbers, *constants)
        launch(rmsprop(theta.dtype.type, velocity is not None), *over(theta.size), arguments)


class Average:
    """An exponential moving average: average ← decay·average + (1 − decay)·values."""

    def step(self, average: Array, values: Array, decay: Number, skip: Array | None = None) -> None:
        """Move the average in place."""
        arguments = (average, contiguous(values), average.size, asked(skip, average), cell("decay", decay, average))
        launch(averaged(average.dtype.type), *over(average.size), arguments)
