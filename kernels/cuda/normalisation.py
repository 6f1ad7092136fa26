"""Batch and layer normalisation, and running statistics, on the GPU (`batch_norm.cu`, `layer_norm.cu`, `running.cu`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from ..reference.placing import place
from .activation import function
from .alignment import pack_of
from .grids import THREADS, SumGrid, merge_of, over, rows_over, sums_down
from .launcher import contiguous, launch, new

BATCH, LAYER, RUNNING = "batch_norm.cu", "layer_norm.cu", "running.cu"
FROM_Y = ("tanh", "sigmoid")
"""Activations whose derivative backward finds from y; of the others it needs the sign of z alone, which it makes from x."""


class BatchNorm:
    """Batch normalisation: statistics in two stages, then one pass that normalises and activates.

    Where rows are few all of it is one launch.
    """

    def forward(
        self, x: Array, scale: Array | None, bias: Array | None, epsilon: float, activation: Activation
    ) -> tuple[Array, Array, Array, Array]:
        """Return y, μ, σ² and 1/√(σ² + ε)."""
        x, scale, bias = contiguous(x), _contiguous(scale), _contiguous(bias)
        rows, columns, dtype = x.size // x.shape[-1], x.shape[-1], x.dtype
        pack = pack_of(columns, x)
        sums = sums_down(rows, columns, pack, 1, dtype.itemsize)
        y, kind = new(x, x.shape), function(activation)
        mean, variance, inverse = (new(x, (columns,)) for _ in range(3))
        results = (float(epsilon), mean, variance, inverse)
        if sums.partials == 1:
            arguments = (x, scale, bias, y, rows, columns, pack > 1, *kind, *results)
            launch(BATCH, "forward", sums.grid, sums.block, arguments, dtype=dtype)
            return y, mean, variance, inverse
        _statistics(x, pack, sums, *results)
        normalised = (x, mean, inverse, scale, bias, y, rows, columns, pack > 1, *kind)
        launch(BATCH, "normalise", *rows_over(rows, columns, pack), normalised, dtype=dtype)
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
        """Return dx, dγ and dβ: both sums in two stages, then one pass that gives dx.

        Where rows are few all of it is one launch.
        """
        dy, x, scale, bias = contiguous(dy), contiguous(x), _contiguous(scale), _contiguous(bias)
        mean, inverse = contiguous(mean), contiguous(inverse_deviation)
        rows, columns, dtype = x.size // x.shape[-1], x.shape[-1], x.dtype
        gate = contiguous(y) if activation.kind in FROM_Y else None
        matrices = (dy, x) if gate is None else (dy, x, gate)
        pack = pack_of(columns, *matrices)
        sums, kind = sums_down(rows, columns, pack, len(matrices), dtype.itemsize), function(activation)
        dscale, scale_total = _sums_into(into_scale, x)
        dbias, bias_total = _sums_into(into_bias, x)
        dx = new(x, x.shape) if need_input else None
        given = (dy, x, gate, mean, inverse, scale, bias)
        gradients = (*given, dbias, dscale, dx, rows, columns, pack > 1, *kind)
        results = (dbias, dscale, bias_total, scale_total)
        if sums.partials == 1 and need_input:
            arguments = (*gradients, bias_total, scale_total)
            launch(BATCH, "backward", sums.grid, sums.block, arguments, dtype=dtype)
            return dx, _placed(dscale, scale_total, into_scale), _placed(dbias, bias_total, into_bias)
        _gradient_sums(given, pack, sums, kind, results)
        if need_input:
            share = (dtype.type(1) / dtype.type(rows),)
            launch(BATCH, "input_gradient", *rows_over(rows, columns, pack), (*gradients, *share), dtype=dtype)
        return dx, _placed(dscale, scale_total, into_scale), _placed(dbias, bias_total, into_bias)

    def statistics(self, x: Array) -> Array:
        """Return μ and σ² of each channel, float64 (2, C); x is read once."""
        x, columns = contiguous(x), x.shape[-1]
        pack, found = pack_of(columns, x), new(x, (3, columns))
        _statistics(x, pack, sums_down(x.size // columns, columns, pack, 1, x.itemsize), 0.0, *found)
        wide: Array = found[:2].astype(np.float64)
        return wide

    def normalise(
        self, x: Array, scale: Array | None, bias: Array | None, mean: Array, inverse: Array, activation: Activation
    ) -> Array:
        """Return y for given μ and 1/√(σ² + ε)."""
        x, columns, y = contiguous(x), x.shape[-1], new(x, x.shape)
        rows, pack = x.size // columns, pack_of(columns, x)
        constants = contiguous(mean), contiguous(inverse), _contiguous(scale), _contiguous(bias)
        arguments = (x, *constants, y, rows, columns, pack > 1, *function(activation))
        launch(BATCH, "normalise", *rows_over(rows, columns, pack), arguments, dtype=x.dtype)
        return y

    def sums(self, dy: Array, x: Array, y: Array, mean: Array, inverse: Array, activation: Activation) -> Array:
        """Return Σ dz and Σ dz·x̂ of each channel, float64 (2, C); dy and x are read once, and y unless f is linear."""
        given, pack = _with_y(dy, x, y, mean, inverse, None, activation)
        columns, found = x.shape[-1], new(x, (2, x.shape[-1]))
        matrices = sum(array is not None for array in given[:3])
        grid = sums_down(x.size // columns, columns, pack, matrices, x.itemsize)
        _gradient_sums(given, pack, grid, function(activation), (*found, None, None))
        wide: Array = found.astype(np.float64)
        return wide

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
        """Return dx for given means of dz and dz·x̂, float64 (2, C); what `sums` reads is read once and dx is written."""
        given, pack = _with_y(dy, x, y, mean, inverse, scale, activation)
        columns, dx = x.shape[-1], new(x, x.shape)
        rows = x.size // columns
        arguments = (*given, *means.astype(x.dtype), dx, rows, columns, pack > 1, *function(activation), 1.0)
        launch(BATCH, "input_gradient", *rows_over(rows, columns, pack), arguments, dtype=x.dtype)
        return dx


def _statistics(
    x: Array, pack: int, sums: SumGrid, epsilon: float, mean: Array, variance: Array, inverse: Array
) -> None:
    """Write μ, σ² and 1/√(σ² + ε): in two stages, or in one launch where a block has all rows of its columns."""
    columns = x.shape[-1]
    rows, results = x.size // columns, (float(epsilon), mean, variance, inverse)
    partial = new(x, (3, sums.partials, columns)) if sums.partials > 1 else None
    launch(BATCH, "statistics", sums.grid, sums.block, (x, partial, rows, columns, pack > 1, *results), dtype=x.dtype)
    if partial is not None:
        merged = (partial, sums.partials, rows, columns, *results)
        launch(BATCH, "merge_statistics", *merge_of(sums.partials, columns), merged, dtype=x.dtype)


def _gradient_sums(
    given: Sequence[Array | None],
    pack: int,
    sums: SumGrid,
    kind: tuple[int, float],
    results: Sequence[Array | None],
) -> None:
    """Write dβ and dγ, in two stages or one. given: as `Given` of the source has it; results: dβ, dγ and their totals."""
    x = given[1]
    assert x is not None
    rows, columns = x.size // x.shape[-1], x.shape[-1]
    partial = new(x, (2, sums.partials, columns)) if sums.partials > 1 else None
    summed = (*given, partial, rows, columns, pack > 1, *kind, *results)
    launch(BATCH, "gradient_sums", sums.grid, sums.block, summed, dtype=x.dtype)
    if partial is not None:
        merged = (partial, sums.partials, columns, *results)
        launch(BATCH, "merge_gradient_sums", *merge_of(sums.partials, columns), merged, dtype=x.dtype)


def _with_y(
    dy: Array, x: Array, y: Array, mean: Array, inverse: Array, scale: Array | None, activation: Activation
) -> tuple[tuple[Array | None, ...], int]:
    """What gradients are made from where f′ is found from y, whatever f is, and the columns that a thread takes at once."""
    matrices = tuple(map(contiguous, (dy, x) if activation.kind == "linear" else (dy, x, y)))
    gate = matrices[2] if len(matrices) > 2 else None
    constants = contiguous(mean), contiguous(inverse), _contiguous(scale), None
    return (*matrices[:2], gate, *constants), pack_of(x.shape[-1], *matrices)


class Running:
    """Running statistics of batch normalisation, both in one launch."""

    def update(
        self,
        mean: Array,
        variance: Array,
        batch_mean: Array,
        batch_variance: Array,
        momentum: float,
        correction: float,
    ) -> None:
        """Move both statistics in place, so both arrays must be contiguous; the launcher refuses others."""
        of = mean.dtype.type
        arguments = (
            mean, variance, contiguous(batch_mean), contiguous(batch_variance), mean.size,
            of(1) - of(momentum), of(momentum), of(correction),
        )  # fmt: skip
        launch(RUNNING, "update", *over(mean.size), arguments, dtype=mean.dtype)


class LayerNorm:
    """Layer normalisation with a block of threads for each row."""

    def forward(self, x: Array, epsilon: float) -> tuple[Array, Array]:
        """Return x̂ (M, C) and 1/√(σ² + ε) (M, 1)."""
        x = contiguous(x)
        rows, columns = x.shape
        normalised, inverse = new(x, x.shape), new(x, (rows, 1))
        arguments = (x, normalised, inverse, columns, pack_of(columns, x) > 1, float(epsilon))
        launch(LAYER, "forward", (rows,), (THREADS,), arguments, dtype=x.dtype)
        return normalised, inverse

    def backward(self, dnormalised: Array, normalised: Array, inverse_deviation: Array) -> Array:
        """Return dx, the gradient of the input."""
        d, normalised, inverse = map(contiguous, (dnormalised, normalised, inverse_deviation))
        rows, columns = d.shape
        dx = new(d, d.shape)
        arguments = (d, normalised, inverse, dx, columns, pack_of(columns, d, normalised) > 1)
        launch(LAYER, "backward", (rows,), (THREADS,), arguments, dtype=d.dtype)
        return dx


def _sums_into(into: Into | None, x: Array) -> tuple[Array, Array | None]:
    """Choose where a kernel writes this batch's sums, from which dx is made, and where it adds them, if anywhere."""
    if into is None or not into.array.flags.c_contiguous:
        return new(x, x.shape[-1:]), None
    return (new(x, x.shape[-1:]), into.array) if into.add else (into.array, None)


def _placed(sums: Array, total: Array | None, into: Into | None) -> Array:
    """Return a gradient where it goes; what a kernel could not write there itself is written now."""
    if total is not None:
        return total
    return sums if into is None or sums is into.array else place(sums, into)


def _contiguous(array: Array | None) -> Array | None:
    return None if array is None else contiguous(array)
