"""Activations and their derivatives as device functions, and the loop over all numbers of an array.

NaN stays NaN. A kernel is made for one activation: the choice costs nothing when it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gan_np.arrays import Array

from ..cuda.grids import over
from .compiled import cuda, device, kernel, variants
from .launcher import launch


@variants
def activate(kind: str, real: Any) -> Any:
    """The device function f(z, slope)."""

    def linear(z: Any, slope: Any) -> Any:
        return z

    def relu(z: Any, slope: Any) -> Any:
        return real(0) if z < real(0) else z

    def leaky_relu(z: Any, slope: Any) -> Any:
        return slope * z if z < real(0) else z

    def tanh(z: Any, slope: Any) -> Any:
        return real(math.tanh(z))

    def sigmoid(z: Any, slope: Any) -> Any:  # 1/(1 + e⁻ᶻ), and cannot overflow
        return real(0.5) * (real(1) + real(math.tanh(real(0.5) * z)))

    return device({each.__name__: each for each in (linear, relu, leaky_relu, tanh, sigmoid)}[kind])


@variants
def deactivate(kind: str, real: Any) -> Any:
    """The device function f′·dy of (dy, y, slope), with f′ a function of y = f(z)."""

    def linear(dy: Any, y: Any, slope: Any) -> Any:
        return dy

    def relu(dy: Any, y: Any, slope: Any) -> Any:
        return dy if y > real(0) else real(0) * dy

    def leaky_relu(dy: Any, y: Any, slope: Any) -> Any:
        return dy if y > real(0) else slope * dy

    def tanh(dy: Any, y: Any, slope: Any) -> Any:
        return (real(1) - y * y) * dy

    def sigmoid(dy: Any, y: Any, slope: Any) -> Any:
        return (y - y * y) * dy

    return device({each.__name__: each for each in (linear, relu, leaky_relu, tanh, sigmoid)}[kind])


@variants
def mapped(function: Any) -> Any:
    """A kernel that writes function(x[i], a) to y[i]."""

    @kernel
    def each(x: Array, y: Array, count: int, a: Any) -> None:
        for i in range(cuda.grid(1), count, cuda.gridsize(1)):
            y[i] = function(x[i], a)

    return each


def map_numbers(function: Callable[..., Any], x: Array, y: Array, a: float = 0.0) -> None:
    """Write y = function(x, a), number by number; y may be x."""
    launch(mapped(function), *over(x.size), (x, y, x.size, a))
