"""The product of rows with a matrix, and both its gradients.

    z = x·W        each item takes a strip of rows of x and some columns of W, packs both into panels of its own, multiplies
    dx = dz·Wᵀ     the same with W's rows as columns
    dW = xᵀ·dz     both in left panels, summed over their rows; each item takes some columns of x

Where one side of W is skinny (8192 → 1, the logit; 2 → 128, a point) a product of panels would mostly multiply zeros:
plain loops. Those for a W of few rows are those for one of few columns with the roles of x and dz exchanged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from .. import threads
from ..interfaces import Into
from ..reference.placing import place
from . import pool
from .compiled import inner, summed
from .costs import SKINNY
from .layouts import contiguous, flat, read_only
from .memory import get, put
from .panels import columns_tile, left_rows, lines_tile, pack_panel, padded, right_panel
from .sizes import up
from .vectors import COLUMNS, LINE, ROWS, lanes
from .workspace import buffer

DEPTH = 512
"""k of a panel of W that is copied at a time."""
FEW = 2
"""No more rows than this are not worth packing W."""
SMALL = 1 << 18
"""Multiplications below which one thread does everything in panels."""
FEWEST = 1 << 15
"""The same in plain loops."""
ITEMS, LEAST_ROWS = 16, 64
"""Pieces of a product, so that threads end together; rows of the narrowest."""


@inner
def _forward_item(
    index: int,
    thread: int,
    share: int,
    height: int,
    x: Any,
    sizes: Any,
    w: Any,
    transposed: bool,
    left: Any,
    right: Any,
    z: Any,
    spare: Any,
) -> None:
    """`share` panels of columns and `height` rows of z = x·W, or of x·Wᵀ; the thread packs what it needs of both."""
    rows, depth, columns = sizes
    line = LINE // z.itemsize
    panel, deep = COLUMNS * line, padded(depth, line)
    left_at, right_at, spare_at = thread * DEPTH * height, thread * DEPTH * panel, thread * ROWS * panel
    strips = (rows + height - 1) // height
    first_row, begin = index % strips * height, index // strips * share * panel
    here = min(height, rows - first_row)
    for k0 in range(0, deep, DEPTH):
        wide = min(DEPTH, deep - k0)
        left_rows(x, first_row * depth, here, depth, k0, wide, left, left_at)
        for first in range(begin, min(begin + share * panel, columns), panel):
            right_panel(w, (depth, columns), transposed, k0, k0 + wide, first, right, right_at)
            for row in range(0, here, ROWS):
                lines_tile(
                    z,
                    (first_row + row) * columns + first,
                    columns,
                    here - row,
                    columns - first,
                    left,
                    left_at + row * wide,
                    right,
                    right_at,
                    wide // line,
                    k0 > 0,
                    spare,
                    spare_at,
                )


@inner
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


@inner
def _few_forward(index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, z: Any) -> None:
    """Some columns of x·W for few rows: W is read once, in its order."""
    rows, depth, columns = sizes
    first, last = index * share, min((index + 1) * share, columns)
    for row in range(rows):
        start = row * columns
        for column in range(first, last):
            put(z, start + column, get(x, row * depth) * get(w, column))
        for k in range(1, depth):
            factor = get(x, row * depth + k)
            for column in range(first, last):
                put(z, start + column, get(z, start + column) + factor * get(w, k * columns + column))


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


@inner
def _narrow_input(index: int, thread: int, share: int, dz: Any, sizes: Any, w: Any, dx: Any) -> None:
    """Rows of dz·Wᵀ for few columns of dz; w is Wᵀ."""
    rows, depth, columns = sizes
    for row in range(index * share, min((index + 1) * share, rows)):
        for k in range(depth):
            put(dx, row * depth + k, get(dz, row * columns) * get(w, k))
        for column in range(1, columns):
            for k in range(depth):
                place = row * depth + k
                put(dx, place, get(dx, place) + get(dz, row * columns + column) * get(w, column * depth + k))


@inner
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
        if columns < SKINNY:
            items, share = _shares(rows, rows * depth * columns, 1)
            pool.run(_narrow_forward, x.dtype, items, (share, left, sizes, _transposed(weight), flat(z)))
        elif depth < SKINNY:
            items, share = _shares(rows, rows * depth * columns, 1)
            w = read_only(contiguous(weight))
            pool.run(_narrow_input, x.dtype, items, (share, left, (rows, columns, depth), w, flat(z)))
        elif rows <= FEW:
            items, share = _shares(columns, rows * depth * columns, 256)
            pool.run(_few_forward, x.dtype, items, (share, left, sizes, read_only(contiguous(weight)), flat(z)))
        else:
            _product(left, sizes, read_only(contiguous(weight)), False, flat(z))
        return z

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """(N, out) times (out, in)."""
        rows, columns = dz.shape
        depth = weight.shape[0]
        dx = np.empty((rows, depth), dz.dtype)
        left, sizes = read_only(contiguous(dz)), (rows, depth, columns)
        if columns < SKINNY:
            items, share = _shares(rows, rows * depth * columns, 1)
            pool.run(_narrow_input, dz.dtype, items, (share, left, sizes, _transposed(weight), flat(dx)))
        elif depth < SKINNY:
            items, share = _shares(rows, rows * depth * columns, 1)
            w = read_only(contiguous(weight))
            pool.run(_narrow_forward, dz.dtype, items, (share, left, (rows, columns, depth), w, flat(dx)))
        else:
            _product(left, (rows, columns, depth), read_only(contiguous(weight)), True, flat(dx))
        return dx

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """(in, N) times (N, out)."""
        (rows, depth), columns, dtype = x.shape, dz.shape[1], x.dtype
        left, right = read_only(contiguous(x)), read_only(contiguous(dz))
        sizes, work = (rows, depth, columns), rows * depth * columns
        if columns < SKINNY:
            items, share = _shares(depth, work, lanes(dtype))
            turned = np.empty((columns, depth), dtype)
            pool.run(_narrow_weight, dtype, items, (share, left, right, sizes, flat(turned)))
            return place(turned.T, into)
        if depth < SKINNY:
            items, share = _shares(columns, work, lanes(dtype))
            found = np.empty((depth, columns), dtype)
            pool.run(_narrow_weight, dtype, items, (share, right, left, (rows, columns, depth), flat(found)))
            return place(found, into)
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else np.empty((depth, columns), dtype)
        add = into is not None and direct and into.add
        panel = COLUMNS * lanes(dtype)
        deep, wide = up(depth, lanes(dtype)), up(columns, panel)
        x_panels, dz_panels = _packed("x", left, rows, depth, deep), _packed("dz", right, rows, columns, wide)
        items, share = _shares(depth, work, lanes(dtype), SMALL)
        spare = buffer("spare", threads.count() * ROWS * panel, dtype)
        pool.run(_weight_item, dtype, items, (share, x_panels, dz_panels, sizes, add, flat(weight), spare))
        return weight if into is None or direct else place(weight, into)


def _transposed(weight: Array) -> Array:
    return read_only(np.ascontiguousarray(weight.T))


def _packed(name: str, matrix: Array, rows: int, width: int, wide: int) -> Array:
    """A matrix in left panels."""
    panels = -(-rows // ROWS)
    target = buffer(name, panels * ROWS * wide, matrix.dtype)
    pool.run(pack_panel, matrix.dtype, panels, (matrix, rows, width, wide, target))
    return target


def _product(x: Array, sizes: tuple[int, int, int], w: Array, transposed: bool, z: Array) -> None:
    rows, depth, columns = sizes
    dtype, panel, work = z.dtype, COLUMNS * lanes(z.dtype), rows * depth * columns
    # Rows are divided first: a strip of them is packed once for all columns.
    pieces = max(1, min(ITEMS, work // SMALL))
    strips = max(1, min(pieces, rows // LEAST_ROWS))
    height = up(-(-rows // strips), ROWS)
    strips = -(-rows // height)
    groups = max(1, min(pieces // strips, -(-columns // panel)))
    share = math.ceil(-(-columns // panel) / groups)
    left = buffer("left", threads.count() * DEPTH * height, dtype)
    right = buffer("right", threads.count() * DEPTH * panel, dtype)
    spare = buffer("spare", threads.count() * ROWS * panel, dtype)
    arguments = (share, height, x, sizes, w, transposed, left, right, z, spare)
    pool.run(_forward_item, dtype, strips * -(-columns // (share * panel)), arguments)


def _shares(count: int, work: int, unit: int, least: int = FEWEST) -> tuple[int, int]:
    """(items, size of each) for `count` pieces of `work` multiplications in all; sizes are multiples of `unit`."""
    items = max(1, min(-(-count // unit), ITEMS, work // least))
    share = -(-count // (items * unit)) * unit
    return -(-count // share), share
