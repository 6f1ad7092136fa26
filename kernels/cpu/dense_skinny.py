"""A whole dense layer with few features on one side (256 → 2, a point; 2 → 128; 128 → 1, a logit), and all its gradients.

    few outputs   row by row of x: y = f(x·W + b)     and back: dz = f′·dy, dx = dz·Wᵀ, dW += xᵀ·dz, db += dz
    few inputs    the same with the roles of x and dz exchanged: what runs along lines is the wide side

Panels would mostly multiply zeros here. Plain loops along the wide side do the whole layer in one pass over the rows; as in
`dense_layer`, a group of rows adds up gradients of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .. import threads
from ..interfaces import Activation, Into
from ..reference.placing import place
from . import pool
from .activation import LINEAR, activated, factors_of, gated, kind_and_slope
from .compiled import inner, summed
from .costs import SKINNY
from .layouts import contiguous, flat, read_only
from .memory import get, put
from .workspace import buffer


@summed
def _few_outputs(
    index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, bias: Any, kind: int, slope: float, y: Any
) -> None:
    """`share` rows of y; w is Wᵀ."""
    rows, depth, columns = sizes
    real = y.dtype.type
    for row in range(index * share, min(rows, (index + 1) * share)):
        for column in range(columns):
            total = real(0.0)
            for k in range(depth):
                total += get(x, row * depth + k) * get(w, column * depth + k)
            put(y, row * columns + column, activated(total + get(bias, column), kind, real(slope)))


@inner
def _few_inputs(
    index: int, thread: int, share: int, x: Any, sizes: Any, w: Any, bias: Any, kind: int, slope: float, y: Any
) -> None:
    """`share` rows of y; w is W, with rows of zeros up to three."""
    rows, depth, columns = sizes
    real = y.dtype.type
    below = real(slope)
    for row in range(index * share, min(rows, (index + 1) * share)):
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


@inner
def _few_outputs_back(
    index: int,
    thread: int,
    group: int,
    dy: Any,
    y: Any,
    x: Any,
    sizes: Any,
    w: Any,
    kind: int,
    slope: float,
    wanted: Any,
    gate: Any,
    dx: Any,
    dw: Any,
    db: Any,
) -> None:
    """`group` rows: their dx, their share of dWᵀ at dw[index] and of db at db[index]; w is Wᵀ."""
    rows, depth, columns = sizes
    need_input, need_weight = wanted
    real = dy.dtype.type
    factors = factors_of(dy, kind, slope)
    for column in range(columns):
        put(db, index * columns + column, real(0.0))
    if need_weight:
        for k in range(columns * depth):
            put(dw, index * columns * depth + k, real(0.0))
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
    index: int,
    thread: int,
    group: int,
    dy: Any,
    y: Any,
    x: Any,
    sizes: Any,
    w: Any,
    kind: int,
    slope: float,
    wanted: Any,
    gate: Any,
    dx: Any,
    dw: Any,
    db: Any,
) -> None:
    """The same for a wide dy, whose gated row stands in `gate`; w is W, dw[index] a share of dW."""
    rows, depth, columns = sizes
    need_input, need_weight = wanted
    real = dy.dtype.type
    factors = factors_of(dy, kind, slope)
    own = thread * columns
    for column in range(columns):
        put(db, index * columns + column, real(0.0))
    if need_weight:
        for k in range(depth * columns):
            put(dw, index * depth * columns + k, real(0.0))
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


def forward(x: Array, weight: Array, bias: Array | None, activation: Activation, group: int) -> Array:
    """y = f(x·W + b), `group` rows at a time."""
    (rows, depth), columns, dtype = x.shape, weight.shape[1], x.dtype
    kind, slope = kind_and_slope(activation)
    y = np.empty((rows, columns), dtype)
    few_outputs = columns <= depth
    arguments = (
        group,
        read_only(contiguous(x)),
        (rows, depth, columns),
        read_only(contiguous(weight.T) if few_outputs else _three_rows(weight)),
        read_only(np.zeros(columns, dtype) if bias is None else contiguous(bias)),
        kind,
        slope,
        flat(y),
    )
    pool.run(_few_outputs if few_outputs else _few_inputs, dtype, -(-rows // group), arguments)
    return y


def _three_rows(weight: Array) -> Array:
    """W with rows of zeros below: one loop then does for one, two and three inputs."""
    whole = np.zeros((SKINNY - 1, weight.shape[1]), weight.dtype)
    whole[: len(weight)] = weight
    return whole


def backward(
    dy: Array,
    x: Array | None,
    y: Array | None,
    weight: Array,
    activation: Activation,
    wrt: tuple[bool, bool, bool],
    group: int,
    into_weight: Into | None = None,
    into_bias: Into | None = None,
) -> tuple[Array | None, Array | None, Array | None]:
    """(dx, dW, db), None for what was not asked for; the few groups' dW and db are added at the end."""
    rows, (depth, columns), dtype = len(dy), weight.shape, dy.dtype
    kind, slope = kind_and_slope(activation)
    few_outputs, groups = columns <= depth, -(-rows // group)
    given = read_only(contiguous(dy))
    dx = np.empty((rows, depth) if wrt[0] else 0, dtype)
    parts = buffer("parts", groups * weight.size if wrt[1] else 0, dtype)
    sums = buffer("sums", groups * columns, dtype)
    arguments = (
        group,
        given,
        given if y is None else read_only(contiguous(y)),
        given if x is None else read_only(contiguous(x)),
        (rows, depth, columns),
        read_only(contiguous(weight.T if few_outputs else weight)),
        kind,
        slope,
        (wrt[0], wrt[1]),
        buffer("gate", threads.count() * columns, dtype),
        flat(dx),
        parts,
        sums,
    )
    pool.run(_few_outputs_back if few_outputs else _few_inputs_back, dtype, groups, arguments)
    dw = db = None
    if wrt[1]:
        total = parts.reshape(groups, weight.size).sum(axis=0)
        dw = place(total.reshape(columns, depth).T if few_outputs else total.reshape(depth, columns), into_weight)
    if wrt[2]:
        db = place(sums.reshape(groups, columns).sum(axis=0), into_bias)
    return dx if wrt[0] else None, dw, db
