"""The product of rows with a matrix, and both its gradients.

    z = x·W        x in left panels; each item takes a panel of columns of W, copies it once, multiplies it with all of x
    dx = dz·Wᵀ     the same with W's rows as columns
    dW = xᵀ·dz     both in left panels, summed over their rows; each item takes some columns of x

Where the result or the sum is narrow (8192 → 1, the logit) a product of panels would mostly multiply zeros: plain loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .. import threads
from ..interfaces import Into
from ..reference.placing import place
from . import pool
from .compiled import compiled, inlined, summed
from .layouts import contiguous, flat, read_only
from .panels import columns_tile, copy_numbers, lines_tile, pack_panel, padded
from .vectors import COLUMNS, LINE, ROWS, clear_line, lanes
from .workspace import buffer

DEPTH = 512
"""k of a panel of W that is copied at a time."""
NARROW = 4
"""Fewer columns than this are not worth a panel."""
SMALL = 1 << 18
"""Multiplications below which one thread does everything."""


@inlined
def _right_panel(w: Any, shape: Any, transposed: bool, k0: int, k1: int, first: int, right: Any, at: int) -> Any:
    """Rows k0 to k1 and columns `first` and on of W (depth, columns), or of the transpose of W (columns, depth)."""
    depth, columns = shape
    line = LINE // right.itemsize
    panel = COLUMNS * line
    if not transposed:
        for k in range(k0, k1):
            for j in range(0, panel, line):
                count = columns - first - j if k < depth else 0
                copy_numbers(w, k * columns + first + j, count, right, at + (k - k0) * panel + j)
        return
    if k1 > depth or first + panel > columns:
        for place in range(0, (k1 - k0) * panel, line):
            clear_line(right, at + place)
    for j in range(min(panel, columns - first)):
        row = (first + j) * depth
        for k in range(k0, min(k1, depth)):
            right[at + (k - k0) * panel + j] = w[row + k]


@compiled
def _forward_item(
    index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, transposed: bool, right: Any, z: Any, spare: Any
) -> None:
    """`share` panels of columns of z = x·W, or of x·Wᵀ."""
    rows, depth, columns = sizes
    line = LINE // z.itemsize
    panel, deep = COLUMNS * line, padded(depth, line)
    right_at, spare_at = thread * DEPTH * panel, thread * ROWS * panel
    for first in range(index * share * panel, min((index + 1) * share * panel, columns), panel):
        for k0 in range(0, deep, DEPTH):
            k1 = min(k0 + DEPTH, deep)
            _right_panel(w, (depth, columns), transposed, k0, k1, first, right, right_at)
            for row in range(0, rows, ROWS):
                lines_tile(
                    z,
                    row * columns + first,
                    columns,
                    rows - row,
                    columns - first,
                    x,
                    row * deep + k0 * ROWS,
                    right,
                    right_at,
                    (k1 - k0) // line,
                    k0 > 0,
                    spare,
                    spare_at,
                )


@compiled
def _weight_item(
    index: int, thread: int, share: int, x: Any, dz: Any, sizes: Any, add: bool, w: Any, spare: Any
) -> None:
    """`share` rows of dW = xᵀ·dz."""
    rows, depth, columns = sizes
    line = LINE // w.itemsize
    panel = COLUMNS * line
    deep, wide, panels = padded(depth, line), padded(columns, panel), padded(rows, ROWS) // ROWS
    spare_at = thread * ROWS * panel
    for k in range(index * share, min((index + 1) * share, depth), ROWS):
        for first in range(0, columns, panel):
            columns_tile(
                w,
                k * columns + first,
                columns,
                depth - k,
                columns - first,
                x,
                k // line * ROWS * line + k % line,
                deep,
                dz,
                first * ROWS,
                wide,
                panels,
                add,
                spare,
                spare_at,
            )


@summed
def _narrow_forward(index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, z: Any) -> None:
    """Rows of x·W for few columns; w is Wᵀ."""
    rows, depth, columns = sizes
    for row in range(index * share, min((index + 1) * share, rows)):
        own = x[row * depth : (row + 1) * depth]
        for column in range(columns):
            factors = w[column * depth : (column + 1) * depth]
            total = own[0] * factors[0]
            for k in range(1, depth):
                total += own[k] * factors[k]
            z[row * columns + column] = total


@compiled
def _narrow_input(index: int, thread: int, share: int, dz: Any, sizes: Any, w: Any, dx: Any) -> None:
    """Rows of dz·Wᵀ for few columns of dz; w is Wᵀ."""
    rows, depth, columns = sizes
    for row in range(index * share, min((index + 1) * share, rows)):
        own = dx[row * depth : (row + 1) * depth]
        own[:] = 0
        for column in range(columns):
            factors, weight = w[column * depth : (column + 1) * depth], dz[row * columns + column]
            for k in range(depth):
                own[k] += weight * factors[k]


@compiled
def _narrow_weight(index: int, thread: int, share: int, x: Any, dz: Any, sizes: Any, w: Any) -> None:
    """Some columns of (xᵀ·dz)ᵀ for few columns of dz."""
    rows, depth, columns = sizes
    first, last = index * share, min((index + 1) * share, depth)
    for column in range(columns):
        own = w[column * depth + first : column * depth + last]
        own[:] = 0
        for row in range(rows):
            factor, values = dz[row * columns + column], x[row * depth + first : row * depth + last]
            for k in range(last - first):
                own[k] += factor * values[k]


class Dense:
    """z = x·W, dx = dz·Wᵀ, dW = xᵀ·dz."""

    def forward(self, x: Array, weight: Array) -> Array:
        """(N, in) times (in, out)."""
        rows, depth = x.shape
        columns = weight.shape[1]
        z = np.empty((rows, columns), x.dtype)
        left, sizes = read_only(contiguous(x)), (rows, depth, columns)
        if columns < NARROW:
            items, share = _shares(rows, rows * depth * columns, 1)
            pool.run(_narrow_forward, x.dtype, items, (share, left, sizes, _transposed(weight), flat(z)))
        else:
            _product(left, sizes, read_only(contiguous(weight)), False, flat(z))
        return z

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """(N, out) times (out, in)."""
        rows, columns = dz.shape
        depth = weight.shape[0]
        dx = np.empty((rows, depth), dz.dtype)
        left, sizes = read_only(contiguous(dz)), (rows, depth, columns)
        if columns < NARROW:
            items, share = _shares(rows, rows * depth * columns, 1)
            pool.run(_narrow_input, dz.dtype, items, (share, left, sizes, _transposed(weight), flat(dx)))
        else:
            _product(left, (rows, columns, depth), read_only(contiguous(weight)), True, flat(dx))
        return dx

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """(in, N) times (N, out)."""
        (rows, depth), columns, dtype = x.shape, dz.shape[1], x.dtype
        left, right = read_only(contiguous(x)), read_only(contiguous(dz))
        sizes, work = (rows, depth, columns), rows * depth * columns
        if columns < NARROW:
            items, share = _shares(depth, work, lanes(dtype))
            turned = np.empty((columns, depth), dtype)
            pool.run(_narrow_weight, dtype, items, (share, left, right, sizes, flat(turned)))
            return place(turned.T, into)
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else np.empty((depth, columns), dtype)
        add = into is not None and direct and into.add
        panel = COLUMNS * lanes(dtype)
        deep, wide = _up(depth, lanes(dtype)), _up(columns, panel)
        x_panels, dz_panels = _packed("x", left, rows, depth, deep), _packed("dz", right, rows, columns, wide)
        items, share = _shares(depth, work, lanes(dtype))
        spare = buffer("spare", threads.count() * ROWS * panel, dtype)
        pool.run(_weight_item, dtype, items, (share, x_panels, dz_panels, sizes, add, flat(weight), spare))
        return weight if into is None or direct else place(weight, into)


def _transposed(weight: Array) -> Array:
    return read_only(np.ascontiguousarray(weight.T))


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _packed(name: str, matrix: Array, rows: int, width: int, wide: int) -> Array:
    """A matrix in left panels."""
    panels = -(-rows // ROWS)
    target = buffer(name, panels * ROWS * wide, matrix.dtype)
    pool.run(pack_panel, matrix.dtype, panels, (matrix, rows, width, wide, target))
    return target


def _product(x: Array, sizes: tuple[int, int, int], w: Array, transposed: bool, z: Array) -> None:
    rows, depth, columns = sizes
    dtype, panel = z.dtype, COLUMNS * lanes(z.dtype)
    left = _packed("x", x, rows, depth, _up(depth, lanes(dtype)))
    items, share = _shares(-(-columns // panel), rows * depth * columns, 1)
    right = buffer("right", threads.count() * DEPTH * panel, dtype)
    spare = buffer("spare", threads.count() * ROWS * panel, dtype)
    pool.run(_forward_item, dtype, items, (share, left, sizes, w, transposed, right, z, spare))


def _shares(count: int, work: int, unit: int) -> tuple[int, int]:
    """(items, size of each) for `count` pieces of `work` multiplications in all; sizes are multiples of `unit`."""
    items = max(1, min(-(-count // unit), 16, work // SMALL))
    share = -(-count // (items * unit)) * unit
    return -(-count // share), share
