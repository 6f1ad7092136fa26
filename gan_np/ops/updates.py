"""The fused optimiser steps: one pass over a flat vector, in place. See `gan_np.kernels` interfaces for the formulas."""

from __future__ import annotations

from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError

from .pullback import problem


def _kernel(operation: str, theta: Array, **others: Array | None) -> Any:
    require_same(operation, theta=theta, **others)
    for name, array in others.items():
        if array is not None and array.shape != theta.shape:
            raise ShapeError(f"{operation}: {name} has shape {array.shape}, expected {theta.shape}")
    return kernels.select(operation, problem(theta))


def sgd(
    theta: Array,
    gradient: Array,
    velocity: Array | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> None:
    """v ← m·v + g; θ ← θ − lr·v (with Nesterov: θ ← θ − lr·(g + m·v)). θ and v change in place."""
    if momentum and velocity is None:
        raise ValueError("velocity: momentum needs a velocity vector, got None")
    kernel = _kernel("sgd", theta, gradient=gradient, velocity=velocity)
    kernel.step(theta, gradient, velocity, learning_rate, momentum, nesterov)


def adam(
    theta: Array,
    gradient: Array,
    first: Array,
    second: Array,
    count: int,
    *,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """Adam (Kingma and Ba 2015) at step `count` ≥ 1, with PyTorch's ε: θ ← θ − lr/(1−β₁ᵗ)·m/(√(v/(1−β₂ᵗ)) + ε)."""
    if count < 1:
        raise ValueError(f"count: expected the step's number, at least 1, got {count}")
    kernel = _kernel("adam", theta, gradient=gradient, first=first, second=second)
    kernel.step(theta, gradient, first, second, count, learning_rate, beta1, beta2, epsilon)


def rmsprop(
    theta: Array,
    gradient: Array,
    second: Array,
    velocity: Array | None = None,
    *,
    learning_rate: float,
    smoothing: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
) -> None:
    """RMSprop (Tieleman and Hinton 2012): v ← ρv + (1−ρ)g²; θ ← θ − lr·g/(√v + ε), or through a velocity."""
    if momentum and velocity is None:
        raise ValueError("velocity: momentum needs a velocity vector, got None")
    kernel = _kernel("rmsprop", theta, gradient=gradient, second=second, velocity=velocity)
    kernel.step(theta, gradient, second, velocity, learning_rate, smoothing, epsilon, momentum)


def moving_average(average: Array, values: Array, decay: float) -> None:
    """average ← decay·average + (1 − decay)·values, in place."""
    _kernel("average", average, values=values).step(average, values, decay)
