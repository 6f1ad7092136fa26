"""The two innermost loops: sums of ROWS pixels over all taps, and sums of some taps over all pixels, held in registers.

A unit is what stands in lines side by side: one wide group, or several narrow ones of `span` lanes each. How a number of the
source meets a line of weights depends on that span:

    span 1               every lane has a group of its own       lanes times lanes
    1 < span < L/2       a line has L/span groups                each group's number c spread over its lanes, a shuffle
    span L/2             a line has two groups                   number c of each spread over half a line
    span L and more      a line belongs to one group             number c spread over a line

An image is read where it lies. Where a tap of a pixel falls outside of it, which a bit of the pixel's mask says, a line of
zeros is read in its place; a tap that falls outside for all pixels of a tile is passed over.

A shuffle and a multiply–add share what executes them, so that half lines, which a Zen 4 core multiplies two a cycle, are
faster where a line has but two.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba.core import types

from ..compiled import cgutils, literal_intrinsic
from ..strided import AHEAD_OF_TIME, SOON, TO_BE_WRITTEN, prefetch
from ..vectors import TRANSPOSED_ROWS as ROWS
from ..vectors import Lines
from ..vectors import least as _least
from ..vectors import word as _word

WORD = 64
"""Taps that one number of a mask tells of."""
UNROLL = 2
"""Channels in one turn of the innermost loop over those of a wide group."""


def spreads(line: int, span: int) -> bool:
    """Whether single numbers are spread over a line of so many numbers, or over half of it; such groups are wide."""
    return 2 * span >= line > 1


def channels_at_once(line: int, span: int) -> int:
    """How many channels of a wide group `sum_pixels` takes at once."""
    return min(2 * ROWS, line, span)


def taps_at_once(inside: int) -> int:
    """How many taps `sum_pixels` takes at once: of narrow groups of `inside` channels; 0 is a wide group.

    The nine taps of a 3×3 kernel are taken in `inside` turns: 9, 5 or 3 at once.
    """
    return -(-9 // inside) if inside else 1


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _seen(builder: Any, mask: Any, bit: Any, inside: Any, zeros: Any) -> Any:
    """The address `inside` if a bit of a mask is set, else that of zeros."""
    return builder.select(_is_set(builder, mask, bit), inside, zeros)


def _is_set(builder: Any, mask: Any, bit: Any) -> Any:
    return builder.trunc(builder.lshr(mask, bit), ir.IntType(1))


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
    pixels: Any, offsets: Any, masks: Any, taps: Any, zeros: Any, w: Any, w_at: Any, steps: Any, epilogue: Any,
) -> Any:  # fmt: skip
    """A line of the target for each of ROWS pixels:

        y[y_at + place] = f(bias + Σ_tap Σ_c x[x_at + base + offset + c]·w[tap, c])

    span, inside: literal; `inside` is the channels of a narrow group, and 0 for a wide one, which has `steps` times UNROLL.
    pixels: the first pixel, the last one that there is (later ones are it again), and the same of `places`, where lines go.
    bases: of each pixel in the source; offsets: of each tap from there.
    masks, taps: where the first pixel's mask begins, numbers of a mask, and the tap that reads what was not read before.
    zeros: what is read for taps that fall outside.
    epilogue: the biases, where the line's begin, whether values below 0 become 0, and else what they are multiplied by.
    """
    lanes_of_group, channels = span.literal_value, inside.literal_value

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines, kinds = Lines(builder, y.dtype), signature.args
        target, places_at, source, bases_at, offsets_at, masks_at, nothing, weights = (
            _data(context, builder, kinds[i], values[i]) for i in (2, 4, 5, 7, 9, 10, 12, 13)
        )
        y_from, x_from, w_from, step_count = (values[i] for i in (3, 6, 14, 15))
        first, last, place_first, place_last = (builder.extract_value(values[8], i) for i in range(4))
        mask_from, words, last_tap = (builder.extract_value(values[11], i) for i in range(3))
        biases, bias_from, cut, below = (builder.extract_value(values[16], i) for i in range(4))
        width = lines.count
        source, target, weights = lines.at(source, x_from), lines.at(target, y_from), lines.at(weights, w_from)
        wide = spreads(width, lanes_of_group)
        pieces = max(1, width // lanes_of_group) if wide else 1
        parts = Lines(builder, y.dtype, width // pieces)
        cells = [[cgutils.alloca_once(builder, parts.line) for _ in range(pieces)] for _ in range(ROWS)]
        left, starts, aims, masks_from = cgutils.alloca_once(builder, ir.IntType(64)), [], [], []
        later = builder.load(builder.gep(offsets_at, [last_tap]))
        for p in range(ROWS):
            pixel = _least(builder, builder.add(first, _word(p)), last)
            starts.append(lines.at(source, builder.load(builder.gep(bases_at, [pixel]))))
            masks_from.append(builder.gep(masks_at, [builder.add(mask_from, builder.mul(pixel, words))]))
            coming = builder.load(builder.gep(bases_at, [_least(builder, builder.add(pixel, _word(ROWS)), last)]))
            prefetch(builder, lines.at(lines.at(source, coming), later), SOON)
            place = _least(builder, builder.add(place_first, _word(p)), place_last)
            aims.append(lines.at(target, builder.load(builder.gep(places_at, [place]))))
            prefetch(builder, aims[p], TO_BE_WRITTEN)
            for cell in cells[p]:
                builder.store(parts.zero, cell)

        def add(cell: Any, left: Any, right: Any) -> None:
            builder.store(parts.fma(left, right, builder.load(cell)), cell)

        with cgutils.for_range(builder, words) as word:
            own_masks = [builder.load(builder.gep(place, [word.index])) for place in masks_from]
            some = functools.reduce(builder.or_, own_masks)
            builder.store(some, left)
            with cgutils.for_range(builder, builder.ctpop(some)):
                rest = builder.load(left)
                bit = builder.cttz(rest, ir.Constant(ir.IntType(1), 1))
                builder.store(builder.and_(rest, builder.sub(rest, _word(1))), left)
                tap = builder.add(builder.mul(word.index, _word(WORD)), bit)
                offset = builder.load(builder.gep(offsets_at, [tap]))
                here = [
                    _seen(builder, mask, bit, lines.at(start, offset), nothing)
                    for mask, start in zip(own_masks, starts, strict=True)
                ]
                if not wide:
                    own = lines.at(weights, builder.mul(tap, _word(channels * width)))
                    seen = [lines.load(place) for place in here]
                    for c in range(channels):
                        right = lines.load(lines.at(own, c * width))
                        for p in range(ROWS):
                            add(cells[p][0], _spread_in_groups(lines, seen[p], lanes_of_group, c), right)
                else:
                    own = lines.at(weights, builder.mul(tap, builder.mul(step_count, _word(UNROLL * width))))
                    with cgutils.for_range(builder, step_count) as step:
                        at = builder.mul(step.index, _word(UNROLL))
                        row = lines.at(own, builder.mul(step.index, _word(UNROLL * width)))
                        for c in range(UNROLL):
                            halves = [parts.load(lines.at(row, c * width + h * parts.count)) for h in range(pieces)]
                            for p in range(ROWS):  # the halves in turn: they lie in different banks of the cache
                                for h, right in enumerate(halves):
                                    one = parts.spread(lines.at(lines.at(here[p], at), c + h * parts.count))
                                    add(cells[p][h], one, right)
        bias = lines.at(context.make_array(kinds[16][0])(context, builder, biases).data, bias_from)
        factor = parts.everywhere(below)
        for p in range(ROWS):
            for h, cell in enumerate(cells[p]):
                total = builder.fadd(builder.load(cell), parts.load(lines.at(bias, h * parts.count)))
                under = builder.select(cut, parts.zero, builder.fmul(total, factor))
                value = builder.select(builder.fcmp_ordered("<", total, parts.zero), under, total)
                parts.store(value, lines.at(aims[p], h * parts.count))
        return context.get_dummy_value()

    word = types.int64
    return types.void(
        span, inside, y, word, places, x, word, bases, pixels, offsets, masks, taps, zeros, w, word, word, epilogue
    ), build  # fmt: skip


@literal_intrinsic
def sum_pixels(
    typing: Any, span: Any, inside: Any, out: Any, out_at: Any, out_step: Any, x: Any, x_at: Any, bases: Any,
    count: Any, offsets: Any, masks: Any, mask: Any, zeros: Any, taps: Any, channel: Any, dy: Any, dy_at: Any,
    places: Any, add: Any, ahead: Any,
) -> Any:  # fmt: skip
    """Lines of dw for some taps:

        out[out_at + tap·out_step + c·L] (+)= Σ_pixel x[x_at + base + offset + c] · dy[dy_at + place]

    span, inside: as in `sum_taps`. A narrow group's `taps_at_once` taps are taken with all channels, a wide one's first tap
    with `channels_at_once` from `channel` on, and without the pixels for which it falls outside.
    masks, mask: where the first pixel's number for these taps lies, and how far the next pixel's.
    taps: the first tap, and the last one that there is (later ones are it again), all of one number of a mask.
    ahead: how far behind what is read of x and of dy lies what is fetched for later, the next unit's.
    """
    lanes_of_group, channels = span.literal_value, inside.literal_value

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines, kinds = Lines(builder, out.dtype), signature.args
        target, source, bases_at, offsets_at, masks_at, nothing, small, places_at = (
            _data(context, builder, kinds[i], values[i]) for i in (2, 5, 7, 9, 10, 12, 15, 17)
        )
        out_from, tap_step, x_from, number, first_channel, dy_from, adds = (values[i] for i in (3, 4, 6, 8, 14, 16, 18))
        mask_from, mask_step = (builder.extract_value(values[11], i) for i in range(2))
        x_ahead, dy_ahead = (builder.extract_value(values[19], i) for i in range(2))
        first, last = (builder.extract_value(values[13], i) for i in range(2))
        width = lines.count
        wide = spreads(width, lanes_of_group)
        pieces = max(1, width // lanes_of_group) if wide else 1
        parts = Lines(builder, out.dtype, width // pieces)
        turns, each = taps_at_once(channels), channels or channels_at_once(width, lanes_of_group)
        source, target, small = lines.at(source, x_from), lines.at(target, out_from), lines.at(small, dy_from)
        if wide:
            source = lines.at(source, first_channel)
            target = lines.at(target, builder.mul(first_channel, _word(width)))
        starts, bits, cells = [], [], []
        for t in range(turns):
            tap = _least(builder, builder.add(first, _word(t)), last)
            starts.append(lines.at(source, builder.load(builder.gep(offsets_at, [tap]))))
            bits.append(builder.and_(tap, _word(WORD - 1)))
            row = lines.at(target, builder.mul(tap, tap_step))
            for k in range(each * pieces):
                place, cell = lines.at(row, k * parts.count), cgutils.alloca_once(builder, parts.line)
                builder.store(builder.select(adds, parts.load(place), parts.zero), cell)
                cells.append((place, cell))

        def multiply(pixel: Any, mask: Any) -> None:
            base = builder.load(builder.gep(bases_at, [pixel]))
            beside = lines.at(small, builder.load(builder.gep(places_at, [pixel])))
            right = [parts.load(lines.at(beside, h * parts.count)) for h in range(pieces)]
            prefetch(builder, lines.at(lines.at(starts[0], base), x_ahead), AHEAD_OF_TIME)
            prefetch(builder, lines.at(beside, dy_ahead), AHEAD_OF_TIME)
            for t, start in enumerate(starts):
                here = lines.at(start, base)
                seen = None if wide else lines.load(_seen(builder, mask, bits[t], here, nothing))
                for k in range(each * pieces):
                    cell, (c, h) = cells[t * each * pieces + k][1], divmod(k, pieces)
                    if seen is None:
                        left = parts.spread(lines.at(here, c + h * parts.count))
                    else:
                        left = _spread_in_groups(lines, seen, lanes_of_group, c)
                    builder.store(parts.fma(left, right[h], builder.load(cell)), cell)

        with cgutils.for_range(builder, number) as pixel:
            mask = builder.load(builder.gep(masks_at, [builder.add(mask_from, builder.mul(pixel.index, mask_step))]))
            if wide:
                with builder.if_then(_is_set(builder, mask, bits[0]), likely=True):
                    multiply(pixel.index, mask)
            else:
                multiply(pixel.index, mask)
        for place, cell in cells:
            parts.store(builder.load(cell), place)
        return context.get_dummy_value()

    word = types.int64
    return types.void(
        span, inside, out, word, word, x, word, bases, word, offsets, masks, mask, zeros, taps, word, dy, word, places,
        types.boolean, ahead,
    ), build  # fmt: skip
