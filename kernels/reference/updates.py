"""One step of each optimiser over a flat vector, in place."""

from __future__ import annotations

import math

from gan_np.arrays import Array, array_module


class Sgd:
    """v ← m·v + g; θ ← θ − lr·v."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        velocity: Array | None,
        learning_rate: float,
        momentum: float,
        nesterov: bool,
    ) -> None:
        """Without momentum `velocity` may be None."""
        rate, keep = theta.dtype.type(learning_rate), theta.dtype.type(momentum)
        if velocity is None:
            theta -= rate * gradient
            return
        velocity *= keep
        velocity += gradient
        theta -= rate * (gradient + keep * velocity if nesterov else velocity)


class Adam:
    """Moments m and v, each divided by 1 − βᵗ to undo its start from zero."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        first: Array,
        second: Array,
        count: int,
        learning_rate: float,
        beta1: float,
        beta2: float,
        epsilon: float,
    ) -> None:
        """θ ← θ − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)."""
        real = theta.dtype.type
        first *= real(beta1)
        first += real(1 - beta1) * gradient
        second *= real(beta2)
        square = gradient * gradient
        square *= real(1 - beta2)
        second += square
        array_module(theta).sqrt(second, out=square)
        square *= real(1 / math.sqrt(1 - beta2**count))
        square += real(epsilon)
        array_module(theta).divide(first, square, out=square)
        square *= real(learning_rate / (1 - beta1**count))
        theta -= square


class Rmsprop:
    """Divide the gradient by a running root mean square of itself."""

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
    ) -> None:
        """Without momentum `velocity` may be None."""
        real = theta.dtype.type
        second *= real(smoothing)
        second += real(1 - smoothing) * gradient * gradient
        update = gradient / (array_module(theta).sqrt(second) + real(epsilon))
        if velocity is not None:
            velocity *= real(momentum)
            velocity += update
            update = velocity
        theta -= real(learning_rate) * update


class Average:
    """average ← decay·average + (1 − decay)·values."""

    def step(self, average: Array, values: Array, decay: float) -> None:
        """In place."""
        average *= average.dtype.type(decay)
        average += values.dtype.type(1 - decay) * values
