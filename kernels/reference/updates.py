"""One step of each optimiser over a flat vector, in place."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from gan_np.arrays import Array, array_module

from ..interfaces import Number


def real(value: Number, like: Array) -> Any:
    """Return a number in the dtype of `like`; one that lies on the device stays there."""
    return like.dtype.type(value) if isinstance(value, int | float) else value.astype(like.dtype)


SQUARABLE = {32: 2.0**63, 64: 2.0**511}
"""The largest gradient that enters Adam and RMSprop, by the bits of its dtype."""


def squarable(gradient: Array) -> Array:
    """The gradient with what is finite cut to `SQUARABLE`, so that its square is finite too.

    Otherwise v becomes ∞ at a gradient of 1.9e19 in float32, and θ stands still from then on, without a word. Both
    moments are made from what is cut, so the step for a constant gradient is that of exact arithmetic. NaN and ±∞ stay.
    """
    xp, limit = array_module(gradient), gradient.dtype.type(SQUARABLE[8 * gradient.dtype.itemsize])
    return xp.where(xp.isfinite(gradient), xp.clip(gradient, -limit, limit), gradient)


def root(value: Number) -> Number:
    """Return the square root of a number or array."""
    return math.sqrt(value) if isinstance(value, int | float) else array_module(value).sqrt(value)


@contextlib.contextmanager
def unless(skip: Array | None, *changed: Array | None) -> Iterator[None]:
    """Inside, the arrays are changed; afterwards they hold what they held before, where `skip` is not 0."""
    arrays = [] if skip is None else [array for array in changed if array is not None]
    before = [array.copy() for array in arrays]
    yield
    for array, old in zip(arrays, before, strict=True):
        array_module(array).copyto(array, old, where=skip != 0)


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
        rate, keep = real(learning_rate, theta), real(momentum, theta)
        with unless(skip, theta, velocity):
            if velocity is None:
                theta -= rate * gradient
                return
            velocity *= keep
            velocity += gradient
            theta -= rate * (gradient + keep * velocity if nesterov else velocity)


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
        of, gradient = theta.dtype.type, squarable(gradient)
        with unless(skip, theta, first, second):
            first *= real(beta1, theta)
            first += real(1 - beta1, theta) * gradient
            second *= real(beta2, theta)
            square = gradient * gradient
            square *= real(1 - beta2, theta)
            second += square
            array_module(theta).sqrt(second, out=square)
            square *= real(1 / root(1 - beta2**count), theta)
            square += of(epsilon)
            array_module(theta).divide(first, square, out=square)
            square *= real(learning_rate / (1 - beta1**count), theta)
            theta -= square


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
        of, gradient = theta.dtype.type, squarable(gradient)
        with unless(skip, theta, second, velocity):
            second *= of(smoothing)
            second += of(1 - smoothing) * gradient * gradient
            update = gradient / (array_module(theta).sqrt(second) + of(epsilon))
            if velocity is not None:
                velocity *= real(momentum, theta)
                velocity += update
                update = velocity
            theta -= real(learning_rate, theta) * update


class Average:
    """An exponential moving average: average ← decay·average + (1 − decay)·values."""

    def step(self, average: Array, values: Array, decay: Number, skip: Array | None = None) -> None:
        """Move the average in place."""
        with unless(skip, average):
            average *= real(decay, average)
            average += real(1 - decay, average) * values
