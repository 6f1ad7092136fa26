"""A product of matrices in tiles: what dense layers and convolutions have in common.

    out[row, column] = Σ_k A[row, k]·B[k, column]

A block of side × side threads makes one tile of the result. It goes along k in steps of `side`: each thread copies one
number of A and one of B to shared memory, and then reads `side` of each from there, so that an operand is read from global
memory once for `side` multiplications. Where a number of an operand lies is left to a device function, so that a convolution
need not be unfolded in memory.
"""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

from ..cuda.launcher import Destination
from ..interfaces import Into
from .compiled import cuda, device, kernel, variants
from .launcher import launch

SIDE = 16
"""Threads along each side of a tile."""


@device
def by_lines(matrix: Array, line: int, k: int, count: int, depth: int, sizes: Any) -> Any:
    """Return number k of a line, for a matrix (count, depth)."""
    return matrix[line * depth + k]


@device
def by_columns(matrix: Array, line: int, k: int, count: int, depth: int, sizes: Any) -> Any:
    """Return number k of a line, for a matrix (depth, count)."""
    return matrix[k * count + line]


@variants
def tiled(real: Any, side: int, load_a: Any, load_b: Any) -> Any:
    """Make the product for a dtype, a tile and two operands."""

    @kernel
    def product(
        a: Array, b: Array, out: Array, rows: int, columns: int, depth: int, add: int, sizes: tuple[int, ...]
    ) -> None:
        tile_a = cuda.shared.array((side, side), real)
        tile_b = cuda.shared.array((side, side), real)
        across = (columns + side - 1) // side
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        row = cuda.blockIdx.x // across * side + y
        column = cuda.blockIdx.x % across * side + x
        total = real(0)
        for first in range(0, depth, side):
            tile_a[y, x] = real(0)
            tile_b[y, x] = real(0)
            if row < rows and first + x < depth:
                tile_a[y, x] = load_a(a, row, first + x, rows, depth, sizes)
            if column < columns and first + y < depth:
                tile_b[y, x] = load_b(b, column, first + y, columns, depth, sizes)
            cuda.syncthreads()  # the tiles are complete
            for k in range(side):
                total += tile_a[y, k] * tile_b[k, x]
            cuda.syncthreads()  # all have read them
        if row < rows and column < columns:
            place = row * columns + column
            out[place] = out[place] + total if add else total

    return product


def multiply(
    operands: tuple[Any, Any],
    arrays: tuple[Array, Array],
    shape: tuple[int, ...],
    rows_columns_depth: tuple[int, int, int],
    sizes: tuple[int, ...] = (0,),
    into: Into | None = None,
) -> Array:
    """A·B as an array of `shape`, or written or added to `into`.

    operands: the device functions that find A[row, k] and B[k, column] in the two contiguous arrays.
    sizes: what they are told besides.
    """
    a, b = arrays
    rows, columns, _ = rows_columns_depth
    destination = Destination.of(into, a, shape)
    blocks = -(-rows // SIDE) * -(-columns // SIDE)
    function = tiled(a.dtype.type, SIDE, *operands)
    launch(function, (blocks,), (SIDE, SIDE), (a, b, destination.array, *rows_columns_depth, destination.add, sizes))
    return destination.written()
