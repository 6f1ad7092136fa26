"""A whole dense layer with a small W, y = f(x·W + b), and all its gradients, each in one pass over the rows.

    forward     a strip of rows of x ──► panels ──► ·W ──► + b, f ──► y

    backward    a strip of rows of dy ──► ·f′ = dz, in panels ──┬──► ·Wᵀ ──► dx
                                                                ├──► xᵀ·dz, added to the group's dW
                                                                └──► Σ dz, added to the group's db

Rows are divided among threads in every pass, so what one layer wrote is read by the next on the core whose cache holds it. A
group of rows adds up gradients of its own, and a second pass adds the groups': their number depends on the rows alone, so
the bits do not depend on who did what. Each thread packs W once a call into panels of its own, which is why W must be small.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .. import threads
from ..interfaces import Activation, Into
from ..reference.placing import place
from . import dense_skinny, pool
from .activation import LINEAR, add_and_activate, factors_of, gated, kind_and_slope
from .compiled import inlined, inner
from .costs import SKINNY
from .layouts import contiguous, flat, read_only
from .memory import get, put
from .panels import columns_tile, left_rows, lines_tile, padded, right_panel
from .sizes import up
from .vectors import COLUMNS, LINE, ROWS, clear_line, lanes
from .workspace import buffer

STRIP, SHORT = 128, 64
"""Rows whose panels are made and used at a time, backward and forward."""
GROUP, GROUPS = 128, 16
"""Rows that add up their own dW, and the most such groups: each costs a pass over W."""
SHARE = 4096
"""Numbers of dW whose groups one thread adds at a time."""


@inlined
def _packed_once(w: Any, shape: Any, transposed: bool, deep: int, thread: int, packed: Any, right: Any, at: int) -> Any:
    """All of W, or of its transpose, in right panels at right[at:], unless this thread has done that."""
    panel = COLUMNS * (LINE // right.itemsize)
    if packed[8 * thread] == 0:
        packed[8 * thread] = 1
        for first in range(0, shape[1], panel):
            right_panel(w, shape, transposed, 0, deep, first, right, at + first * deep)


@inner
def _forward_strip(
    index: int,
    thread: int,
    height: int,
    x: Any,
    sizes: Any,
    w: Any,
    bias: Any,
    kind: int,
    slope: float,
    packed: Any,
    left: Any,
    right: Any,
    spare: Any,
    z: Any,
    y: Any,
) -> None:
    """`height` rows of y; z is y's memory, to be read."""
    rows, depth, columns = sizes
    line = LINE // y.itemsize
    panel, deep = COLUMNS * line, padded(depth, line)
    left_at, right_at, spare_at = thread * height * deep, thread * deep * padded(columns, panel), thread * ROWS * panel
    _packed_once(w, (depth, columns), False, deep, thread, packed, right, right_at)
    start = index * height
    here = min(height, rows - start)
    left_rows(x, start * depth, here, depth, 0, deep, left, left_at)
    for first in range(0, columns, panel):
        for row in range(0, here, ROWS):
            lines_tile(
                y,
                (start + row) * columns + first,
                columns,
                here - row,
                columns - first,
                left,
                left_at + row * deep,
                right,
                right_at + first * deep,
                deep // line,
                False,
                spare,
                spare_at,
            )
    for row in range(start, start + here):
        add_and_activate(z, row * columns, bias, columns, kind, slope, y)


@inner
def _whole_square(
    dy: Any, y: Any, start: int, columns: int, kind: int, factors: Any, gate: Any, place: int, db: Any, at: int
) -> None:
    """A line of columns of ROWS rows: rows unrolled, columns together, so that db is read and written once."""
    line = LINE // gate.itemsize
    for j in range(line):
        total = get(db, at + j)
        for row in range(ROWS):
            value = gated(dy, y, start + row * columns + j, kind, factors)
            put(gate, place + row * line + j, value)
            total += value
        put(db, at + j, total)


@inner
def _gated_rows(
    dy: Any,
    y: Any,
    start: int,
    rows: int,
    columns: int,
    kind: int,
    slope: float,
    gate: Any,
    at: int,
    db: Any,
    db_at: int,
) -> None:
    """dz = f′·dy of some rows as left panels that are wide enough to be right panels too, and their sum added to db."""
    line = LINE // gate.itemsize
    wide = padded(columns, COLUMNS * line)
    factors = factors_of(dy, kind, slope)
    for row in range(0, rows, ROWS):
        for c in range(0, wide, line):
            source, place = start + row * columns + c, at + row * wide + c * ROWS
            if row + ROWS <= rows and c + line <= columns:
                _whole_square(dy, y, source, columns, kind, factors, gate, place, db, db_at + c)
                continue
            for i in range(ROWS):
                clear_line(gate, place + i * line)
                for j in range(min(line, columns - c) if row + i < rows else 0):
                    value = gated(dy, y, source + i * columns + j, kind, factors)
                    put(gate, place + i * line + j, value)
                    put(db, db_at + c + j, get(db, db_at + c + j) + value)


@inner
def _backward_group(
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
    packed: Any,
    left: Any,
    right: Any,
    gate: Any,
    spare: Any,
    dx: Any,
    dw: Any,
    db: Any,
) -> None:
    """`group` rows: their dx, their share of dW at dw[index] and of db at db[index]."""
    rows, depth, columns = sizes
    need_input, need_weight, add = wanted
    line = LINE // gate.itemsize
    panel = COLUMNS * line
    deep, wide, flat_wide = padded(depth, line), padded(columns, panel), padded(columns, line)
    left_at, gate_at, spare_at = thread * STRIP * deep, thread * STRIP * wide, thread * ROWS * panel
    right_at = thread * flat_wide * padded(depth, panel)
    if need_input:
        _packed_once(w, (columns, depth), True, flat_wide, thread, packed, right, right_at)
    for c in range(wide):
        put(db, index * wide + c, db.dtype.type(0.0))
    last = min(rows, (index + 1) * group)
    for start in range(index * group, last, STRIP):
        here = min(STRIP, last - start)
        _gated_rows(dy, y, start * columns, here, columns, kind, slope, gate, gate_at, db, index * wide)
        if need_input:
            for first in range(0, depth, panel):
                for row in range(0, here, ROWS):
                    lines_tile(
                        dx,
                        (start + row) * depth + first,
                        depth,
                        here - row,
                        depth - first,
                        gate,
                        gate_at + row * wide,
                        right,
                        right_at + first * flat_wide,
                        flat_wide // line,
                        False,
                        spare,
                        spare_at,
                    )
        if need_weight:
            left_rows(x, start * depth, here, depth, 0, deep, left, left_at)
            for k in range(0, depth, ROWS):
                for first in range(0, columns, panel):
                    columns_tile(
                        dw,
                        (index * depth + k) * columns + first,
                        columns,
                        depth - k,
                        columns - first,
                        left,
                        left_at + k // line * ROWS * line + k % line,
                        deep,
                        gate,
                        gate_at + first * ROWS,
                        wide,
                        padded(here, ROWS) // ROWS,
                        add or start > index * group,
                        spare,
                        spare_at,
                    )


@inner
def _groups_added(index: int, thread: int, groups: int, size: int, parts: Any, add: bool, total: Any) -> None:
    """A stretch of the sum of the groups' gradients, in their order."""
    first, last = index * SHARE, min(size, (index + 1) * SHARE)
    for i in range(first, last):
        put(total, i, get(parts, i) + get(total, i) if add else get(parts, i))
    for start in range(size, groups * size, size):
        for i in range(first, last):
            put(total, i, get(total, i) + get(parts, start + i))


class DenseLayer:
    """y = f(x·W + b) for a W that fits the second-level cache of each core."""

    def forward(self, x: Array, weight: Array, bias: Array | None, activation: Activation) -> Array:
        """One pass: read x, write y."""
        if min(weight.shape) < SKINNY:
            return dense_skinny.forward(x, weight, bias, activation, _group(len(x)))
        (rows, depth), columns, dtype = x.shape, weight.shape[1], x.dtype
        kind, slope = kind_and_slope(activation)
        y = np.empty((rows, columns), dtype)
        line = lanes(dtype)
        panel, deep = COLUMNS * line, up(depth, line)
        height = min(SHORT, up(-(-rows // 2), ROWS))
        packed, right = _panels(deep * up(columns, panel), dtype)
        arguments = (
            height,
            read_only(contiguous(x)),
            (rows, depth, columns),
            read_only(contiguous(weight)),
            read_only(np.zeros(columns, dtype) if bias is None else contiguous(bias)),
            kind,
            slope,
            packed,
            buffer("left", threads.count() * height * deep, dtype),
            right,
            buffer("spare", threads.count() * ROWS * panel, dtype),
            read_only(y),
            flat(y),
        )
        pool.run(_forward_strip, dtype, -(-rows // height), arguments)
        return y

    def backward(
        self,
        dy: Array,
        x: Array | None,
        y: Array | None,
        weight: Array,
        activation: Activation,
        wrt: tuple[bool, bool, bool],
        into_weight: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array | None, Array | None]:
        """One pass over the rows of dy, y and x, and one over the groups' dW."""
        if min(weight.shape) < SKINNY:
            own = _group(len(dy))
            return dense_skinny.backward(dy, x, y, weight, activation, wrt, own, into_weight, into_bias)
        rows, (depth, columns), dtype = len(dy), weight.shape, dy.dtype
        kind, slope = kind_and_slope(activation)
        line = lanes(dtype)
        panel, deep = COLUMNS * line, up(depth, line)
        wide, count = up(columns, panel), threads.count()
        group = _group(rows)
        groups = -(-rows // group)
        direct = into_weight is not None and into_weight.array.flags.c_contiguous
        dw = into_weight.array if into_weight and direct else np.empty((depth, columns) if wrt[1] else 0, dtype)
        add = bool(into_weight and direct and into_weight.add)
        parts = flat(dw) if groups == 1 or not wrt[1] else buffer("parts", groups * dw.size, dtype)
        sums = buffer("sums", groups * wide, dtype)
        dx = np.empty((rows, depth) if wrt[0] else 0, dtype)
        packed, right = _panels(up(columns, line) * up(depth, panel), dtype)
        given = read_only(contiguous(dy))
        arguments = (
            group,
            given,
            given if kind == LINEAR or y is None else read_only(contiguous(y)),
            given if x is None else read_only(contiguous(x)),
            (rows, depth, columns),
            read_only(contiguous(weight)),
            kind,
            slope,
            (wrt[0], wrt[1], add and groups == 1),
            packed,
            buffer("left", count * STRIP * deep, dtype),
            right,
            buffer("gate", count * STRIP * wide, dtype),
            buffer("spare", count * ROWS * panel, dtype),
            flat(dx),
            parts,
            sums,
        )
        pool.run(_backward_group, dtype, groups, arguments)
        if wrt[1] and groups > 1:
            shares = -(-dw.size // SHARE)
            pool.run(_groups_added, dtype, shares, (groups, dw.size, read_only(parts), add, flat(dw)))
        weight_gradient = None if not wrt[1] else dw if direct else place(dw, into_weight)
        db = place(sums.reshape(groups, wide)[:, :columns].sum(axis=0), into_bias) if wrt[2] else None
        return dx if wrt[0] else None, weight_gradient, db


def _group(rows: int) -> int:
    """Rows of a group: GROUP, fewer where all threads would not have one, more where that would make too many groups."""
    groups = min(GROUPS, max(rows // GROUP, min(rows // 32, 2), 1))
    return up(-(-rows // groups), ROWS)


def _panels(size: int, dtype: Any) -> tuple[Array, Array]:
    """Which threads have packed W (none yet; a cache line each), and room for each one's panels of `size` numbers."""
    count = threads.count()
    return np.zeros(8 * count, np.int64), buffer("right", count * size, dtype)
