"""The two innermost loops: sums of ROWS pixels over all taps, and sums of some taps over all pixels, held in registers.

A unit is what stands in lines side by side: one wide group, or several narrow ones of `span` lanes each. How a number of the
source meets a line of weights depends on that span:

    span 1               every lane has a group of its own       lanes times lanes
    1 < span < L/2       a line has L/span groups                each group's number c spread over its lanes, a shuffle
    span L/2             a line has two groups                   number c of each spread over half a line
    span L and more      a line belongs to one group             number c spread over a line

A shuffle and a multiply–add share what executes them, so that half lines, which a Zen 4 core multiplies two a cycle, are
faster where a line has but two.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from ..compiled import cgutils, literal_intrinsic
from ..vectors import TRANSPOSED_ROWS as ROWS
from ..vectors import Lines

UNROLL = 2
"""Channels in one turn of the innermost loop over those of a wide group."""


def spreads(line: int, span: int) -> bool:
    """Whether single numbers are spread over a line of so many numbers, or over half of it; such groups are wide."""
    return 2 * span >= line > 1


def channels_at_once(line: int, span: int) -> int:
    """How many channels of a wide group `sum_pixels` takes at once."""
    return min(2 * ROWS, line, span)


def taps_at_once(line: int, inside: int) -> int:
    """How many taps `sum_pixels` takes at once: of narrow groups of `inside` channels; 0 is a wide group."""
    return max(1, min(2 * ROWS, line) // inside) if inside else 1


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _word(number: int) -> Any:
    return ir.Constant(ir.IntType(64), number)


def _least(builder: Any, left: Any, right: Any) -> Any:
    return builder.select(builder.icmp_signed("<", left, right), left, right)


def _spread_in_groups(lines: Lines, line: Any, span: int, number: int) -> Any:
    """The line with number `number` of each group in all of the group's lanes."""
    if span == 1:
        return line
    order = [lane // span * span + number for lane in range(lines.count)]
    kind = ir.VectorType(ir.IntType(32), lines.count)
    return lines.builder.shuffle_vector(line, ir.Constant(lines.line, ir.Undefined), ir.Constant(kind, order))


@literal_intrinsic
def sum_taps(
    typing: Any, span: Any, inside: Any, y: Any, y_at: Any, places: Any, x: Any, x_at: Any, bases: Any,
    pixels: Any, offsets: Any, taps: Any, w: Any, w_at: Any, steps: Any,
) -> Any:  # fmt: skip
    """A line of the target for each of ROWS pixels:  y[y_at + place] = Σ_tap Σ_c x[x_at + base + offset + c]·w[tap, c].

    span, inside: literal; `inside` is the channels of a narrow group, and 0 for a wide one, which has `steps` times UNROLL.
    pixels: the first pixel, the last one that there is (later ones are it again), and the same of `places`, where lines go.
    bases: of each pixel in the source; offsets: of each tap from there.
    """
    lanes_of_group, channels = span.literal_value, inside.literal_value

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines, kinds = Lines(builder, y.dtype), signature.args
        target, places_at, source, bases_at, offsets_at, weights = (
            _data(context, builder, kinds[i], values[i]) for i in (2, 4, 5, 7, 9, 11)
        )
        y_from, x_from, tap_count, w_from, step_count = (values[i] for i in (3, 6, 10, 12, 13))
        first, last, place_first, place_last = (builder.extract_value(values[8], i) for i in range(4))
        width = lines.count
        source, target, weights = lines.at(source, x_from), lines.at(target, y_from), lines.at(weights, w_from)
        wide = spreads(width, lanes_of_group)
        pieces = max(1, width // lanes_of_group) if wide else 1
        parts = Lines(builder, y.dtype, width // pieces)
        cells = [[cgutils.alloca_once(builder, parts.line) for _ in range(pieces)] for _ in range(ROWS)]
        starts = []
        for p in range(ROWS):
            pixel = _least(builder, builder.add(first, _word(p)), last)
            starts.append(lines.at(source, builder.load(builder.gep(bases_at, [pixel]))))
            for cell in cells[p]:
                builder.store(parts.zero, cell)

        def add(cell: Any, left: Any, right: Any) -> None:
            builder.store(parts.fma(left, right, builder.load(cell)), cell)

        with cgutils.for_range(builder, tap_count) as tap:
            offset = builder.load(builder.gep(offsets_at, [tap.index]))
            if not wide:
                own = lines.at(weights, builder.mul(tap.index, _word(channels * width)))
                seen = [lines.load(lines.at(start, offset)) for start in starts]
                for c in range(channels):
                    right = lines.load(lines.at(own, c * width))
                    for p in range(ROWS):
                        add(cells[p][0], _spread_in_groups(lines, seen[p], lanes_of_group, c), right)
            else:
                own = lines.at(weights, builder.mul(tap.index, builder.mul(step_count, _word(UNROLL * width))))
                with cgutils.for_range(builder, step_count) as step:
                    here = builder.add(offset, builder.mul(step.index, _word(UNROLL)))
                    row = lines.at(own, builder.mul(step.index, _word(UNROLL * width)))
                    for c in range(UNROLL):
                        for h in range(pieces):
                            right = parts.load(lines.at(row, c * width + h * parts.count))
                            for p in range(ROWS):
                                left = parts.spread(lines.at(lines.at(starts[p], here), c + h * parts.count))
                                add(cells[p][h], left, right)
        for p in range(ROWS):
            place = _least(builder, builder.add(place_first, _word(p)), place_last)
            aim = lines.at(target, builder.load(builder.gep(places_at, [place])))
            for h, cell in enumerate(cells[p]):
                parts.store(builder.load(cell), lines.at(aim, h * parts.count))
        return context.get_dummy_value()

    word = types.int64
    return types.void(
        span, inside, y, word, places, x, word, bases, pixels, offsets, word, w, word, word
    ), build  # fmt: skip


@literal_intrinsic
def sum_pixels(
    typing: Any, span: Any, inside: Any, out: Any, out_at: Any, out_step: Any, x: Any, x_at: Any, bases: Any,
    count: Any, offsets: Any, taps: Any, channel: Any, dy: Any, dy_at: Any, dy_step: Any, add: Any,
) -> Any:  # fmt: skip
    """Lines of dw for some taps:

        out[out_at + tap·out_step + c·L] (+)= Σ_pixel x[x_at + base + offset + c] · dy[dy_at + pixel·dy_step]

    span, inside: as in `sum_taps`. A narrow group's `taps_at_once` taps are taken with all channels, a wide one's first tap
    with `channels_at_once` from `channel` on.
    taps: the first tap, and the last one that there is (later ones are it again).
    """
    lanes_of_group, channels = span.literal_value, inside.literal_value

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines, kinds = Lines(builder, out.dtype), signature.args
        target, source, bases_at, offsets_at, small = (
            _data(context, builder, kinds[i], values[i]) for i in (2, 5, 7, 9, 12)
        )
        out_from, tap_step, x_from, number, first_channel, dy_from, pixel_step, adds = (
            values[i] for i in (3, 4, 6, 8, 11, 13, 14, 15)
        )
        first, last = (builder.extract_value(values[10], i) for i in range(2))
        width = lines.count
        wide = spreads(width, lanes_of_group)
        pieces = max(1, width // lanes_of_group) if wide else 1
        parts = Lines(builder, out.dtype, width // pieces)
        turns, each = taps_at_once(width, channels), channels or channels_at_once(width, lanes_of_group)
        source, target, small = lines.at(source, x_from), lines.at(target, out_from), lines.at(small, dy_from)
        if wide:
            source = lines.at(source, first_channel)
            target = lines.at(target, builder.mul(first_channel, _word(width)))
        starts, cells = [], []
        for t in range(turns):
            tap = _least(builder, builder.add(first, _word(t)), last)
            starts.append(lines.at(source, builder.load(builder.gep(offsets_at, [tap]))))
            row = lines.at(target, builder.mul(tap, tap_step))
            for k in range(each * pieces):
                place, cell = lines.at(row, k * parts.count), cgutils.alloca_once(builder, parts.line)
                builder.store(builder.select(adds, parts.load(place), parts.zero), cell)
                cells.append((place, cell))
        with cgutils.for_range(builder, number) as pixel:
            base = builder.load(builder.gep(bases_at, [pixel.index]))
            beside = lines.at(small, builder.mul(pixel.index, pixel_step))
            right = [parts.load(lines.at(beside, h * parts.count)) for h in range(pieces)]
            for t, start in enumerate(starts):
                here = lines.at(start, base)
                seen = None if wide else lines.load(here)
                for k in range(each * pieces):
                    cell, (c, h) = cells[t * each * pieces + k][1], divmod(k, pieces)
                    if seen is None:
                        left = parts.spread(lines.at(here, c + h * parts.count))
                    else:
                        left = _spread_in_groups(lines, seen, lanes_of_group, c)
                    builder.store(parts.fma(left, right[h], builder.load(cell)), cell)
        for place, cell in cells:
            parts.store(builder.load(cell), place)
        return context.get_dummy_value()

    word = types.int64
    return types.void(
        span, inside, out, word, word, x, word, bases, word, offsets, taps, word, dy, word, word, types.boolean
    ), build  # fmt: skip
