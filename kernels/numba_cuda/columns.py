"""Sums down the columns of a matrix, Σ_row term(row, column), in an order that the sizes alone decide: no atomics.

In the first stage a block of (width, height) threads goes down a group of rows: each thread adds every height-th row of its
column, and the block adds its threads' sums in shared memory, halving their number each time. In the second stage the
partial sums of each column are added in order.
"""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

from ..cuda import grids
from ..cuda.launcher import Destination, new
from ..interfaces import Into
from .compiled import cuda, device, kernel, variants
from .launcher import launch


@device
def value(x: Any, dy: Any, y: Any, mean: Any, inverse: Any, slope: Any) -> Any:
    """Return the term x of the sum."""
    return x


@variants
def partial_sums(real: Any, threads: int, term: Any) -> Any:
    """The first stage for one term: partial[group of rows, column]. The compiler leaves out what a term does not read."""

    @kernel
    def partial_column_sums(
        x: Array, dy: Array, y: Array, mean: Array, inverse: Array, slope: Any,
        partial: Array, rows: int, columns: int, run: int,
    ) -> None:  # fmt: skip
        sums = cuda.shared.array(threads, real)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        column = cuda.blockIdx.x * width + cuda.threadIdx.x
        first = cuda.blockIdx.y * run
        place = cuda.threadIdx.y * width + cuda.threadIdx.x
        total = real(0)
        if column < columns:
            for row in range(first + cuda.threadIdx.y, min(first + run, rows), height):
                i = row * columns + column
                total += term(x[i], dy[i], y[i], mean[column], inverse[column], slope)
        sums[place] = total
        half = height // 2
        while half > 0:
            cuda.syncthreads()  # the lower half may read the upper
            if cuda.threadIdx.y < half:
                sums[place] += sums[place + half * width]
            half //= 2
        if cuda.threadIdx.y == 0 and column < columns:
            partial[cuda.blockIdx.y * columns + column] = sums[place]

    return partial_column_sums


@variants
def merged_sums(real: Any) -> Any:
    """Return the kernel that adds the sums of all blocks, the second stage of a reduction."""

    @kernel
    def merge_column_sums(partial: Array, sums: Array, count: int, columns: int, divisor: Any, add: int) -> None:
        column = cuda.grid(1)
        if column < columns:
            total = real(0)
            for group in range(count):
                total += partial[group * columns + column]
            total /= divisor
            sums[column] = sums[column] + total if add else total

    return merge_column_sums


def sum_columns(
    term: Any,
    x: Array,
    dy: Array | None = None,
    y: Array | None = None,
    mean: Array | None = None,
    inverse: Array | None = None,
    slope: float = 0.0,
    divisor: float = 1.0,
    into: Into | None = None,
) -> Array:
    """Σ term/divisor over all axes but the last, as a new vector or written or added to `into`.

    All arrays are contiguous; x stands in for those that the term does not read.
    """
    columns = x.shape[-1]
    rows, real = x.size // columns, x.dtype.type
    grid = grids.columns_of(rows, columns)
    partial = new(x, (grid.partials, columns))
    arrays = [x if array is None else array for array in (x, dy, y, mean, inverse)]
    first = partial_sums(real, grid.block[0] * grid.block[1], term)
    launch(first, grid.grid, grid.block, (*arrays, slope, partial, rows, columns, grid.run))
    destination = Destination.of(into, x, (columns,))
    merged = (partial, destination.array, grid.partials, columns, divisor, destination.add)
    launch(merged_sums(real), *grids.over(columns), merged)
    return destination.written()
