"""The plan: how channels lie in lines, how images are divided, tables of pixels, and the calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, DType

from ... import threads
from ...geometry import Geometry
from ...interfaces import Activation, Into
from ...reference.placing import place
from .. import pool
from ..activation import RELU, BiasActivation, kind_and_slope
from ..as_given import ImagesAsGiven
from ..blocked import Epilogue
from ..costs import up
from ..heap import empty, on_a_line
from ..layouts import contiguous, flat, read_only
from ..vectors import TRANSPOSED_ROWS as ROWS
from ..vectors import lanes
from ..workspace import aligned, buffer
from .contractions import Blocks, Gather, Side, Tables, gather_item, pack_weights, unpack_weights, weight_item
from .tiles import UNROLL, WORD, channels_at_once, spreads, taps_at_once

PIXELS = 384
"""Lines of one unit that are copied at a time: half of the first-level cache."""
SUMMED = 192
"""The same for the weights' gradient of a wide group, which reads all of them again for each tap, and as many of dy."""
LINES = 8
"""Lines that are copied side by side: neighbours in memory, which are fetched together."""
ITEMS = 16
"""Pieces of work that there should be at least."""
SPLITS = 1 << 20
"""Numbers of all splits of dw together, which are added up at the end."""


class Work(NamedTuple):
    """A `Gather` with all that its pieces of work are told."""

    gather: Gather
    blocks: Blocks
    sides: tuple[Side, Side]
    """Of the source, and of the target."""
    span: int
    """What the code is made for: the lanes of a group, at most a line."""
    inside: int
    """And the channels of a group in the source; 0 for a wide one."""
    tables: Tables
    taps: Array
    """The kernel's taps, in the order in which they are met."""
    deep: int
    """Lines of packed weights for a tap."""
    copies: int
    """Numbers that a thread copies."""
    zeros: int
    """Numbers that are read for a tap that falls outside."""
    items: int


class Weights:
    """The weights of a grouped convolution, which are packed for each sum when it is first asked for."""

    def __init__(self, plan: GroupedPlan, weight: Array) -> None:
        self._plan, self._weight = plan, read_only(contiguous(weight))
        self._packed: dict[tuple[bool, int], Array] = {}

    def packed(self, work: Work, transposed: bool, number: int) -> Array:
        """Return the lines that sum `number` of a direction reads."""
        found = self._packed.get((transposed, number))
        if found is None:
            dtype, aim = self._weight.dtype, work.sides[1]
            size = work.blocks.units * aim.lines * work.taps.size * work.deep * lanes(dtype)
            target = aligned(max(size, 1), dtype)
            shape = self._plan.geometry.weight_shape
            arguments = (self._weight, (*shape[2:], transposed), work.sides, work.deep, work.taps, target)
            pool.run(pack_weights, dtype, work.blocks.units, arguments)
            found = self._packed[transposed, number] = read_only(target)
        return found


class GroupedPlan(ImagesAsGiven):
    """The three sums of one geometry."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def prepare_weight(self, weight: Array) -> Weights:
        """Return the weights, which are packed when they are first needed."""
        return Weights(self, weight)

    def to_small(self, weight: Weights, large: Array) -> Array:
        """Return b: one sum over the taps of each place."""
        return self.to_small_with_epilogue(weight, large, None, Activation())

    def to_large(self, weight: Weights, small: Array) -> Array:
        """Return a: for each phase of the stride one sum over those taps that reach its pixels."""
        return self.to_large_with_epilogue(weight, small, None, Activation())

    def to_small_with_epilogue(
        self, weight: Weights, large: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(b + bias): f of lines of sums that are still in registers, where it is linear above and below 0."""
        small = empty(self.geometry.small_shape, large.dtype)
        works = _to_small(self.geometry, large.dtype, (on_a_line(large), True))
        return self._sums(works, weight, False, large, small, Epilogue(bias, activation))

    def to_large_with_epilogue(
        self, weight: Weights, small: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(a + bias), in the same way."""
        large = empty(self.geometry.large_shape, small.dtype)
        works = _to_large(self.geometry, small.dtype, on_a_line(small))
        return self._sums(works, weight, True, small, large, Epilogue(bias, activation))

    def _sums(
        self, works: tuple[Work, ...], weight: Weights, transposed: bool, source: Array, target: Array, end: Epilogue
    ) -> Array:
        """All sums of a direction, of which each makes some pixels."""
        apart = end.activation.kind in ("tanh", "sigmoid")  # which take more than a line's registers
        now = Epilogue(None, Activation()) if apart else end
        for number, work in enumerate(works):
            self._gather(work, weight.packed(work, transposed, number), source, target, now)
        return BiasActivation().forward(target, *end, in_place=True) if apart else target

    def _gather(self, work: Work, weight: Array, source: Array, target: Array, epilogue: Epilogue) -> None:
        dtype, count = source.dtype, threads.count()
        copies = buffer("copies", count * work.copies, dtype)
        spares = buffer("spares", count * ROWS * lanes(dtype), dtype)
        kind, slope = kind_and_slope(epilogue.activation)
        ends = (_lines_of(epilogue.bias, work.blocks.units, work.sides[1], dtype), kind == RELU, slope)
        buffers = copies, read_only(copies), _zeros(work.zeros, dtype), spares, _spare_places(lanes(dtype))
        arguments = (
            work.span, work.inside, work.gather, work.blocks, work.sides, read_only(source), weight, work.tables,
            buffers, ends, flat(target),
        )  # fmt: skip
        pool.run(gather_item, (dtype, work.span, work.inside), work.items, arguments, constants=2)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw, summed by splits of the images where there are few units."""
        dtype, count, line = large.dtype, threads.count(), lanes(large.dtype)
        wide = spreads(line, _sides(self.geometry, dtype)[0].span)
        (work,) = _to_small(self.geometry, dtype, (on_a_line(large), on_a_line(small)), SUMMED if wide else PIXELS)
        gather, blocks, (side, aim) = work.gather, work.blocks, work.sides
        at_once = work.inside or channels_at_once(line, side.span)
        deep = up(side.inside, at_once)
        pace = taps_at_once(work.inside), at_once, deep
        size = blocks.units * aim.lines * work.taps.size * deep * line
        blocks_of_units, runs = -(-blocks.units // blocks.block), -(-gather.batch // blocks.images)
        wanted = max(1, min(runs, ITEMS, SPLITS // size))
        shares = -(-blocks_of_units // -(-ITEMS // wanted)), -(-runs // wanted) * blocks.images
        splits = -(-gather.batch // shares[1])
        partial = buffer("dw", splits * size, dtype)
        copies = buffer("copies", count * work.copies, dtype)
        smalls = buffer("smalls", 1 if blocks.straight[1] else count * blocks.block * blocks.small_plane, dtype)
        buffers = copies, read_only(copies), smalls, read_only(smalls), _zeros(work.zeros, dtype)
        arguments = (
            work.span, work.inside, gather, blocks, work.sides, shares, pace, read_only(large), read_only(small),
            work.tables, buffers, partial,
        )  # fmt: skip
        items = -(-blocks_of_units // shares[0]) * splits
        pool.run(weight_item, (dtype, work.span, work.inside), items, arguments, constants=2)
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else empty(self.geometry.weight_shape, dtype)
        add = into is not None and direct and into.add
        shape = (work.taps.size, blocks.units)
        taken = (read_only(partial), shape, work.sides, deep, splits, add, flat(weight))
        pool.run(unpack_weights, dtype, blocks.units, taken)
        return weight if into is None or direct else place(weight, into)


class Grouped:
    """Convolution in groups, from one channel each on."""

    def plan(self, geometry: Geometry) -> GroupedPlan:
        """Return the plan of a geometry, which is made once."""
        return _plan(geometry)


_plan = lru_cache(maxsize=256)(GroupedPlan)


@lru_cache(maxsize=8)
def _spare_places(line: int) -> Array:
    return _table(np.arange(ROWS) * line)


@lru_cache(maxsize=8)
def _zeros(size: int, dtype: DType) -> Array:
    return read_only(np.zeros(size, dtype))


def _lines_of(bias: Array | None, units: int, side: Side, dtype: DType) -> Array:
    """A bias in lines, as units have them."""
    if bias is None:
        return _zeros(units * side.lines * lanes(dtype), dtype)
    padded = np.zeros((units * side.together, side.span), dtype)
    padded[: side.channels // side.inside, : side.inside] = bias.reshape(-1, side.inside)
    return read_only(padded)


def _table(values: Any) -> Array:
    table = np.ascontiguousarray(values, np.int64).reshape(-1)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=256)
def _to_small(geometry: Geometry, dtype: DType, on_lines: tuple[bool, bool], at_once: int = PIXELS) -> tuple[Work]:
    """One sum: place i reads the rows i·sh − ph + u."""
    g = geometry
    start = (-g.padding[0], -g.padding[1])
    row = g.small[1] * g.small[2]
    gather = Gather(g.batch, g.large[:2], g.stride, start, g.kernel, g.small[:2], g.small[0] * row, 0, row)
    taps = np.arange(g.kernel[0] * g.kernel[1])
    return (_work(gather, g.small[2], _sides(g, dtype), taps, dtype, on_lines, at_once),)


@lru_cache(maxsize=256)
def _to_large(geometry: Geometry, dtype: DType, on_line: bool) -> tuple[Work, ...]:
    """A sum for each phase: pixel r = s·m + phase of a gets from b's rows (r + p − u)/s, for the taps u where that is whole.

    Those are u = u₀ + s·k with u₀ = (phase + p) mod s, at the rows m + (phase + p − u₀)/s − k: the last tap first.
    """
    g, (a_side, b_side) = geometry, _sides(geometry, dtype)
    row = g.large[1] * g.large[2]
    works = []
    for phase in np.ndindex(*(min(s, size) for s, size in zip(g.stride, g.large[:2], strict=True))):
        starts, counts, orders, places = [], [], [], []
        for axis in (0, 1):
            stride, kernel = g.stride[axis], g.kernel[axis]
            first = (phase[axis] + g.padding[axis]) % stride
            order = np.arange(first, kernel, stride)[::-1]
            starts.append((phase[axis] + g.padding[axis] - first) // stride - len(order) + 1)
            counts.append(len(order))
            orders.append(order)
            places.append(-(-(g.large[axis] - phase[axis]) // stride))
        gather = Gather(
            g.batch, g.small[:2], (1, 1), (starts[0], starts[1]), (counts[0], counts[1]), (places[0], places[1]),
            g.large[0] * row, phase[0] * row + phase[1] * g.large[2], g.stride[0] * row,
        )  # fmt: skip
        taps = (orders[0][:, None] * g.kernel[1] + orders[1]).reshape(-1)
        works.append(_work(gather, g.stride[1] * g.large[2], (b_side, a_side), taps, dtype, (on_line, True)))
    return tuple(works)


def _sides(geometry: Geometry, dtype: DType) -> tuple[Side, Side]:
    """How the channels of a and of b lie in lines."""
    line, groups = lanes(dtype), geometry.groups
    inside = [geometry.large[2] // groups, geometry.small[2] // groups]
    narrow = 1
    while narrow < max(inside):
        narrow *= 2
    if narrow <= line:
        sides = [Side(groups * each, each, narrow, line // narrow, 1) for each in inside]
    else:
        sides = [Side(groups * each, each, up(each, line), 1, up(each, line) // line) for each in inside]
    return sides[0], sides[1]


def _work(
    gather: Gather,
    column: int,
    sides: tuple[Side, Side],
    taps: Any,
    dtype: DType,
    on_lines: tuple[bool, bool],
    at_once: int = PIXELS,
) -> Work:
    """column: how far the next place along a row of the target lies. on_lines: whether source and target begin on a line.

    at_once: lines of one unit that an item has, about.
    """
    (side, aim), line = sides, lanes(dtype)
    units = -(-side.channels // side.inside // side.together)
    block = min(units, max(1, LINES // side.lines))
    (height, width), (step, step_across) = gather.places, gather.step
    across = (width - 1) * step_across + gather.taps[1]
    room = max(1, at_once // side.lines // max(across, 1))  # rows
    least = max(1, -(-ITEMS // -(-units // block)))
    if room < (height - 1) * step + gather.taps[0]:
        images, rows = 1, max(1, (room - gather.taps[0]) // step + 1)
        rows = -(-height // -(-height // rows))
    else:
        images = max(1, min(room // max((height - 1) * step + gather.taps[0], 1), gather.batch // least))
        rows = height
    if gather.source == (1, 1):
        # Pixels in the order of places, so that a tile has as few taps as can be: all items alike
        images, rows = next(count for count in range(2 * ROWS, 0, -1) if gather.batch % count == 0), height
    tall = (rows - 1) * step + gather.taps[0]
    straight = on_lines[0] and taps.size > 0 and _fills(side, units, line), on_lines[1] and _fills(aim, units, line)
    planes = [_odd(images * tall * across * side.lines) * line, _odd(images * rows * width * aim.lines) * line]
    wide = spreads(line, side.span)
    inside = 0 if wide else side.inside
    deep = up(side.inside, UNROLL) if wide else side.inside
    bands, words = -(-height // rows), -(-taps.size // WORD)
    pixels = images * rows * width
    blocks = Blocks(units, block, images, bands, rows, pixels, words, straight, tall, across, *planes)
    items = -(-units // block) * -(-gather.batch // images) * bands
    copies = 1 if straight[0] else max(block * blocks.plane, 1)
    tables = _tables(gather, blocks, sides, column, line)
    zeros = max(deep, line) + line
    return Work(gather, blocks, sides, min(side.span, line), inside, tables, _table(taps), deep, copies, zeros, items)


def _fills(side: Side, units: int, line: int) -> bool:
    """Whether the channels of all units fill their lines, side by side in the image as they would in a copy."""
    wide = side.together * side.inside
    return (
        (side.inside == side.span or side.together == 1) and wide == side.lines * line and units * wide == side.channels
    )


def _tables(gather: Gather, blocks: Blocks, sides: tuple[Side, Side], column: int, line: int) -> Tables:
    """Of the pixels of an item; those of a copy have all taps inside."""
    (side, aim), (step, step_across), (top, left) = sides, gather.step, gather.start
    image, i, j = np.ogrid[: blocks.images, : blocks.rows, : gather.places[1]]
    u, v = np.ogrid[: gather.taps[0], : gather.taps[1]]
    (height, width), pixel = gather.source, side.channels
    corner = (top * width + left) * pixel
    if not blocks.straight[0]:
        (height, width), pixel, corner = (blocks.height, blocks.width), side.lines * line, 0
    kinds, which = np.ones((1, 1), bool), np.zeros(blocks.bands, np.int64)
    across = np.ones((1, 1), bool)
    if blocks.straight[0]:
        rows = (np.arange(blocks.bands * blocks.rows) * step + top)[:, None] + u.reshape(-1)
        there = (rows >= 0) & (rows < height)
        kinds, which = np.unique(there.reshape(blocks.bands, -1), axis=0, return_inverse=True)
        columns = (np.arange(gather.places[1]) * step_across + left)[:, None] + v.reshape(-1)
        across = (columns >= 0) & (columns < width)
    shape = (len(kinds), blocks.images, blocks.rows, gather.places[1], *gather.taps)
    down = kinds.reshape(len(kinds), 1, -1, 1, gather.taps[0], 1) if blocks.straight[0] else kinds.reshape((1,) * 6)
    beside = across.reshape(1, 1, 1, -1, 1, gather.taps[1]) if blocks.straight[0] else across.reshape((1,) * 6)
    inside = np.broadcast_to(down & beside, shape)
    bases = ((image * height + i * step) * width + j * step_across) * pixel + corner
    places = image * gather.image + i * gather.row + j * column
    if gather.source == (1, 1):
        bases, places, inside = np.moveaxis(bases, 0, 2), np.moveaxis(places, 0, 2), np.moveaxis(inside, 1, 3)
    pixels = len(kinds) * blocks.pixels
    return Tables(
        _table(bases),
        _table((u * width + v) * pixel if gather.taps[0] * gather.taps[1] else 0),
        _bits(inside.reshape(pixels, gather.taps[0] * gather.taps[1])),
        _table(which),
        _table(places),
        _table(np.arange(blocks.pixels) * aim.lines * line),
        max(gather.taps[0] * gather.taps[1] - 1, 0),
    )


def _bits(rows: Any) -> Array:
    """Each row of truth values as whole numbers of WORD bits."""
    if rows.shape[1] == 0:
        return _table(0)
    padded = np.zeros((len(rows), up(rows.shape[1], WORD)), np.uint8)
    padded[:, : rows.shape[1]] = rows
    return _table(np.packbits(padded, axis=1, bitorder="little").view("<i8"))


def _odd(lines: int) -> int:
    """So many lines, and one more if they are even: copies at distances of a power of two would evict each other."""
    return lines | 1
