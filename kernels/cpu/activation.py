"""Bias and activation in one pass, and the derivative with the bias's gradient in one pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from ..reference.placing import place
from .chunks import (
    ROW_BLOCK,
    chunk_count,
    chunk_length,
    chunks_of,
    claim,
    fold,
    next_span,
    repeated,
    require_memory,
    row_block,
    span,
)
from .compiled import inlined, inner
from .elementary import logistic, tanh
from .functions import Cells, Given, Result, compiled_function, nothing
from .heap import empty
from .memory import get, put, sealed
from .pool import parallel, state
from .signs import Signs, signs

LINEAR, RELU, LEAKY_RELU, TANH, SIGMOID = range(5)
KINDS = {"linear": LINEAR, "relu": RELU, "leaky_relu": LEAKY_RELU, "tanh": TANH, "sigmoid": SIGMOID}


def kind_and_slope(activation: Activation) -> tuple[int, float]:
    """The activation as compiled code knows it: a number, and what values below 0 are multiplied by."""
    kind = KINDS[activation.kind]
    return kind, float(activation.slope) if kind == LEAKY_RELU else float(kind != RELU)


@inner
def saturate(y: Any, start: int, count: int, kind: int) -> None:
    """Replace y by tanh(y), or by the sigmoid of y, on a piece of memory that is still in the first-level cache."""
    if kind == TANH:
        for i in range(start, start + count):
            put(y, i, tanh(get(y, i)))
    else:
        for i in range(start, start + count):
            put(y, i, logistic(get(y, i)))


@inlined
def activated(value: Any, kind: int, below: Any) -> Any:
    """Return f of one number; `below` is what values below 0 are multiplied by."""
    if kind == RELU:  # not below·value with below = 0, which makes NaN of −∞
        return type(value)(0.0) if value < 0 else value
    if kind == TANH:
        return tanh(value)
    if kind == SIGMOID:
        return logistic(value)
    return value * below if value < 0 else value


@inner
def derivative(y: Any, above: Any, below: Any, first: Any, second: Any) -> Any:
    """f′ from y = f(z): (`above` if y > 0 else `below`) + first·y − second·y²; the four numbers are those of `slopes`.

    y is infinite only where first and second are 0, and must not make NaN of them. NaN stays NaN.
    """
    real = type(y)
    finite = real(0.0) if abs(y) == real(math.inf) else y
    return (above if y > real(0.0) else below) + finite * (first - second * finite)


@inlined
def gated(dy: Any, y: Any, at: int, kind: int, factors: Any) -> Any:
    """Return one number of dz = f′·dy; `factors` are the numbers of `slopes`, in the arrays' dtype."""
    above, below, first, second = factors
    value = get(dy, at)
    return value if kind == LINEAR else derivative(get(y, at), above, below, first, second) * value


@inner
def slopes(kind: int, slope: float) -> Any:
    """Return the four numbers of which `derivative` makes f′ from y, in one form so that one loop serves all activations.

    For relu and leaky_relu f′ is 1 or the slope, for tanh 1 − y², for the sigmoid y − y².
    """
    if kind == TANH:
        return 1.0, 1.0, 0.0, 1.0
    if kind == SIGMOID:
        return 0.0, 0.0, 1.0, 1.0
    return 1.0, slope, 0.0, 0.0


@inlined
def factors_of(dy: Any, kind: int, slope: float) -> Any:
    """Return `slopes` in the dtype of dy, as `gated` takes them."""
    real = dy.dtype.type
    above, below, first, second = slopes(kind, slope)
    return real(above), real(below), real(first), real(second)


@inner
def add_and_activate(z: Any, at: int, bias: Any, width: int, kind: int, slope: float, y: Any) -> None:
    """Write y = f(z + b) for one line.

    y may be z's own memory: each number is read before it is written, and never again.
    """
    real = z.dtype.type
    below = real(slope)
    if kind == RELU:  # not below·value with below = 0, which makes NaN of −∞
        for j in range(width):
            value = get(z, at + j) + get(bias, j)
            put(y, at + j, real(0.0) if value < real(0.0) else value)
    else:
        for j in range(width):
            value = get(z, at + j) + get(bias, j)
            put(y, at + j, value * below if value < real(0.0) else value)
    if kind in (TANH, SIGMOID):  # whose slope is 1
        saturate(y, at, width, kind)


@inner
def _forward_part(index: int, thread: int, chunks: Any, z: Any, bias: Any, kind: int, slope: float, y: Any) -> None:
    start, stop = next_span(chunks, thread, z.size, False)
    for at in range(start, stop, bias.size):
        add_and_activate(z, at, bias, min(bias.size, stop - at), kind, slope, y)


@compiled_function
def _forward(state: Cells, z: Given, bias: Given, kind: int, slope: float, y: Result) -> None:
    line = sealed(repeated(bias, row_block(max(bias.size, 1))))
    chunks = chunks_of(state, z.size, chunk_length(z.size, line.size))
    require_memory(parallel(state, _forward_part, chunks.number, (chunks, z, line, kind, slope, y)))


@inner
def _slope_part(index: int, thread: int, chunks: Any, dy: Any, y: Any, kind: int, slope: float, dz: Any) -> None:
    """Write dz = f′·dy for one chunk."""
    real = dy.dtype.type
    above, below, first, second = slopes(kind, slope)
    start, stop = next_span(chunks, thread, dy.size, False)
    for i in range(start, stop):
        factor = derivative(get(y, i), real(above), real(below), real(first), real(second))
        put(dz, i, factor * get(dy, i))


@compiled_function
def _backward(state: Cells, dy: Given, y: Given, kind: int, slope: float, dz: Result) -> None:
    chunks = chunks_of(state, dy.size, chunk_length(dy.size, ROW_BLOCK))
    require_memory(parallel(state, _slope_part, chunks.number, (chunks, dy, y, kind, slope, dz)))


@inner
def _sum_part(
    index: int,
    thread: int,
    chunks: Any,
    dy: Any,
    y: Any,
    channels: int,
    activation: Any,
    dz: Any,
    totals: Any,
) -> None:
    """Write dz = f′·dy for one chunk (but for "linear", where it is dy), and add up dz over the chunk's rows."""
    real, (kind, slope) = dy.dtype.type, activation
    above, below, first, second = slopes(kind, slope)
    chunk = claim(chunks, thread, False)
    start, stop = span(chunks, chunk, dy.size)
    line = np.zeros(row_block(channels), dy.dtype)
    for at in range(start, stop, line.size):
        width = min(line.size, stop - at)
        if kind == LINEAR:
            for j in range(width):
                put(line, j, get(line, j) + get(dy, at + j))
        else:
            for j in range(width):
                factor = derivative(get(y, at + j), real(above), real(below), real(first), real(second))
                value = factor * get(dy, at + j)
                put(dz, at + j, value)
                put(line, j, get(line, j) + value)
    fold(line, channels, totals, chunk * channels)


@compiled_function
def _backward_with_bias(
    state: Cells, dy: Given, y: Given, kind: int, slope: float, dz: Result, dbias: Result, add: bool
) -> None:
    channels = dbias.size
    length = chunk_length(dy.size, row_block(channels))
    count = chunk_count(dy.size, length)
    totals = np.zeros(max(count, 1) * channels, np.float64)
    chunks = chunks_of(state, dy.size, length)
    require_memory(parallel(state, _sum_part, chunks.number, (chunks, dy, y, channels, (kind, slope), dz, totals)))
    for index in range(1, count):
        for c in range(channels):
            put(totals, c, get(totals, c) + get(totals, index * channels + c))
    real = dbias.dtype.type
    for c in range(channels):
        put(dbias, c, real(get(totals, c)) + (get(dbias, c) if add else real(0.0)))


class BiasActivation:
    """The end of a layer, y = f(z + b), and its derivative."""

    def forward(self, z: Array, bias: Array | None, activation: Activation, in_place: bool = False) -> Array:
        """Return y, from one pass that reads z and writes y."""
        flat = z.ravel()
        y = z if in_place and z.flags.c_contiguous else empty(z.shape, z.dtype)
        kind, slope = kind_and_slope(activation)
        given = nothing(z.dtype) if bias is None else bias.ravel()
        _forward[z.dtype](state(), flat, given, kind, slope, y.reshape(-1))
        if in_place and y is not z:
            z[...] = y
            return z
        return y

    def signs(self, y: Array) -> Array | Signs:
        """Return what backward takes in the place of y behind relu and leaky_relu, and what takes less memory."""
        return signs(y)

    def backward(
        self, dy: Array, y: Array | Signs, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """Return dz and db, from one pass that reads dy and y, writes dz and adds up db on its way."""
        return self._backward(dy, y, activation, need_bias, into, False)

    def backward_in_place(
        self, dy: Array, y: Array | Signs, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """Return the same; dz is written over dy, each number where the one was that it is made of."""
        dz, dbias = self._backward(dy, y, activation, need_bias, into, dy.flags.c_contiguous)
        if dz is not dy:
            dy[...] = dz
        return dy, dbias

    def _backward(
        self, dy: Array, y: Array | Signs, activation: Activation, need_bias: bool, into: Into | None, over: bool
    ) -> tuple[Array, Array | None]:
        kind, slope = kind_and_slope(activation)
        if kind == LINEAR and not need_bias:
            return dy, None
        given, dtype = dy.ravel(), dy.dtype
        output, dz = given, dy
        if isinstance(y, Signs):
            dz = dy if over else empty(dy.shape, dtype)
            y.through(given, slope, dz.reshape(-1))
            if not need_bias:
                return dz, None
            kind, given, output = LINEAR, dz.reshape(-1), dz.reshape(-1)  # what remains is the sum
        elif kind != LINEAR:
            # Over dy: each of its numbers is read before the one that takes its place is written, and never again.
            output, dz = y.ravel(), dy if over else empty(dy.shape, dtype)
        target = nothing(dtype) if kind == LINEAR else dz.reshape(-1)
        if not need_bias:
            _backward[dtype](state(), given, output, kind, slope, target)
            return dz, None
        direct = into is not None and into.array.flags.c_contiguous
        dbias = into.array if into is not None and direct else np.empty(dy.shape[-1], dtype)
        add = into is not None and direct and into.add
        _backward_with_bias[dtype](state(), given, output, kind, slope, target, dbias.reshape(-1), add)
        return dz, dbias if direct else place(dbias, into)
