"""Layer normalisation: a block for each row, whose sums it makes in shared memory."""

from __future__ import annotations

import math
from typing import Any

from gan_np.arrays import Array

from ..cuda import grids
from ..cuda.launcher import contiguous, new
from .compiled import cuda, device, kernel, variants
from .launcher import launch


@variants
def block_sum(threads: int) -> Any:
    """The device function Σ value over the threads of a block, given to each of them; `sums` is shared by them."""

    @device
    def total(sums: Array, value: Any) -> Any:
        i = cuda.threadIdx.x
        cuda.syncthreads()  # all have read the sum before this one
        sums[i] = value
        half = threads // 2
        while half > 0:
            cuda.syncthreads()  # the lower half may read the upper
            if i < half:
                sums[i] += sums[i + half]
            half //= 2
        cuda.syncthreads()  # the sum is complete
        return sums[0]

    return total


@variants
def rows_normalised(real: Any, threads: int) -> Any:
    """A kernel: x̂ = (x − μ)/√(σ² + ε), the mean first and then the deviations from it."""
    total = block_sum(threads)

    @kernel
    def layer_norm(x: Array, normalised: Array, inverse: Array, columns: int, epsilon: Any) -> None:
        sums = cuda.shared.array(threads, real)
        start, first = cuda.blockIdx.x * columns, cuda.threadIdx.x
        share = real(0)
        for column in range(first, columns, threads):
            share += x[start + column]
        mean = total(sums, share) / real(columns)
        share = real(0)
        for column in range(first, columns, threads):
            deviation = x[start + column] - mean
            share += deviation * deviation
        factor = real(1) / real(math.sqrt(total(sums, share) / real(columns) + epsilon))
        for column in range(first, columns, threads):
            normalised[start + column] = (x[start + column] - mean) * factor
        if first == 0:
            inverse[cuda.blockIdx.x] = factor

    return layer_norm


@variants
def row_gradients(real: Any, threads: int) -> Any:
    """A kernel: dx = (d − mean(d) − x̂·mean(d·x̂))/√(σ² + ε)."""
    total = block_sum(threads)

    @kernel
    def layer_norm_gradient(d: Array, normalised: Array, inverse: Array, dx: Array, columns: int) -> None:
        sums = cuda.shared.array(threads, real)
        start, first = cuda.blockIdx.x * columns, cuda.threadIdx.x
        plain, product = real(0), real(0)
        for i in range(start + first, start + columns, threads):
            plain += d[i]
            product += d[i] * normalised[i]
        mean = total(sums, plain) / real(columns)
        slope = total(sums, product) / real(columns)
        factor = inverse[cuda.blockIdx.x]
        for i in range(start + first, start + columns, threads):
            dx[i] = (d[i] - mean - normalised[i] * slope) * factor

    return layer_norm_gradient


class LayerNorm:
    """Layer normalisation with a block of threads for each row."""

    def forward(self, x: Array, epsilon: float) -> tuple[Array, Array]:
        """Return x̂ (M, C) and 1/√(σ² + ε) (M, 1)."""
        x = contiguous(x)
        rows, columns = x.shape
        normalised, inverse = new(x, x.shape), new(x, (rows, 1))
        function = rows_normalised(x.dtype.type, grids.THREADS)
        launch(function, (rows,), (grids.THREADS,), (x, normalised, inverse, columns, float(epsilon)))
        return normalised, inverse

    def backward(self, dnormalised: Array, normalised: Array, inverse_deviation: Array) -> Array:
        """Return dx, the gradient of the input."""
        d, normalised, inverse = map(contiguous, (dnormalised, normalised, inverse_deviation))
        rows, columns = d.shape
        dx = new(d, d.shape)
        function = row_gradients(d.dtype.type, grids.THREADS)
        launch(function, (rows,), (grids.THREADS,), (d, normalised, inverse, dx, columns))
        return dx
