"""The fused optimiser steps: one pass over a flat vector, in place. See `gan_np.kernels` interfaces for the formulas.

skip: a 0-d int32 array on θ's device; unless it is 0 nothing changes. The device decides, and the host does not wait for it.
Numbers that change from update to update (learning rate, momentum, decay, Adam's βs in float64, its count in int64) may be
0-d arrays on θ's device, so that a captured step reads new ones at each replay.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, device_of, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Number

from .pullback import problem


def _kernel(operation: str, theta: Array, skip: Array | None, **others: Array | None) -> Any:
    if skip is not None and (skip.shape != () or skip.dtype != np.int32 or device_of(skip) != device_of(theta)):
        raise TypeError(
            f"skip: expected a 0-d array of int32 on {device_of(theta)}, got {skip.dtype} {skip.shape} on {device_of(skip)}"
        )
    require_same(operation, theta=theta, **others)
    for name, array in others.items():
        if array is not None and array.shape != theta.shape:
            raise ShapeError(f"{operation}: {name} has shape {array.shape}, expected {theta.shape}")
    return kernels.select(operation, problem(theta))


def _is_given(momentum: Number) -> bool:
    return not isinstance(momentum, int | float | np.number) or momentum != 0


def sgd(
    theta: Array,
    gradient: Array,
    velocity: Array | None = None,
    *,
    learning_rate: Number,
    momentum: Number = 0.0,
    nesterov: bool = False,
    skip: Array | None = None,
) -> None:
    """v ← m·v + g; θ ← θ − lr·v (with Nesterov: θ ← θ − lr·(g + m·v)). θ and v change in place."""
    if velocity is None and (nesterov or _is_given(momentum)):
        raise ValueError("velocity: momentum needs a velocity vector, got None")
    kernel = _kernel("sgd", theta, skip, gradient=gradient, velocity=velocity)
    kernel.step(theta, gradient, velocity, learning_rate, momentum, nesterov, skip)


def adam(
    theta: Array,
    gradient: Array,
    first: Array,
    second: Array,
    count: int | Array,
    *,
    learning_rate: Number,
    beta1: Number = 0.9,
    beta2: Number = 0.999,
    epsilon: float = 1e-8,
    skip: Array | None = None,
) -> None:
    """Adam (Kingma and Ba 2015) at step `count` ≥ 1, with PyTorch's ε: θ ← θ − lr/(1−β₁ᵗ)·m/(√(v/(1−β₂ᵗ)) + ε)."""
    if isinstance(count, int) and count < 1:
        raise ValueError(f"count: expected the step's number, at least 1, got {count}")
    kernel = _kernel("adam", theta, skip, gradient=gradient, first=first, second=second)
    kernel.step(theta, gradient, first, second, count, learning_rate, beta1, beta2, epsilon, skip)


def rmsprop(
    theta: Array,
    gradient: Array,
    second: Array,
    velocity: Array | None = None,
    *,
    learning_rate: Number,
    smoothing: float = 0.99,
    epsilon: float = 1e-8,
    momentum: Number = 0.0,
    skip: Array | None = None,
) -> None:
    """RMSprop (Tieleman and Hinton 2012): v ← ρv + (1−ρ)g²; θ ← θ − lr·g/(√v + ε), or through a velocity."""
    if velocity is None and _is_given(momentum):
        raise ValueError("velocity: momentum needs a velocity vector, got None")
    kernel = _kernel("rmsprop", theta, skip, gradient=gradient, second=second, velocity=velocity)
    kernel.step(theta, gradient, second, velocity, learning_rate, smoothing, epsilon, momentum, skip)


def moving_average(average: Array, values: Array, decay: Number, *, skip: Array | None = None) -> None:
    """average ← decay·average + (1 − decay)·values, in place."""
    _kernel("average", average, skip, values=values).step(average, values, decay, skip)
