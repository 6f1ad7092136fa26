"""The product of rows with a matrix, and both its gradients.

    z = x·W,    dx = dz·Wᵀ,    dW = xᵀ·dz        in blocks (`blocked.py`)

Where one side of W is skinny (8192 → 1, the logit; 2 → 128, a point) a product of panels would mostly multiply zeros:
plain loops. Those for a W of few rows are those for one of few columns with the roles of x and dz exchanged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Into
from ..reference.placing import place
from . import blocked, pool
from .compiled import inner, summed
from .costs import SKINNY
from .heap import empty
from .layouts import contiguous, flat, read_only
from .memory import get, put
from .vectors import lanes

FEW = 2
"""No more rows than this are not worth packing W."""
SMALL = 1 << 18
"""Multiplications below which one thread does everything in panels."""
FEWEST = 1 << 15
"""The same in plain loops."""
ITEMS, LEAST_ROWS = 16, 64
"""Pieces of a product, so that threads end together; rows of the narrowest."""


@inner
def _few_forward(index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, z: Any) -> None:
    """Compute some columns of x·W where x has few rows: W is read once, in its order."""
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
def _skinny_forward(index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, z: Any) -> None:
    """Compute some rows of x·W where W has few columns; w is Wᵀ, so that each sum runs along a line."""
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
def _skinny_input(index: int, thread: int, share: int, dz: Any, sizes: Any, w: Any, dx: Any) -> None:
    """Compute some rows of dz·Wᵀ where dz has few columns; w is Wᵀ."""
    rows, depth, columns = sizes
    for row in range(index * share, min((index + 1) * share, rows)):
        for k in range(depth):
            put(dx, row * depth + k, get(dz, row * columns) * get(w, k))
        for column in range(1, columns):
            for k in range(depth):
                place = row * depth + k
                put(dx, place, get(dx, place) + get(dz, row * columns + column) * get(w, column * depth + k))


@inner
def _skinny_weight(index: int, thread: int, share: int, x: Any, dz: Any, sizes: Any, w: Any) -> None:
    """Compute some columns of (xᵀ·dz)ᵀ where dz has few columns."""
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
    """The product of a dense layer and its gradients: z = x·W, dx = dz·Wᵀ, dW = xᵀ·dz."""

    def forward(self, x: Array, weight: Array) -> Array:
        """Return z = x·W, (N, in) times (in, out)."""
        (rows, depth), columns = x.shape, weight.shape[1]
        if rows <= FEW and min(weight.shape) >= SKINNY:
            z = empty((rows, columns), x.dtype)
            items, share = _shares(columns, rows * depth * columns, 256)
            given = (share, read_only(contiguous(x)), (rows, depth, columns), read_only(contiguous(weight)), flat(z))
            pool.run(_few_forward, x.dtype, items, given)
            return z
        return _product(x, weight, False)

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """Return dx = dz·Wᵀ, (N, out) times (out, in)."""
        return _product(dz, weight, True)

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """Return dW = xᵀ·dz, (in, N) times (N, out)."""
        (rows, depth), columns, dtype = x.shape, dz.shape[1], x.dtype
        left, right = read_only(contiguous(x)), read_only(contiguous(dz))
        sizes, work = (rows, depth, columns), rows * depth * columns
        if columns < SKINNY:
            items, share = _shares(depth, work, lanes(dtype))
            transposed = np.empty((columns, depth), dtype)
            pool.run(_skinny_weight, dtype, items, (share, left, right, sizes, flat(transposed)))
            return place(transposed.T, into)
        if depth < SKINNY:
            items, share = _shares(columns, work, lanes(dtype))
            found = np.empty((depth, columns), dtype)
            pool.run(_skinny_weight, dtype, items, (share, right, left, (rows, columns, depth), flat(found)))
            return place(found, into)
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else empty((depth, columns), dtype)
        add = into is not None and direct and into.add
        blocked.weight_product(left, right, sizes, flat(weight), add)
        return weight if into is None or direct else place(weight, into)


def _transposed(weight: Array) -> Array:
    return read_only(np.ascontiguousarray(weight.T))


def _product(x: Array, weight: Array, transposed: bool) -> Array:
    """Return x·W, or x·Wᵀ."""
    (rows, depth), columns, dtype = x.shape, weight.shape[0 if transposed else 1], x.dtype
    left, z, work = read_only(contiguous(x)), empty((rows, columns), dtype), rows * depth * columns
    if min(weight.shape) < SKINNY:
        # Few outputs of W: W is stored transposed, so that its rows are long. Few inputs: as it is.
        few_outputs = weight.shape[1] < SKINNY
        w = _transposed(weight) if few_outputs else read_only(contiguous(weight))
        items, share = _shares(rows, work, 1)
        part = _skinny_forward if few_outputs != transposed else _skinny_input
        sizes = (rows, depth, columns) if part is _skinny_forward else (rows, columns, depth)
        pool.run(part, dtype, items, (share, left, sizes, w, flat(z)))
    else:
        blocked.product(left, (rows, depth, columns), read_only(contiguous(weight)), transposed, flat(z))
    return z


def _shares(count: int, work: int, unit: int, least: int = FEWEST) -> tuple[int, int]:
    """Return how many items to make of `count` pieces of `work` multiplications in all, and the size of each.

    Sizes are multiples of `unit`.
    """
    items = max(1, min(-(-count // unit), ITEMS, work // least))
    share = -(-count // (items * unit)) * unit
    return -(-count // share), share
