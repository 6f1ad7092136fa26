"""One step of each optimiser: every vector is read and written once."""

from __future__ import annotations

import math
from typing import Any

from gan_np.arrays import Array

from ..interfaces import Number
from ..reference.updates import SQUARABLE
from .chunks import ROW_BLOCK, chunk_length, chunks_of, next_span, require_memory
from .compiled import inlined, inner
from .functions import Cells, Given, Result, compiled_function, nothing
from .memory import get, put
from .pool import parallel, state

LIMITS = tuple(SQUARABLE[bits] for bits in (32, 64))


@inlined
def squarable(g: Any, limit: Any) -> Any:
    """Return g, cut to ±limit where it is finite, so that its square is finite too. NaN and ±∞ stay what they are."""
    real = type(g)
    cut = limit if g > real(0.0) else -limit
    return cut if limit < abs(g) < real(math.inf) else g


@inner
def _adam_part(
    index: int,
    thread: int,
    chunks: Any,
    theta: Any,
    gradient: Any,
    first: Any,
    second: Any,
    numbers: Any,
) -> None:
    real = theta.dtype.type
    keep_first, take_first, keep_second, take_second, rate, unbias, epsilon = numbers
    limit = real(LIMITS[0] if theta.itemsize == 4 else LIMITS[1])
    start, stop = next_span(chunks, thread, theta.size, False)
    for i in range(start, stop):
        g = squarable(get(gradient, i), limit)
        m = real(keep_first) * get(first, i) + real(take_first) * g
        v = real(keep_second) * get(second, i) + real(take_second) * (g * g)
        put(first, i, m)
        put(second, i, v)
        put(theta, i, get(theta, i) - real(rate) * (m / (math.sqrt(v) * real(unbias) + real(epsilon))))


@compiled_function
def _adam(
    state: Cells,
    theta: Result,
    gradient: Given,
    first: Result,
    second: Result,
    count: int,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    numbers = (
        beta1,
        1.0 - beta1,
        beta2,
        1.0 - beta2,
        rate / (1.0 - beta1**count),
        1.0 / math.sqrt(1.0 - beta2**count),
        epsilon,
    )
    chunks = chunks_of(state, theta.size, chunk_length(theta.size, ROW_BLOCK))
    require_memory(parallel(state, _adam_part, chunks.number, (chunks, theta, gradient, first, second, numbers)))


@inner
def _sgd_part(
    index: int,
    thread: int,
    chunks: Any,
    theta: Any,
    gradient: Any,
    velocity: Any,
    rate: float,
    momentum: float,
    nesterov: bool,
) -> None:
    real = theta.dtype.type
    start, stop = next_span(chunks, thread, theta.size, False)
    if velocity.size == 0:
        for i in range(start, stop):
            put(theta, i, get(theta, i) - real(rate) * get(gradient, i))
        return
    # θ ← θ − lr·(ahead + behind·v): the same loop with and without Nesterov's look ahead
    behind = real(momentum) if nesterov else real(1.0)
    for i in range(start, stop):
        g = get(gradient, i)
        v = real(momentum) * get(velocity, i) + g
        put(velocity, i, v)
        ahead = g if nesterov else real(0.0)  # and not 0·g, which makes NaN of ∞
        put(theta, i, get(theta, i) - real(rate) * (ahead + behind * v))


@compiled_function
def _sgd(
    state: Cells, theta: Result, gradient: Given, velocity: Result, rate: float, momentum: float, nesterov: bool
) -> None:
    given = (theta, gradient, velocity, rate, momentum, nesterov)
    chunks = chunks_of(state, theta.size, chunk_length(theta.size, ROW_BLOCK))
    require_memory(parallel(state, _sgd_part, chunks.number, (chunks, *given)))


@inner
def _rmsprop_part(
    index: int,
    thread: int,
    chunks: Any,
    theta: Any,
    gradient: Any,
    second: Any,
    velocity: Any,
    numbers: Any,
) -> None:
    real = theta.dtype.type
    rate, smoothing, epsilon, momentum = numbers
    keep, take = real(smoothing), real(1.0 - smoothing)
    limit = real(LIMITS[0] if theta.itemsize == 4 else LIMITS[1])
    start, stop = next_span(chunks, thread, theta.size, False)
    for i in range(start, stop):
        g = squarable(get(gradient, i), limit)
        v = keep * get(second, i) + take * (g * g)
        put(second, i, v)
        update = g / (math.sqrt(v) + real(epsilon))
        if velocity.size > 0:
            update += real(momentum) * get(velocity, i)
            put(velocity, i, update)
        put(theta, i, get(theta, i) - real(rate) * update)


@compiled_function
def _rmsprop(
    state: Cells,
    theta: Result,
    gradient: Given,
    second: Result,
    velocity: Result,
    rate: float,
    smoothing: float,
    epsilon: float,
    momentum: float,
) -> None:
    given = (theta, gradient, second, velocity, (rate, smoothing, epsilon, momentum))
    chunks = chunks_of(state, theta.size, chunk_length(theta.size, ROW_BLOCK))
    require_memory(parallel(state, _rmsprop_part, chunks.number, (chunks, *given)))


@inner
def _average_part(index: int, thread: int, chunks: Any, average: Any, values: Any, decay: float) -> None:
    real = average.dtype.type
    keep, take = real(decay), real(1.0 - decay)
    start, stop = next_span(chunks, thread, average.size, False)
    for i in range(start, stop):
        put(average, i, keep * get(average, i) + take * get(values, i))


@compiled_function
def _average(state: Cells, average: Result, values: Given, decay: float) -> None:
    chunks = chunks_of(state, average.size, chunk_length(average.size, ROW_BLOCK))
    require_memory(parallel(state, _average_part, chunks.number, (chunks, average, values, decay)))


def _put_back(*pairs: tuple[Array, Array]) -> None:
    """Copy what was changed in a contiguous copy back to where it came from, where `ravel` made a copy at all."""
    for array, flat in pairs:
        if not array.flags.c_contiguous:
            array[...] = flat.reshape(array.shape)


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
        if skip is not None and skip:
            return
        dtype, flat = theta.dtype, theta.ravel()
        moved = nothing(dtype) if velocity is None else velocity.ravel()
        _sgd[dtype](state(), flat, gradient.ravel(), moved, float(learning_rate), float(momentum), bool(nesterov))
        _put_back((theta, flat))
        if velocity is not None:
            _put_back((velocity, moved))


class Adam:
    """Adam: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε), with g `squarable`."""

    def step(
        self,
        theta: Array,
        gradient: Array,
        first: Array,
        second: Array,
        count: int,
        learning_rate: float,
        beta1: Number,
        beta2: Number,
        epsilon: float,
        skip: Array | None = None,
    ) -> None:
        """Take one step in place, in one pass that reads four vectors and writes three."""
        if skip is not None and skip:
            return
        flat, m, v = theta.ravel(), first.ravel(), second.ravel()
        numbers = float(learning_rate), float(beta1), float(beta2), float(epsilon)
        _adam[theta.dtype](state(), flat, gradient.ravel(), m, v, int(count), *numbers)
        _put_back((theta, flat), (first, m), (second, v))


class Rmsprop:
    """RMSprop: v ← ρv + (1−ρ)g²; u = g/(√v + ε); θ ← θ − lr·u, or through w ← m·w + u; g `squarable`."""

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
        if skip is not None and skip:
            return
        dtype, flat, v = theta.dtype, theta.ravel(), second.ravel()
        moved = nothing(dtype) if velocity is None else velocity.ravel()
        numbers = float(learning_rate), float(smoothing), float(epsilon), float(momentum)
        _rmsprop[dtype](state(), flat, gradient.ravel(), v, moved, *numbers)
        _put_back((theta, flat), (second, v))
        if velocity is not None:
            _put_back((velocity, moved))


class Average:
    """An exponential moving average: average ← decay·average + (1 − decay)·values."""

    def step(self, average: Array, values: Array, decay: float, skip: Array | None = None) -> None:
        """Move the average in place, in one pass."""
        if skip is not None and skip:
            return
        flat = average.ravel()
        _average[average.dtype](state(), flat, values.ravel(), float(decay))
        _put_back((average, flat))
