"""A fused dense layer with a small W, y = f(x·W + b), and all its gradients, each in one pass over the rows.

    forward     a strip of rows of x ──► panels ──► ·W ──► + b, f ──► y

    backward    a strip of rows of dy ──► ·f′ = dz, in panels ──┬──► ·Wᵀ ──► dx
                                                                ├──► xᵀ·dz, added to the group's dW
                                                                └──► Σ dz, added to the group's db

Rows are divided among threads in every pass, so what one layer wrote is read by the next on the core whose cache holds it. A
group of rows adds up gradients of its own, and a second pass adds the groups': their number depends on the rows alone, so
the bits do not depend on who did what. Each thread packs W once a call into panels of its own, which is why W must be small.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from .. import threads
from ..interfaces import Activation, Into
from ..reference.placing import place
from . import dense_skinny, pool
from .activation import LINEAR, add_and_activate, factors_of, gated, kind_and_slope
from .compiled import inlined, inner
from .costs import SKINNY, up
from .heap import empty
from .layouts import contiguous, flat, read_only
from .memory import get, put
from .panels import Own, columns_tile, left_rows, lines_tile, padded, reduce_splits, right_panel
from .product import Panels, Target
from .vectors import COLUMNS, ROWS, TRANSPOSED_ROWS, VECTOR_BYTES, clear_line, lanes
from .workspace import buffer

STRIP, SHORT = up(128, ROWS), up(64, ROWS)
"""Rows whose panels are made and used at a time, backward and forward."""
GROUP, GROUPS = 128, 16
"""Rows that add up their own dW (split-K), and the most such groups: each costs a pass over W."""
SHARE = 4096
"""Numbers of dW whose groups one thread adds at a time."""


class Sizes(NamedTuple):
    """x (rows, depth) times W (depth, columns), `group` rows at a time."""

    rows: int
    depth: int
    columns: int
    group: int


@inlined
def _packed_once(w: Any, shape: Any, transposed: bool, deep: int, thread: int, packed: Any, right: Any) -> Any:
    """Pack all of W, or of its transpose, in right panels of the thread's own, unless this thread has done that already."""
    panel = COLUMNS * (VECTOR_BYTES // right.values.itemsize)
    if packed[8 * thread] == 0:
        packed[8 * thread] = 1
        for first in range(0, shape[1], panel):
            right_panel(w, shape, transposed, (0, deep), first, right.values, right.start + first * deep)


@inner
def _forward_strip(
    index: int, thread: int, sizes: Any, x: Any, w: Any, epilogue: Any, buffers: Any, z: Any, y: Any
) -> None:
    """Compute `group` rows of y = f(x·W + b): the product first, then bias and f while the rows are in the cache.

    z is y's memory once more, to be read: what is only read is another type to the compiler.
    """
    rows, depth, columns, height = sizes
    bias, kind, slope = epilogue
    line = VECTOR_BYTES // y.itemsize
    panel, deep = COLUMNS * line, padded(depth, line)
    left, right = Own(buffers[1], thread * height * deep), Own(buffers[2], thread * deep * padded(columns, panel))
    spare = Own(buffers[3], thread * ROWS * panel)
    _packed_once(w, (depth, columns), False, deep, thread, buffers[0], right)
    start = index * height
    here = min(height, rows - start)
    left_rows(x, start * depth, (here, depth), (0, deep), left.values, left.start)
    for first in range(0, columns, panel):
        for row in range(0, here, ROWS):
            target = Target((start + row) * columns + first, columns, here - row, columns - first, False)
            left_at, right_at = left.start + row * deep, right.start + first * deep
            lines_tile(y, target, left.values, left_at, right.values, right_at, deep // line, spare)
    for row in range(start, start + here):
        add_and_activate(z, row * columns, bias, columns, kind, slope, y)


@inner
def _full_square(
    gradient: Any, start: int, columns: int, factors: Any, gate: Any, place: int, db: Any, at: int
) -> None:
    """Compute a line of columns of ROWS rows of dz and add it to db.

    Rows are unrolled and columns go together, so that db is read and written once for all rows.
    """
    dy, y, kind, _ = gradient
    line = VECTOR_BYTES // gate.itemsize
    for j in range(line):
        total = get(db, at + j)
        for row in range(ROWS):
            value = gated(dy, y, start + row * columns + j, kind, factors)
            put(gate, place + row * line + j, value)
            total += value
        put(db, at + j, total)


@inner
def _gated_rows(gradient: Any, start: int, rows: int, columns: int, gate: Any, db: Any, db_at: int) -> None:
    """Write dz = f′·dy of some rows as left panels, and add its sum over them to db.

    The panels are wide enough to be right panels too: dz is on the left in dx = dz·Wᵀ and on the right in dW = xᵀ·dz.
    """
    dy, y, kind, slope = gradient
    line = VECTOR_BYTES // db.itemsize
    wide = padded(columns, COLUMNS * line)
    factors = factors_of(dy, kind, slope)
    for row in range(0, rows, ROWS):
        for c in range(0, wide, line):
            source, place = start + row * columns + c, gate.start + row * wide + c * ROWS
            if row + ROWS <= rows and c + line <= columns:
                _full_square(gradient, source, columns, factors, gate.values, place, db, db_at + c)
                continue
            for i in range(ROWS):
                clear_line(gate.values, place + i * line)
                for j in range(min(line, columns - c) if row + i < rows else 0):
                    value = gated(dy, y, source + i * columns + j, kind, factors)
                    put(gate.values, place + i * line + j, value)
                    put(db, db_at + c + j, get(db, db_at + c + j) + value)


@inner
def _backward_group(
    index: int, thread: int, sizes: Any, gradient: Any, x: Any, w: Any, wanted: Any, buffers: Any, results: Any
) -> None:
    """Compute the dx of `group` rows, their share of dW at dw[index], and of db at db[index].

    gradient: dy, y, kind and slope.
    buffers: which threads have packed W, then left and right panels, dz and a spare tile.
    results: dx, dw and db.

    For example three groups of 128 rows, taken STRIP rows at a time:

        group 0   rows   0 … 127   ─►  dx[0:128],    dw[0], db[0]
        group 1   rows 128 … 255   ─►  dx[128:256],  dw[1], db[1]      then dW = dw[0] + dw[1] + dw[2]
        group 2   rows 256 … 383   ─►  dx[256:384],  dw[2], db[2]
    """
    rows, depth, columns, group = sizes
    need_input, need_weight, add = wanted
    dx, dw, db = results
    line = VECTOR_BYTES // db.itemsize
    panel = COLUMNS * line
    deep, wide, flat_wide = padded(depth, line), padded(columns, panel), padded(columns, line)
    left, right = Own(buffers[1], thread * STRIP * deep), Own(buffers[2], thread * flat_wide * padded(depth, panel))
    gate, spare = Own(buffers[3], thread * STRIP * wide), Own(buffers[4], thread * ROWS * panel)
    if need_input:
        _packed_once(w, (columns, depth), True, flat_wide, thread, buffers[0], right)
    for c in range(wide):
        put(db, index * wide + c, db.dtype.type(0.0))
    last = min(rows, (index + 1) * group)
    for start in range(index * group, last, STRIP):
        here = min(STRIP, last - start)
        _gated_rows(gradient, start * columns, here, columns, gate, db, index * wide)
        if need_input:
            for first in range(0, depth, panel):
                for row in range(0, here, ROWS):
                    target = Target((start + row) * depth + first, depth, here - row, depth - first, False)
                    gate_at, right_at = gate.start + row * wide, right.start + first * flat_wide
                    lines_tile(dx, target, gate.values, gate_at, right.values, right_at, flat_wide // line, spare)
        if need_weight:
            left_rows(x, start * depth, (here, depth), (0, deep), left.values, left.start)
            for k in range(0, depth, TRANSPOSED_ROWS):
                for first in range(0, columns, panel):
                    place, later = (index * depth + k) * columns + first, add or start > index * group
                    columns_tile(
                        dw,
                        Target(place, columns, depth - k, columns - first, later),
                        left.values,
                        Panels(left.start + k // line * ROWS * line + k % line, deep * ROWS),
                        gate.values,
                        Panels(gate.start + first * ROWS, wide * ROWS),
                        padded(here, ROWS) // ROWS,
                        spare,
                    )


class DenseLayer:
    """The dense layer y = f(x·W + b) by one kernel, for a W that fits the second-level cache of each core."""

    def forward(self, x: Array, weight: Array, bias: Array | None, activation: Activation) -> Array:
        """Return y, from one pass that reads x and writes y."""
        (rows, depth), columns, dtype = x.shape, weight.shape[1], x.dtype
        y, buffers = empty((rows, columns), dtype), tuple[Array, ...]()
        if min(weight.shape) < SKINNY:
            group, (part, w) = _group(rows), dense_skinny.forward(weight)
        else:
            group, panel, deep = min(SHORT, up(-(-rows // 2), ROWS)), COLUMNS * lanes(dtype), up(depth, lanes(dtype))
            part, w, buffers = _forward_strip, weight, _buffers(dtype, group * deep, deep * up(columns, panel))
        arguments = (
            Sizes(rows, depth, columns, group),
            read_only(contiguous(x)),
            read_only(contiguous(w)),
            (read_only(np.zeros(columns, dtype) if bias is None else contiguous(bias)), *kind_and_slope(activation)),
            buffers,
            read_only(y),
            flat(y),
        )
        pool.run(part, dtype, -(-rows // group), arguments)
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
        """Return dx, dW and db as far as `wrt` asks for them.

        That takes one pass over the rows of dy, y and x, and one over the groups' dW.
        """
        rows, (depth, columns), dtype = len(dy), weight.shape, dy.dtype
        group = _group(rows)
        groups, skinny, buffers = -(-rows // group), min(weight.shape) < SKINNY, tuple[Array, ...]()
        direct = into_weight is not None and into_weight.array.flags.c_contiguous and not skinny
        dw = into_weight.array if into_weight and direct else np.empty(weight.shape if wrt[1] else 0, dtype)
        add = bool(into_weight and direct and into_weight.add)
        partial = flat(dw) if groups == 1 or not wrt[1] else buffer("partial", groups * dw.size, dtype)
        if skinny:
            wide, buffers = columns, (buffer("gate", threads.count() * columns, dtype),)
            part, w = dense_skinny.backward(weight)
        else:
            line, panel = lanes(dtype), COLUMNS * lanes(dtype)
            wide, right = up(columns, panel), up(columns, line) * up(depth, panel)
            buffers = _buffers(dtype, STRIP * up(depth, line), right, STRIP * wide)
            part, w = _backward_group, weight
        sums = buffer("sums", groups * wide, dtype)
        dx = empty((rows, depth) if wrt[0] else 0, dtype)
        kind, slope = kind_and_slope(activation)
        given = read_only(contiguous(dy))
        arguments = (
            Sizes(rows, depth, columns, group),
            (given, given if kind == LINEAR or y is None else read_only(contiguous(y)), kind, slope),
            given if x is None else read_only(contiguous(x)),
            read_only(contiguous(w)),
            (wrt[0], wrt[1], add and groups == 1),
            buffers,
            (flat(dx), partial, sums),
        )
        pool.run(part, dtype, groups, arguments)
        if wrt[1] and groups > 1:
            reduction = (SHARE, groups, read_only(partial), add, flat(dw))
            pool.run(reduce_splits, dtype, -(-dw.size // SHARE), reduction)
        if skinny and wrt[1] and dense_skinny.few_outputs(weight):  # what was found is dWᵀ
            dw = dw.reshape(w.shape).T
        weight_gradient = None if not wrt[1] else dw if direct else place(dw, into_weight)
        db = place(sums.reshape(groups, wide)[:, :columns].sum(axis=0), into_bias) if wrt[2] else None
        return dx if wrt[0] else None, weight_gradient, db


def _group(rows: int) -> int:
    """Return how many rows a group has.

    GROUP is usual; there are fewer where not all threads would have a group, and more where there would be too many groups.
    """
    groups = min(GROUPS, max(rows // GROUP, min(rows // 32, 2), 1))
    return up(-(-rows // groups), ROWS)


def _buffers(dtype: Any, *sizes: int) -> tuple[Array, ...]:
    """Which threads have packed W (none yet; a cache line each), and room for each one's panels, and for a spare tile.

    sizes: of the left and right panels, and backward of dz.
    """
    count = threads.count()
    rooms = [buffer(name, count * size, dtype) for name, size in zip(("left", "right", "gate"), sizes, strict=False)]
    return np.zeros(8 * count, np.int64), *rooms, buffer("spare", count * ROWS * COLUMNS * lanes(dtype), dtype)
