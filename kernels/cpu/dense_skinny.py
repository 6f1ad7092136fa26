"""A fused dense layer with few features on one side (256 → 2, a point; 2 → 128; 128 → 1, a logit), and all its gradients.

    few outputs   row by row of x: y = f(x·W + b)     and back: dz = f′·dy, dx = dz·Wᵀ, dW += xᵀ·dz, db += dz
    few inputs    the same with the roles of x and dz exchanged: what runs along lines is the wide side

Panels would mostly multiply zeros here. Plain loops along the wide side do the whole layer in one pass over the rows. These
are the loops; `dense_layer` calls them with the arguments of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .activation import LINEAR, activated, factors_of, gated
from .compiled import inlined, inner, summed
from .costs import SKINNY
from .memory import get, put


@summed
def _few_outputs(
    index: int, thread: int, sizes: Any, x: Any, w: Any, epilogue: Any, buffers: Any, z: Any, y: Any
) -> None:
    """Compute `group` rows of y where there are few outputs; w is Wᵀ, so that each sum runs along a line."""
    rows, depth, columns, group = sizes
    bias, kind, slope = epilogue
    real = y.dtype.type
    for row in range(index * group, min(rows, (index + 1) * group)):
        for column in range(columns):
            total = real(0.0)
            for k in range(depth):
                total += get(x, row * depth + k) * get(w, column * depth + k)
            put(y, row * columns + column, activated(total + get(bias, column), kind, real(slope)))


@inner
def _few_inputs(
    index: int, thread: int, sizes: Any, x: Any, w: Any, epilogue: Any, buffers: Any, z: Any, y: Any
) -> None:
    """Compute `group` rows of y where there are few inputs; w is W, with rows of zeros up to three."""
    rows, depth, columns, group = sizes
    bias, kind, slope = epilogue
    real = y.dtype.type
    below = real(slope)
    for row in range(index * group, min(rows, (index + 1) * group)):
        first = get(x, row * depth)
        # Zeros, not other inputs, for rows of zeros: ∞·0 would be NaN.
        second = get(x, row * depth + 1) if depth > 1 else real(0.0)
        third = get(x, row * depth + 2) if depth > 2 else real(0.0)
        for column in range(columns):
            value = first * get(w, column) + second * get(w, columns + column)
            value = value + third * get(w, 2 * columns + column) + get(bias, column)
            put(y, row * columns + column, value)
        if kind != LINEAR:
            for column in range(row * columns, (row + 1) * columns):
                put(y, column, activated(get(y, column), kind, below))


@inlined
def _clear(index: int, sizes: Any, need_weight: bool, dw: Any, db: Any) -> None:
    """Set a group's share of dW and db to 0."""
    size = sizes.depth * sizes.columns
    for column in range(sizes.columns):
        put(db, index * sizes.columns + column, db.dtype.type(0.0))
    if need_weight:
        for k in range(size):
            put(dw, index * size + k, dw.dtype.type(0.0))


@inner
def _few_outputs_back(
    index: int, thread: int, sizes: Any, gradient: Any, x: Any, w: Any, wanted: Any, buffers: Any, results: Any
) -> None:
    """Compute the dx of `group` rows, their share of dWᵀ at dw[index] and of db at db[index]; w is Wᵀ."""
    rows, depth, columns, group = sizes
    dy, y, kind, slope = gradient
    need_input, need_weight, _ = wanted
    dx, dw, db = results
    factors = factors_of(dy, kind, slope)
    _clear(index, sizes, need_weight, dw, db)
    for row in range(index * group, min(rows, (index + 1) * group)):
        for column in range(columns):
            factor = gated(dy, y, row * columns + column, kind, factors)
            put(db, index * columns + column, get(db, index * columns + column) + factor)
            if need_input:
                if column == 0:
                    for k in range(depth):
                        put(dx, row * depth + k, factor * get(w, k))
                else:
                    for k in range(depth):
                        at = row * depth + k
                        put(dx, at, get(dx, at) + factor * get(w, column * depth + k))
            if need_weight:
                for k in range(depth):
                    at = (index * columns + column) * depth + k
                    put(dw, at, get(dw, at) + factor * get(x, row * depth + k))


@summed
def _few_inputs_back(
    index: int, thread: int, sizes: Any, gradient: Any, x: Any, w: Any, wanted: Any, buffers: Any, results: Any
) -> None:
    """Do the same for a wide dy, whose gated row stands in `gate`; w is W, and dw[index] a share of dW."""
    rows, depth, columns, group = sizes
    dy, y, kind, slope = gradient
    need_input, need_weight, _ = wanted
    dx, dw, db = results
    gate, own, real = buffers[0], thread * columns, dy.dtype.type
    factors = factors_of(dy, kind, slope)
    _clear(index, sizes, need_weight, dw, db)
    for row in range(index * group, min(rows, (index + 1) * group)):
        for column in range(columns):
            value = gated(dy, y, row * columns + column, kind, factors)
            put(gate, own + column, value)
            put(db, index * columns + column, get(db, index * columns + column) + value)
        for k in range(depth):
            if need_input:
                total = real(0.0)
                for column in range(columns):
                    total += get(gate, own + column) * get(w, k * columns + column)
                put(dx, row * depth + k, total)
            if need_weight:
                factor = get(x, row * depth + k)
                for column in range(columns):
                    at = (index * depth + k) * columns + column
                    put(dw, at, get(dw, at) + factor * get(gate, own + column))


def few_outputs(weight: Array) -> bool:
    """Whether the loops run along the inputs, since there are fewer outputs; otherwise they run along the outputs."""
    return bool(weight.shape[1] <= weight.shape[0])


def forward(weight: Array) -> tuple[Any, Array]:
    """Return the loops for a weight, and the form of it that they read."""
    if few_outputs(weight):
        return _few_outputs, weight.T
    three = np.zeros((SKINNY - 1, weight.shape[1]), weight.dtype)  # one loop for one, two and three inputs
    three[: len(weight)] = weight
    return _few_inputs, three


def backward(weight: Array) -> tuple[Any, Array]:
    """Return the loops for the gradients and the form of the weight that they read; dW has the shape of that form."""
    if few_outputs(weight):
        return _few_outputs_back, weight.T
    return _few_inputs_back, weight
