"""Batch and layer normalisation: x is read twice forward (statistics, output), dy, y and x twice backward (sums, dx)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from ..reference.placing import place
from .activation import LEAKY_RELU, LINEAR, RELU, SIGMOID, TANH, derivative, kind_and_slope, saturate, slopes
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
from .compiled import inner, summed
from .functions import Cells, Doubles, Given, Result, compiled_function, nothing
from .heap import empty
from .memory import get, put, sealed
from .pool import parallel, state


@inner
def _statistics_part(index: int, thread: int, chunks: Any, x: Any, channels: int, partial: Any) -> None:
    """Compute the mean μ and M₂ = Σ(x − μ)² of each channel in one chunk, from one read of it.

    With a shift k that lies among the values, s₁ = Σ(x − k) and s₂ = Σ(x − k)²,

        μ = k + s₁/n,   M₂ = s₂ − s₁²/n.

    The difference loses digits where k is many σ away from μ. k is the mean of the chunk's first √n rows: should one of
    them be an outlier at distance D, then s₁²/n ≈ D² and M₂ ≈ D², so that little cancels.

    For example x = 1001, 1003, 1002, 1006 with k = 1002, the mean of the first two: s₁ = −1 + 1 + 0 + 4 = 4 and
    s₂ = 1 + 1 + 0 + 16 = 18, so μ = 1002 + 4/4 = 1003 and M₂ = 18 − 16/4 = 14. With k = 0 it would be the difference of two
    numbers of four million.

    The chunk's results are written to partial[2·chunk·C:], first the means of C channels, then their M₂.
    """
    real = x.dtype.type
    chunk = claim(chunks, thread, False)
    start, stop = span(chunks, chunk, x.size)
    rows = (stop - start) // channels
    line = row_block(channels)
    first, second, average = np.zeros(line, x.dtype), np.zeros(line, x.dtype), np.zeros(channels, x.dtype)
    lead = math.ceil(math.sqrt(rows))
    for at in range(start, start + lead * channels, channels):
        for c in range(channels):
            put(average, c, get(average, c) + get(x, at + c))
    for c in range(channels):
        put(average, c, get(average, c) / real(lead))
    shift = repeated(average, line)

    fours = start + (stop - start) // (4 * line) * 4 * line
    for at in range(start, fours, 4 * line):  # four lines at a time: the sums are loaded and stored a fourth as often
        for j in range(line):
            k = get(shift, j)
            a, b = get(x, at + j) - k, get(x, at + line + j) - k
            c, d = get(x, at + 2 * line + j) - k, get(x, at + 3 * line + j) - k
            put(first, j, get(first, j) + ((a + b) + (c + d)))
            put(second, j, get(second, j) + ((a * a + b * b) + (c * c + d * d)))
    for at in range(fours, stop, line):
        for j in range(min(line, stop - at)):
            a = get(x, at + j) - get(shift, j)
            put(first, j, get(first, j) + a)
            put(second, j, get(second, j) + a * a)

    means, squares = 2 * chunk * channels, (2 * chunk + 1) * channels
    fold(first, channels, partial, means)
    fold(second, channels, partial, squares)
    for c in range(channels):
        total = get(partial, means + c)
        put(partial, means + c, get(shift, c) + total / rows)
        put(partial, squares + c, max(get(partial, squares + c) - total * total / rows, 0.0))


@inner
def _combine(partial: Any, channels: int, chunk_rows: int, rows: int, mean: Any, variance: Any) -> None:
    """Combine the statistics of chunks of nᵢ rows to those of all n rows, in float64 (Chan, Golub and LeVeque 1979):

    μ = Σ nᵢμᵢ/n,   σ² = Σ (M₂ᵢ + nᵢ·(μᵢ − μ)²)/n.
    """
    for c in range(channels):
        put(mean, c, 0.0)
        put(variance, c, 0.0)
    for index in range(chunk_count(rows, chunk_rows)):
        share = min(chunk_rows, rows - index * chunk_rows) / rows
        for c in range(channels):
            put(mean, c, get(mean, c) + share * get(partial, 2 * index * channels + c))
    for index in range(chunk_count(rows, chunk_rows)):
        share = min(chunk_rows, rows - index * chunk_rows) / rows
        for c in range(channels):
            distance = get(partial, 2 * index * channels + c) - get(mean, c)
            inside = get(partial, (2 * index + 1) * channels + c) / rows
            put(variance, c, get(variance, c) + (inside + share * distance * distance))


@inner
def _output_part(
    index: int,
    thread: int,
    chunks: Any,
    x: Any,
    lines: Any,
    activation: Any,
    y: Any,
) -> None:
    """Write y = f((x − μ)·factor + β) for one chunk.

    lines: μ, the factor γ/√(σ² + ε) and β, each repeated along a row block (`chunks.repeated`).
    """
    (centre, factor, bias), (kind, slope) = lines, activation
    start, stop = next_span(chunks, thread, x.size, True)
    real = x.dtype.type
    below = real(slope)
    for at in range(start, stop, centre.size):
        width = min(centre.size, stop - at)
        for j in range(width):
            value = (get(x, at + j) - get(centre, j)) * get(factor, j) + get(bias, j)
            put(y, at + j, value * below if value < real(0.0) else value)
        if kind in (TANH, SIGMOID):  # whose slope is 1
            saturate(y, at, width, kind)


@compiled_function
def _forward(
    state: Cells,
    x: Given,
    scale: Given,
    bias: Given,
    epsilon: float,
    kind: int,
    slope: float,
    y: Result,
    mean: Result,
    variance: Result,
    inverse: Result,
) -> None:
    channels, real = mean.size, x.dtype.type
    line = row_block(channels)
    length = chunk_length(x.size, line)
    count = chunk_count(x.size, length)
    partial = np.empty(2 * count * channels, np.float64)
    chunks = chunks_of(state, x.size, length)
    require_memory(parallel(state, _statistics_part, chunks.number, (chunks, x, channels, partial)))
    exact_mean, exact_variance = np.empty(channels, np.float64), np.empty(channels, np.float64)
    _combine(partial, channels, length // channels, x.size // channels, exact_mean, exact_variance)
    scaled = np.empty(channels, x.dtype)
    for c in range(channels):
        put(mean, c, real(get(exact_mean, c)))
        put(variance, c, real(get(exact_variance, c)))
        put(inverse, c, real(1.0 / math.sqrt(get(exact_variance, c) + epsilon)))
        put(scaled, c, get(inverse, c) * (get(scale, c) if scale.size > 0 else real(1.0)))
    lines = sealed(repeated(mean, line)), sealed(repeated(scaled, line)), sealed(repeated(bias, line))
    chunks = chunks_of(state, x.size, length)
    require_memory(parallel(state, _output_part, chunks.number, (chunks, x, lines, (kind, slope), y)))


@inner
def _sums_part(
    index: int,
    thread: int,
    chunks: Any,
    dy: Any,
    x: Any,
    y: Any,
    mean: Any,
    activation: Any,
    partial: Any,
) -> None:
    """Add up Σ dz and Σ dz·(x − μ), with dz = f′·dy, of each channel in one chunk.

    They are written to partial[2·chunk·C:], first those of Σ dz for C channels, then the others.
    """
    channels, real, (kind, slope) = mean.size, x.dtype.type, activation
    above, below, linear, square = slopes(kind, slope)
    chunk = claim(chunks, thread, False)
    start, stop = span(chunks, chunk, x.size)
    line = row_block(channels)
    centre, first, second = repeated(mean, line), np.zeros(line, x.dtype), np.zeros(line, x.dtype)
    twos = start + (stop - start) // (2 * line) * 2 * line
    for at in range(start, twos, 2 * line):
        for j in range(line):
            i, k = at + j, at + line + j
            a = derivative(get(y, i), real(above), real(below), real(linear), real(square)) * get(dy, i)
            b = derivative(get(y, k), real(above), real(below), real(linear), real(square)) * get(dy, k)
            put(first, j, get(first, j) + (a + b))
            put(second, j, get(second, j) + (a * (get(x, i) - get(centre, j)) + b * (get(x, k) - get(centre, j))))
    for at in range(twos, stop, line):
        for j in range(min(line, stop - at)):
            i = at + j
            a = derivative(get(y, i), real(above), real(below), real(linear), real(square)) * get(dy, i)
            put(first, j, get(first, j) + a)
            put(second, j, get(second, j) + a * (get(x, i) - get(centre, j)))
    fold(first, channels, partial, 2 * chunk * channels)
    fold(second, channels, partial, (2 * chunk + 1) * channels)


@inner
def _input_part(
    index: int,
    thread: int,
    chunks: Any,
    dy: Any,
    x: Any,
    y: Any,
    lines: Any,
    activation: Any,
    dx: Any,
) -> None:
    """Write dx = ((dz − constant) − (x − μ)·proportion)·factor for one chunk, with dz = f′·dy.

    lines: μ, the factor γ/√(σ² + ε), the constant Σ dz/n and the proportion Σ dz·(x − μ)/(n·(σ² + ε)), each repeated along a
        row block. The factor comes last: with few rows the difference before it is nearly 0, and would be the difference of
        two large numbers otherwise.
    """
    (centre, factor, constant, proportion), (kind, slope) = lines, activation
    real = x.dtype.type
    above, below, linear, square = slopes(kind, slope)
    start, stop = next_span(chunks, thread, x.size, True)
    for at in range(start, stop, centre.size):
        for j in range(min(centre.size, stop - at)):
            i = at + j
            dz = derivative(get(y, i), real(above), real(below), real(linear), real(square)) * get(dy, i)
            moved = (get(x, i) - get(centre, j)) * get(proportion, j)
            put(dx, i, ((dz - get(constant, j)) - moved) * get(factor, j))


@inner
def _gated_sums_part(
    index: int,
    thread: int,
    chunks: Any,
    dy: Any,
    x: Any,
    channels: int,
    lines: Any,
    activation: Any,
    partial: Any,
) -> None:
    """Add up what `_sums_part` does, behind relu and leaky_relu, with f′ from z in place of y, whose sign it has.

    lines: μ, the factor γ/√(σ² + ε) and β, each repeated along a row block, from which z is made as forward made it.
    """
    (centre, factor, bias), real, (kind, slope) = lines, x.dtype.type, activation
    above, below, linear, square = slopes(kind, slope)
    chunk = claim(chunks, thread, False)
    start, stop = span(chunks, chunk, x.size)
    line = centre.size
    first, second = np.zeros(line, x.dtype), np.zeros(line, x.dtype)
    twos = start + (stop - start) // (2 * line) * 2 * line
    for at in range(start, twos, 2 * line):
        for j in range(line):
            one, two = get(x, at + j) - get(centre, j), get(x, at + line + j) - get(centre, j)
            z, w = one * get(factor, j) + get(bias, j), two * get(factor, j) + get(bias, j)
            a = derivative(z, real(above), real(below), real(linear), real(square)) * get(dy, at + j)
            b = derivative(w, real(above), real(below), real(linear), real(square)) * get(dy, at + line + j)
            put(first, j, get(first, j) + (a + b))
            put(second, j, get(second, j) + (a * one + b * two))
    for at in range(twos, stop, line):
        for j in range(min(line, stop - at)):
            one = get(x, at + j) - get(centre, j)
            z = one * get(factor, j) + get(bias, j)
            a = derivative(z, real(above), real(below), real(linear), real(square)) * get(dy, at + j)
            put(first, j, get(first, j) + a)
            put(second, j, get(second, j) + a * one)
    fold(first, channels, partial, 2 * chunk * channels)
    fold(second, channels, partial, (2 * chunk + 1) * channels)


@inner
def _gated_input_part(
    index: int,
    thread: int,
    chunks: Any,
    dy: Any,
    x: Any,
    lines: Any,
    activation: Any,
    dx: Any,
) -> None:
    """Write what `_input_part` does, behind relu and leaky_relu, with f′ from z in place of y.

    lines: those of `_input_part`, with the forward pass's own factor and β behind.
    """
    (centre, factor, constant, proportion, scaled, bias), (kind, slope) = lines, activation
    real = x.dtype.type
    above, below, linear, square = slopes(kind, slope)
    start, stop = next_span(chunks, thread, x.size, True)
    for at in range(start, stop, centre.size):
        for j in range(min(centre.size, stop - at)):
            i = at + j
            distance = get(x, i) - get(centre, j)
            z = distance * get(scaled, j) + get(bias, j)
            dz = derivative(z, real(above), real(below), real(linear), real(square)) * get(dy, i)
            put(dx, i, ((dz - get(constant, j)) - distance * get(proportion, j)) * get(factor, j))


@compiled_function
def _backward(
    state: Cells,
    dy: Given,
    x: Given,
    y: Given,
    scale: Given,
    bias: Given,
    mean: Given,
    inverse: Given,
    kind: int,
    slope: float,
    need_input: bool,
    dx: Result,
    dscale: Result,
    dbias: Result,
) -> None:
    channels, real = mean.size, x.dtype.type
    line = row_block(channels)
    length = chunk_length(x.size, line)
    count = chunk_count(x.size, length)
    partial = np.empty(2 * count * channels, np.float64)
    chunks = chunks_of(state, x.size, length)
    gated = y.size == 0  # y is not given behind relu and leaky_relu, where its sign is that of z
    scaled = np.empty(channels, x.dtype)
    for c in range(channels):
        put(scaled, c, get(inverse, c) * (get(scale, c) if scale.size > 0 else real(1.0)))
    centre, forward, shift = sealed(repeated(mean, line)), sealed(repeated(scaled, line)), sealed(repeated(bias, line))
    if gated:
        given = (chunks, dy, x, channels, (centre, forward, shift), (kind, slope), partial)
        require_memory(parallel(state, _gated_sums_part, chunks.number, given))
    else:
        require_memory(parallel(state, _sums_part, chunks.number, (chunks, dy, x, y, mean, (kind, slope), partial)))
    for index in range(1, count):
        for c in range(2 * channels):
            put(partial, c, get(partial, c) + get(partial, 2 * index * channels + c))
    rows = x.size // channels
    factors, constants, proportions = (
        np.empty(channels, x.dtype),
        np.empty(channels, x.dtype),
        np.empty(channels, x.dtype),
    )
    for c in range(channels):
        one, deviation = get(partial, c), np.float64(get(inverse, c))
        two = get(partial, channels + c) * deviation
        put(dbias, c, real(one))
        put(dscale, c, real(two))
        steepness = deviation * (get(scale, c) if scale.size > 0 else real(1.0))
        put(factors, c, real(steepness))
        put(constants, c, real(one / rows))
        put(proportions, c, real(deviation * two / rows))
    if need_input:
        factor = sealed(repeated(factors, line))
        constant, proportion = sealed(repeated(constants, line)), sealed(repeated(proportions, line))
        chunks = chunks_of(state, x.size, length)
        if gated:
            all_lines = (centre, factor, constant, proportion, forward, shift)
            require_memory(
                parallel(state, _gated_input_part, chunks.number, (chunks, dy, x, all_lines, (kind, slope), dx))
            )
        else:
            lines = (centre, factor, constant, proportion)
            require_memory(parallel(state, _input_part, chunks.number, (chunks, dy, x, y, lines, (kind, slope), dx)))


@compiled_function
def _statistics(state: Cells, x: Given, channels: int, found: Doubles) -> None:
    """Write μ and σ² of each channel to found[:C] and found[C:]."""
    length = chunk_length(x.size, row_block(channels))
    partial = np.empty(2 * chunk_count(x.size, length) * channels, np.float64)
    chunks = chunks_of(state, x.size, length)
    require_memory(parallel(state, _statistics_part, chunks.number, (chunks, x, channels, partial)))
    mean, variance = found[:channels], found[channels:]
    _combine(partial, channels, length // channels, x.size // channels, mean, variance)


@compiled_function
def _normalise(
    state: Cells, x: Given, mean: Given, factor: Given, bias: Given, kind: int, slope: float, y: Result
) -> None:
    line = row_block(mean.size)
    lines = sealed(repeated(mean, line)), sealed(repeated(factor, line)), sealed(repeated(bias, line))
    chunks = chunks_of(state, x.size, chunk_length(x.size, line))
    require_memory(parallel(state, _output_part, chunks.number, (chunks, x, lines, (kind, slope), y)))


@compiled_function
def _sums(state: Cells, dy: Given, x: Given, y: Given, mean: Given, kind: int, slope: float, found: Doubles) -> None:
    """Write Σ dz and Σ dz·(x − μ) of each channel to found[:C] and found[C:]."""
    channels = mean.size
    length = chunk_length(x.size, row_block(channels))
    count = chunk_count(x.size, length)
    partial = np.empty(2 * count * channels, np.float64)
    chunks = chunks_of(state, x.size, length)
    require_memory(parallel(state, _sums_part, chunks.number, (chunks, dy, x, y, mean, (kind, slope), partial)))
    for c in range(2 * channels):
        put(found, c, 0.0)
    for index in range(count):
        for c in range(2 * channels):
            put(found, c, get(found, c) + get(partial, 2 * index * channels + c))


@compiled_function
def _pull(
    state: Cells,
    dy: Given,
    x: Given,
    y: Given,
    mean: Given,
    factor: Given,
    constant: Given,
    proportion: Given,
    kind: int,
    slope: float,
    dx: Result,
) -> None:
    line = row_block(mean.size)
    centre, factors = sealed(repeated(mean, line)), sealed(repeated(factor, line))
    lines = (centre, factors, sealed(repeated(constant, line)), sealed(repeated(proportion, line)))
    chunks = chunks_of(state, x.size, chunk_length(x.size, line))
    require_memory(parallel(state, _input_part, chunks.number, (chunks, dy, x, y, lines, (kind, slope), dx)))


class BatchNorm:
    """Batch normalisation: y = f(γ·x̂ + β) with x̂ = (x − μ)/√(σ² + ε), statistics over everything but the last axis."""

    def forward(
        self, x: Array, scale: Array | None, bias: Array | None, epsilon: float, activation: Activation
    ) -> tuple[Array, Array, Array, Array]:
        """Read x twice and write y once; returns y, μ, σ² and 1/√(σ² + ε)."""
        dtype, channels = x.dtype, x.shape[-1]
        kind, slope = kind_and_slope(activation)
        y = empty(x.shape, dtype)
        mean, variance, inverse = np.empty(channels, dtype), np.empty(channels, dtype), np.empty(channels, dtype)
        _forward[dtype](
            state(),
            x.ravel(),
            nothing(dtype) if scale is None else scale.ravel(),
            nothing(dtype) if bias is None else bias.ravel(),
            float(epsilon),
            kind,
            slope,
            y.reshape(-1),
            mean,
            variance,
            inverse,
        )
        return y, mean, variance, inverse

    def backward(
        self,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        bias: Array | None,
        mean: Array,
        inverse_deviation: Array,
        activation: Activation,
        need_input: bool = True,
        into_scale: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array, Array]:
        """Read dy and x twice, behind tanh and sigmoid y too, and write dx once; returns dx, dγ and dβ."""
        dx = empty(x.shape, x.dtype) if need_input else None
        return self._backward(dx, dy, x, y, scale, bias, mean, inverse_deviation, activation, into_scale, into_bias)

    def backward_in_place(
        self,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        bias: Array | None,
        mean: Array,
        inverse_deviation: Array,
        activation: Activation,
        need_input: bool = True,
        into_scale: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array, Array]:
        """Return the same; dx is written over dy, each number where the one was that it is made of."""
        dx = None
        if need_input:
            dx = dy if dy.flags.c_contiguous else empty(x.shape, x.dtype)
        found = self._backward(dx, dy, x, y, scale, bias, mean, inverse_deviation, activation, into_scale, into_bias)
        if dx is None:
            return found
        if dx is not dy:
            dy[...] = dx
        return dy, *found[1:]

    def _backward(
        self,
        dx: Array | None,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        bias: Array | None,
        mean: Array,
        inverse_deviation: Array,
        activation: Activation,
        into_scale: Into | None,
        into_bias: Into | None,
    ) -> tuple[Array | None, Array, Array]:
        dtype, channels = x.dtype, x.shape[-1]
        kind, slope = kind_and_slope(activation)
        given = dy.ravel()
        if kind == LINEAR:
            output = given  # f′ is 1 whatever is read, so nothing more need be
        elif kind in (RELU, LEAKY_RELU):
            output = nothing(dtype)
        else:
            output = y.ravel()
        dscale, dbias = np.empty(channels, dtype), np.empty(channels, dtype)
        _backward[dtype](
            state(),
            given,
            x.ravel(),
            output,
            nothing(dtype) if scale is None else scale.ravel(),
            nothing(dtype) if bias is None else bias.ravel(),
            mean.ravel(),
            inverse_deviation.ravel(),
            kind,
            slope,
            dx is not None,
            nothing(dtype) if dx is None else dx.reshape(-1),
            dscale,
            dbias,
        )
        return dx, place(dscale, into_scale), place(dbias, into_bias)

    def statistics(self, x: Array) -> Array:
        """Return μ and σ² of each channel, float64 (2, C); x is read once."""
        found = np.empty((2, x.shape[-1]))
        _statistics[x.dtype](state(), x.ravel(), x.shape[-1], found.reshape(-1))
        return found

    def normalise(
        self, x: Array, scale: Array | None, bias: Array | None, mean: Array, inverse: Array, activation: Activation
    ) -> Array:
        """Return y for given μ and 1/√(σ² + ε)."""
        dtype = x.dtype
        kind, slope = kind_and_slope(activation)
        factor = inverse if scale is None else inverse * scale
        y = empty(x.shape, dtype)
        shift = nothing(dtype) if bias is None else bias.ravel()
        _normalise[dtype](state(), x.ravel(), mean.ravel(), factor.ravel(), shift, kind, slope, y.reshape(-1))
        return y

    def sums(self, dy: Array, x: Array, y: Array, mean: Array, inverse: Array, activation: Activation) -> Array:
        """Return Σ dz and Σ dz·x̂ of each channel, float64 (2, C); dy, x and y are read once."""
        kind, slope = kind_and_slope(activation)
        given, found = dy.ravel(), np.empty((2, x.shape[-1]))
        output = given if kind == LINEAR else y.ravel()
        _sums[x.dtype](state(), given, x.ravel(), output, mean.ravel(), kind, slope, found.reshape(-1))
        found[1] *= inverse
        return found

    def pull(
        self,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        mean: Array,
        inverse: Array,
        activation: Activation,
        means: Array,
    ) -> Array:
        """Return dx for given means of dz and dz·x̂, float64 (2, C); dy, x and y are read once and dx is written."""
        dtype = x.dtype
        kind, slope = kind_and_slope(activation)
        given, dx = dy.ravel(), empty(x.shape, dtype)
        _pull[dtype](
            state(),
            given,
            x.ravel(),
            given if kind == LINEAR else y.ravel(),
            mean.ravel(),
            (inverse if scale is None else inverse * scale).ravel(),
            means[0].astype(dtype),
            (means[1] * inverse).astype(dtype),
            kind,
            slope,
            dx.reshape(-1),
        )
        return dx


@summed
def _normalise_rows(
    index: int,
    thread: int,
    chunks: Any,
    x: Any,
    features: int,
    epsilon: float,
    y: Any,
    inverse: Any,
) -> None:
    """Normalise a chunk of rows; each is read for its mean, then from the cache for its variance, then for x̂."""
    real = x.dtype.type
    start, stop = next_span(chunks, thread, inverse.size, False)
    for row in range(start, stop):
        at = row * features
        total = real(0.0)
        for j in range(features):
            total += get(x, at + j)
        mean = total / real(features)
        squares = real(0.0)
        for j in range(features):
            distance = get(x, at + j) - mean
            squares += distance * distance
        factor = real(1.0) / math.sqrt(squares / real(features) + real(epsilon))
        put(inverse, row, factor)
        for j in range(features):
            put(y, at + j, (get(x, at + j) - mean) * factor)


@compiled_function
def _layer_forward(state: Cells, x: Given, features: int, epsilon: float, y: Result, inverse: Result) -> None:
    rows = max(chunk_length(x.size, 1) // features, ROW_BLOCK)
    chunks = chunks_of(state, inverse.size, rows)
    require_memory(parallel(state, _normalise_rows, chunks.number, (chunks, x, features, epsilon, y, inverse)))


@summed
def _pull_rows(
    index: int,
    thread: int,
    chunks: Any,
    d: Any,
    normalised: Any,
    inverse: Any,
    features: int,
    dx: Any,
) -> None:
    real = d.dtype.type
    start, stop = next_span(chunks, thread, inverse.size, False)
    for row in range(start, stop):
        at = row * features
        first, second = real(0.0), real(0.0)
        for j in range(features):
            first += get(d, at + j)
            second += get(d, at + j) * get(normalised, at + j)
        first, second = first / real(features), second / real(features)
        factor = get(inverse, row)
        for j in range(features):
            put(dx, at + j, ((get(d, at + j) - first) - get(normalised, at + j) * second) * factor)


@compiled_function
def _layer_backward(state: Cells, d: Given, normalised: Given, inverse: Given, features: int, dx: Result) -> None:
    rows = max(chunk_length(d.size, 1) // features, ROW_BLOCK)
    chunks = chunks_of(state, inverse.size, rows)
    require_memory(parallel(state, _pull_rows, chunks.number, (chunks, d, normalised, inverse, features, dx)))


class LayerNorm:
    """Layer normalisation without γ and β: x̂ = (x − μ)/√(σ² + ε), with the statistics of each row over its features."""

    def forward(self, x: Array, epsilon: float) -> tuple[Array, Array]:
        """Return x̂, of the shape of x (rows, features), and 1/√(σ² + ε) of each row, (rows, 1)."""
        rows, features = x.shape
        y, inverse = empty(x.shape, x.dtype), np.empty((rows, 1), x.dtype)
        _layer_forward[x.dtype](state(), x.ravel(), features, float(epsilon), y.reshape(-1), inverse.reshape(-1))
        return y, inverse

    def backward(self, dnormalised: Array, normalised: Array, inverse_deviation: Array) -> Array:
        """Return dx = (d − mean(d) − x̂·mean(d·x̂))/√(σ² + ε), with the means of each row, for d = ∂L/∂x̂."""
        dx = empty(dnormalised.shape, dnormalised.dtype)
        _layer_backward[dx.dtype](
            state(),
            dnormalised.ravel(),
            normalised.ravel(),
            inverse_deviation.ravel(),
            dnormalised.shape[1],
            dx.reshape(-1),
        )
        return dx
