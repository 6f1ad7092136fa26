"""The two innermost loops: ROWS lines of sums, held in registers, over taps or channels, and over places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types

from ..compiled import cgutils, intrinsic
from ..vectors import ROWS, Lines, fields
from ..vectors import least as _least
from ..vectors import word as _word


class _Line:
    """Loads and stores of a line of which only the first `columns` numbers may be there."""

    def __init__(self, lines: Lines, columns: Any) -> None:
        self.lines, self.builder = lines, lines.builder
        self.whole = self.builder.icmp_signed(">=", columns, _word(lines.count))
        self.mask = lines.mask(columns)

    def load(self, pointer: Any) -> Any:
        """Load it, with zeros behind the columns."""
        with self.builder.if_else(self.whole) as (whole, part):
            with whole:
                line, full = self.lines.load(pointer), self.builder.block
            with part:
                some, cut = self.lines.load_part(pointer, self.mask), self.builder.block
        value = self.builder.phi(self.lines.line)
        value.add_incoming(line, full)
        value.add_incoming(some, cut)
        return value

    def store(self, pairs: list[tuple[Any, Any]]) -> None:
        """Store lines, given with their addresses."""
        with self.builder.if_else(self.whole) as (whole, part):
            with whole:
                for value, pointer in pairs:
                    self.lines.store(value, pointer)
            with part:
                for value, pointer in pairs:
                    self.lines.store_part(value, pointer, self.mask)


class _Sums:
    """Lines of sums, in memory as LLVM is told, in registers as it makes of that."""

    def __init__(self, lines: Lines) -> None:
        self.lines, self.builder = lines, lines.builder
        self.cells = [cgutils.alloca_once(self.builder, lines.line) for _ in range(ROWS)]

    def begin(self, value: Callable[[int], Any]) -> None:
        for i, cell in enumerate(self.cells):
            self.builder.store(value(i), cell)

    def add(self, i: int, left: Any, right: Any) -> None:
        self.builder.store(self.lines.fma(left, right, self.builder.load(self.cells[i])), self.cells[i])

    def found(self, pointers: list[Any]) -> list[tuple[Any, Any]]:
        return [(self.builder.load(cell), pointer) for cell, pointer in zip(self.cells, pointers, strict=True)]


def _runs(activated: bool) -> Any:
    """Make the loop over runs of taps (or one of channels), with bias and activation behind it or without."""

    @intrinsic
    def sums_of(
        typing: Any, c: Any, target: Any, a: Any, a_at: Any, bases: Any, places: Any, runs: Any, w: Any, w_at: Any,
        epilogue: Any,
    ) -> Any:  # fmt: skip
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            lines = Lines(builder, c.dtype)
            aim, source, table, weights = (
                context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 2, 4, 7)
            )
            start, step, columns = fields(builder, values[1])
            first, last = fields(builder, values[5])
            count, length, apart = fields(builder, values[6])
            numbers = [_least(builder, builder.add(first, _word(i)), last) for i in range(ROWS)]
            source, weights = lines.at(source, values[3]), lines.at(weights, values[8])
            begins = [lines.at(source, builder.load(builder.gep(table, [number]))) for number in numbers]
            sums = _Sums(lines)
            sums.begin(lambda _: lines.zero)

            def add(rows: list[Any], row: Any, k: Any) -> None:
                right = lines.load(lines.at(row, builder.mul(k, _word(lines.count))))
                for i, place in enumerate(rows):
                    sums.add(i, lines.spread(lines.at(place, k)), right)

            pairs, odd = builder.lshr(length, _word(1)), builder.trunc(length, ir.IntType(1))
            with cgutils.for_range(builder, count) as turn:
                offset = builder.mul(turn.index, apart)
                rows = [lines.at(begin, offset) for begin in begins]
                row = lines.at(weights, builder.mul(turn.index, builder.mul(length, _word(lines.count))))
                with cgutils.for_range(builder, pairs) as pair:
                    k = builder.shl(pair.index, _word(1))
                    add(rows, row, k)
                    add(rows, row, builder.add(k, _word(1)))
                with builder.if_then(odd):
                    add(rows, row, builder.sub(length, _word(1)))
            pointers = [lines.at(aim, builder.add(start, builder.mul(number, step))) for number in numbers]
            found = sums.found(pointers)
            if activated:
                bias_array, bias_at, slope = fields(builder, values[9])
                kind = next(iter(signature.args[9]))
                bias = lines.load(lines.at(context.make_array(kind)(context, builder, bias_array).data, bias_at))
                found = [(_bend(lines, builder.fadd(value, bias), slope), pointer) for value, pointer in found]
            _Line(lines, columns).store(found)
            return context.get_dummy_value()

        word = types.int64
        return types.void(c, target, a, word, bases, places, runs, w, word, epilogue), build

    return sums_of


def _bend(lines: Lines, value: Any, slope: Any) -> Any:
    """Multiply what is below 0 with a slope; with the slope 0 it becomes 0, also where it is −∞."""
    builder = lines.builder
    slope = slope if slope.type == lines.scalar else builder.fptrunc(slope, lines.scalar)
    factor = lines.everywhere(slope)
    bent = builder.select(
        builder.fcmp_ordered("==", slope, ir.Constant(lines.scalar, 0.0)), lines.zero, builder.fmul(factor, value)
    )
    return builder.select(builder.fcmp_ordered("<", value, lines.zero), bent, value)


sum_runs, sum_runs_activated = _runs(activated=False), _runs(activated=True)
"""Set a line of C for each of ROWS places:

    c[start + n·step + lane] = f(Σ_r Σ_k a[a_at + bases[n] + r·run step + k] · w[w_at + (r·length + k)·L + lane])

target: (start, step, columns); no lane beyond the columns is written.
places: the first n, and the last one that there is (later ones are it again).
runs: (how many there are, length, step).
epilogue: of the second (bias, where in it the line begins, what sums below 0 are multiplied by); the first has f(s) = s, and
    whatever is given here is not looked at.
"""


@intrinsic
def sum_places(
    typing: Any, dw: Any, target: Any, a: Any, a_at: Any, bases: Any, count: Any, offsets: Any, taps: Any, b: Any,
    b_range: Any, add: Any,
) -> Any:  # fmt: skip
    """Set, or add to, a line of dw for each of ROWS taps:

        dw[start + t·step + lane] (+)= Σ_{n < count} a[a_at + bases[n] + offsets[t]] · b[b start + n·b step + lane]

    target: (start, step, columns); no lane beyond the columns is read or written.
    taps: the first t, and the last one that there is (later ones are it again).
    b_range: (b start, b step).
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, dw.dtype)
        aim, source, table, tap_table, small = (
            context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 2, 4, 6, 8)
        )
        start, step, columns = fields(builder, values[1])
        first, last = fields(builder, values[7])
        b_start, b_step = fields(builder, values[9])
        numbers = [_least(builder, builder.add(first, _word(i)), last) for i in range(ROWS)]
        source, small = lines.at(source, values[3]), lines.at(small, b_start)
        begins = [lines.at(source, builder.load(builder.gep(tap_table, [number]))) for number in numbers]
        pointers = [lines.at(aim, builder.add(start, builder.mul(number, step))) for number in numbers]
        line, sums = _Line(lines, columns), _Sums(lines)
        sums.begin(lambda _: lines.zero)
        with builder.if_then(values[10]):
            sums.begin(lambda i: line.load(pointers[i]))
        with cgutils.for_range(builder, values[5]) as place:
            base = builder.load(builder.gep(table, [place.index]))
            right = line.load(lines.at(small, builder.mul(place.index, b_step)))
            for i, begin in enumerate(begins):
                sums.add(i, lines.spread(lines.at(begin, base)), right)
        line.store(sums.found(pointers))
        return context.get_dummy_value()

    word = types.int64
    return types.void(dw, target, a, word, bases, word, offsets, taps, b, b_range, types.boolean), build
