"""Batch and layer normalisation, and running statistics, on the GPU (`batch_norm.cu`, `layer_norm.cu`, `running.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from ..reference.placing import place
from .activation import function
from .alignment import pack_of
from .grids import THREADS, merge_of, over, rows_over, sums_down
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
        partial = new(x, (3, sums.partials, columns))
        launch(BATCH, "statistics", sums.grid, sums.block, (x, partial, rows, columns, pack > 1), dtype=dtype)
        merged = (partial, sums.partials, rows, columns, *results)
        launch(BATCH, "merge_statistics", *merge_of(sums.partials, columns), merged, dtype=dtype)
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
        partial = new(x, (2, sums.partials, columns)) if sums.partials > 1 else None
        summed = (*given, partial, rows, columns, pack > 1, *kind, *results)
        launch(BATCH, "gradient_sums", sums.grid, sums.block, summed, dtype=dtype)
        if partial is not None:
            merged = (partial, sums.partials, columns, *results)
            launch(BATCH, "merge_gradient_sums", *merge_of(sums.partials, columns), merged, dtype=dtype)
        if need_input:
            launch(BATCH, "input_gradient", *rows_over(rows, columns, pack), gradients, dtype=dtype)
        return dx, _placed(dscale, scale_total, into_scale), _placed(dbias, bias_total, into_bias)


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
