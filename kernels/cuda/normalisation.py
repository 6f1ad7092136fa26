"""Batch and layer normalisation on the GPU (`sources/batch_norm.cu`, `sources/layer_norm.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Activation
from .activation import function
from .grids import THREADS, columns_of, over
from .launcher import contiguous, launch, new, whole

BATCH, LAYER = "batch_norm.cu", "layer_norm.cu"


class BatchNorm:
    """Statistics in two stages, then one pass that normalises and activates."""

    def forward(
        self, x: Array, scale: Array | None, bias: Array | None, epsilon: float, activation: Activation
    ) -> tuple[Array, Array, Array, Array]:
        """y, μ, σ², 1/√(σ² + ε)."""
        x, scale, bias = contiguous(x), _contiguous(scale), _contiguous(bias)
        columns = x.shape[-1]
        rows, dtype = x.size // columns, x.dtype
        grid = columns_of(rows, columns)
        parts = new(x, (grid.parts, 2, columns))
        launch(BATCH, "statistics", grid.grid, grid.block, (x, parts, rows, columns, grid.run), dtype=dtype)
        mean, variance, inverse = (new(x, (columns,)) for _ in range(3))
        merged = (parts, grid.parts, rows, columns, grid.run, float(epsilon), mean, variance, inverse)
        launch(BATCH, "merge_statistics", grid.merge_grid, grid.block, merged, dtype=dtype)
        y = new(x, x.shape)
        arguments = (x, mean, inverse, scale, bias, y, x.size, columns, whole(x, columns), *function(activation))
        launch(BATCH, "normalise", *over(x.size), arguments, dtype=dtype)
        return y, mean, variance, inverse

    def backward(
        self,
        dy: Array,
        x: Array,
        y: Array,
        scale: Array | None,
        mean: Array,
        inverse_deviation: Array,
        activation: Activation,
        need_input: bool = True,
    ) -> tuple[Array | None, Array, Array]:
        """Both sums in two stages, then one pass that gives dx."""
        dy, x, y, scale = contiguous(dy), contiguous(x), contiguous(y), _contiguous(scale)
        mean, inverse = contiguous(mean), contiguous(inverse_deviation)
        columns = x.shape[-1]
        rows, dtype = x.size // columns, x.dtype
        grid, kind = columns_of(rows, columns), function(activation)
        parts, dscale, dbias = new(x, (grid.parts, 2, columns)), new(x, (columns,)), new(x, (columns,))
        arguments = (dy, x, y, mean, inverse, parts, rows, columns, grid.run, *kind)
        launch(BATCH, "gradient_sums", grid.grid, grid.block, arguments, dtype=dtype)
        merged = (parts, grid.parts, columns, dbias, dscale)
        launch(BATCH, "merge_gradient_sums", grid.merge_grid, grid.block, merged, dtype=dtype)
        if not need_input:
            return None, dscale, dbias
        dx = new(x, x.shape)
        aligned = whole(dy, columns) & whole(x, columns) & whole(y, columns)
        launch(
            BATCH, "input_gradient", *over(x.size),
            (dy, x, y, mean, inverse, scale, dbias, dscale, dx, x.size, rows, columns, aligned, *kind), dtype=dtype,
        )  # fmt: skip
        return dx, dscale, dbias


class LayerNorm:
    """A block for each row."""

    def forward(self, x: Array, epsilon: float) -> tuple[Array, Array]:
        """x̂ (M, C) and 1/√(σ² + ε) (M, 1)."""
        x = contiguous(x)
        rows, columns = x.shape
        normalised, inverse = new(x, x.shape), new(x, (rows, 1))
        arguments = (x, normalised, inverse, columns, float(epsilon))
        launch(LAYER, "forward", (rows,), (THREADS,), arguments, dtype=x.dtype)
        return normalised, inverse

    def backward(self, dnormalised: Array, normalised: Array, inverse_deviation: Array) -> Array:
        """dx."""
        d, normalised, inverse = map(contiguous, (dnormalised, normalised, inverse_deviation))
        rows, columns = d.shape
        dx = new(d, d.shape)
        arguments = (d, normalised, inverse, dx, columns)
        launch(LAYER, "backward", (rows,), (THREADS,), arguments, dtype=d.dtype)
        return dx


def _contiguous(array: Array | None) -> Array | None:
    return None if array is None else contiguous(array)
