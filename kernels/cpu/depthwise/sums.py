"""The two innermost loops, on a register of channels: places of a row with all their taps, and taps with places of a row.

Rows that lie outside of the image are left out by the caller. Columns that do are left out here, with a branch for each;
where `inside` is true all columns lie inside, and the loop has no branches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import types

from ..compiled import cgutils, literal_intrinsic
from ..strided import AHEAD_OF_TIME, SOON, TO_BE_WRITTEN, prefetch
from ..target import REGISTERS
from ..vectors import Lines, fields, word

BYTES = REGISTERS.size
"""Of a register."""


def _where(builder: Any, inside: bool, column: Any, width: Any, do: Callable[[], None]) -> None:
    """Make the code of what is done for a column, if it lies in the image."""
    if inside:
        do()
    else:
        with builder.if_then(builder.icmp_unsigned("<", column, width)):
            do()


@literal_intrinsic
def sum_taps(
    typing: Any, taps: Any, step: Any, pixels: Any, inside: Any, y: Any, y_place: Any, x: Any, x_place: Any, columns: Any,
    rows: Any, w: Any, w_place: Any, biases: Any, channel: Any, end: Any, ahead: Any,
) -> Any:  # fmt: skip
    """A register of channels for each of `pixels` places of a row:

        y[p] = f(bias + Σ_u Σ_v x[row u, column left + p·step + v] · w[u, v])

    taps, step, pixels: literal; taps along a row, of which there are `rows`. inside: whether all columns lie in the image.
    y_place: where the first place lies, and how far the next one.
    x_place, w_place: where the first row's first column lies, and how far the next row and the next column.
    columns: `left`, and how many columns the image has.
    end: whether sums stay as they are, else whether values below 0 become 0, and else what they are multiplied by.
    ahead: how far from the first place what is fetched for later begins, of x and of y: the next row.
    """
    width, stride, count = (kind.literal_value for kind in (taps, step, pixels))

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        own = Lines(builder, y.dtype, BYTES * 8 // y.dtype.bitwidth)
        target, source, weights, shifts = (
            context.make_array(signature.args[i])(context, builder, values[i]).data for i in (4, 6, 10, 12)
        )
        y_at, y_step = fields(builder, values[5])
        x_at, x_row, x_column = fields(builder, values[7])
        left, there = fields(builder, values[8])
        w_at, w_row, w_column = fields(builder, values[11])
        bare, cut, below = fields(builder, values[14])
        target, source, weights = own.at(target, y_at), own.at(source, x_at), own.at(weights, w_at)
        cells = [cgutils.alloca_once(builder, own.line) for _ in range(count)]
        for cell in cells:
            builder.store(own.zero, cell)
        x_ahead, y_ahead = fields(builder, values[15])
        for q in range(count * stride):
            for n in range(stride):
                coming = builder.add(x_ahead, builder.add(builder.mul(x_row, word(n)), builder.mul(x_column, word(q))))
                prefetch(builder, own.at(source, coming), AHEAD_OF_TIME)
        for p in range(count):
            prefetch(builder, own.at(target, builder.add(y_ahead, builder.mul(y_step, word(p)))), TO_BE_WRITTEN)

        def add_rows(all_inside: bool) -> None:
            with cgutils.for_range(builder, values[9]) as row:
                here = own.at(source, builder.mul(row.index, x_row))
                beside = own.at(weights, builder.mul(row.index, w_row))
                right = [own.load(own.at(beside, builder.mul(w_column, word(v)))) for v in range(width)]
                for q in range((count - 1) * stride + width):
                    meets = [(p, q - p * stride) for p in range(count) if 0 <= q - p * stride < width]

                    def add(q: int = q, meets: Any = meets) -> None:
                        one = own.load(own.at(here, builder.mul(x_column, word(q))))
                        for p, v in meets:
                            builder.store(own.fma(one, right[v], builder.load(cells[p])), cells[p])

                    if meets:
                        _where(builder, all_inside, builder.add(left, word(q)), there, add)

        with builder.if_else(values[3]) as (all_columns, some_columns):
            with all_columns:
                add_rows(True)
            with some_columns:
                add_rows(False)
        with builder.if_then(builder.not_(bare)):
            bias, factor = own.load(own.at(shifts, values[13])), own.everywhere(below)
            for cell in cells:
                total = builder.fadd(builder.load(cell), bias)
                under = builder.select(cut, own.zero, builder.fmul(total, factor))
                builder.store(builder.select(builder.fcmp_ordered("<", total, own.zero), under, total), cell)
        for p, cell in enumerate(cells):
            own.store(builder.load(cell), own.at(target, builder.mul(y_step, word(p))))
        return context.get_dummy_value()

    number = types.int64
    return types.void(
        taps, step, pixels, types.boolean, y, y_place, x, x_place, columns, number, w, w_place, biases, number, end, ahead
    ), build  # fmt: skip


@literal_intrinsic
def sum_places(
    typing: Any, taps: Any, step: Any, rows: Any, inside: Any, out: Any, out_place: Any, x: Any, x_place: Any, columns: Any,
    dy: Any, dy_place: Any, count: Any, ahead: Any,
) -> Any:  # fmt: skip
    """Add `count` places of a row to a register of channels of dw for each tap of `rows` rows:

        out[u, v] += Σ_j x[row u, column left + j·step + v] · dy[j]

    taps, step, rows: literal. inside: whether all columns lie in the image.
    out_place, x_place: where the first row's first column lies, and how far the next row and the next column.
    columns: `left`, and how many columns the image has.
    dy_place: where the first place lies, and how far the next one.
    ahead: how far behind what is read of x and of dy lies what is fetched for later, the next row's.
    """
    width, stride, height = (kind.literal_value for kind in (taps, step, rows))

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        own = Lines(builder, out.dtype, BYTES * 8 // out.dtype.bitwidth)
        target, source, small = (
            context.make_array(signature.args[i])(context, builder, values[i]).data for i in (4, 6, 9)
        )
        out_at, out_row, out_tap = fields(builder, values[5])
        x_at, x_row, x_column = fields(builder, values[7])
        left, there = fields(builder, values[8])
        dy_at, dy_step = fields(builder, values[10])
        target, source, small = own.at(target, out_at), own.at(source, x_at), own.at(small, dy_at)

        def place(start: Any, row: Any, column: Any, u: int, v: int) -> Any:
            return own.at(own.at(start, builder.mul(row, word(u))), builder.mul(column, word(v)))

        cells = [[cgutils.alloca_once(builder, own.line) for _ in range(width)] for _ in range(height)]
        places = [[place(target, out_row, out_tap, u, v) for v in range(width)] for u in range(height)]
        for u in range(height):
            for v in range(width):
                builder.store(own.load(places[u][v]), cells[u][v])
        x_ahead, dy_ahead = fields(builder, values[12])

        def add_places(all_inside: bool) -> None:
            with cgutils.for_range(builder, values[11]) as j:
                first = builder.mul(j.index, word(stride))
                here = own.at(source, builder.mul(first, x_column))
                beside = own.at(small, builder.mul(j.index, dy_step))
                for q in range(stride):
                    for n in range(stride):
                        prefetch(builder, own.at(place(here, x_row, x_column, n, q), x_ahead), SOON)
                prefetch(builder, own.at(beside, dy_ahead), SOON)
                right = own.load(beside)
                for v in range(width):

                    def add(v: int = v) -> None:
                        for u in range(height):
                            one = own.load(place(here, x_row, x_column, u, v))
                            builder.store(own.fma(one, right, builder.load(cells[u][v])), cells[u][v])

                    _where(builder, all_inside, builder.add(builder.add(left, first), word(v)), there, add)

        with builder.if_else(values[3]) as (all_columns, some_columns):
            with all_columns:
                add_places(True)
            with some_columns:
                add_places(False)
        for u in range(height):
            for v in range(width):
                own.store(builder.load(cells[u][v]), places[u][v])
        return context.get_dummy_value()

    number = types.int64
    return types.void(
        taps, step, rows, types.boolean, out, out_place, x, x_place, columns, dy, dy_place, number, ahead
    ), build  # fmt: skip
