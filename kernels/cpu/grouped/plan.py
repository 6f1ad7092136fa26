"""The plan: how channels lie in lines, how images are divided, tables of pixels, and the calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, DType

from ... import threads
from ...geometry import Geometry
from ...interfaces import Into
from ...reference.placing import place
from .. import pool
from ..costs import up
from ..heap import empty
from ..layouts import contiguous, flat, read_only
from ..vectors import TRANSPOSED_ROWS as ROWS
from ..vectors import lanes
from ..workspace import aligned, buffer
from .contractions import Blocks, Gather, Side, gather_item, pack_weights, unpack_weights, weight_item
from .tiles import UNROLL, channels_at_once, spreads, taps_at_once

PIXELS = 384
"""Lines of one unit that are copied at a time: half of the first-level cache."""
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
    tables: tuple[Array, Array, Array]
    taps: Array
    """The kernel's taps, in the order in which they are met."""
    deep: int
    """Lines of packed weights for a tap."""
    copies: int
    """Numbers that a thread copies."""
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


class GroupedPlan:
    """The three sums of one geometry."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def prepare_weight(self, weight: Array) -> Weights:
        """Return the weights, which are packed when they are first needed."""
        return Weights(self, weight)

    def prepare_large(self, large: Array) -> Array:
        """Return a as it is."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """Return b as it is."""
        return contiguous(small)

    def to_small(self, weight: Weights, large: Array) -> Array:
        """Return b: one sum over the taps of each place."""
        small = empty(self.geometry.small_shape, large.dtype)
        for number, work in enumerate(_to_small(self.geometry, large.dtype)):
            self._gather(work, weight.packed(work, False, number), large, small)
        return small

    def to_large(self, weight: Weights, small: Array) -> Array:
        """Return a: for each phase of the stride one sum over those taps that reach its pixels."""
        large = empty(self.geometry.large_shape, small.dtype)
        for number, work in enumerate(_to_large(self.geometry, small.dtype)):
            self._gather(work, weight.packed(work, True, number), small, large)
        return large

    def _gather(self, work: Work, weight: Array, source: Array, target: Array) -> None:
        dtype, count = source.dtype, threads.count()
        copies = buffer("copies", count * work.copies, dtype)
        spares = buffer("spares", count * ROWS * lanes(dtype), dtype)
        arguments = (
            work.span, work.inside, work.gather, work.blocks, work.sides, read_only(source), weight, work.tables,
            (copies, spares, _spare_places(lanes(dtype))), flat(target),
        )  # fmt: skip
        pool.run(gather_item, (dtype, work.span, work.inside), work.items, arguments, constants=2)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw, summed by splits of the images where there are few units."""
        dtype, count, line = large.dtype, threads.count(), lanes(large.dtype)
        (work,) = _to_small(self.geometry, dtype)
        gather, blocks, (side, aim) = work.gather, work.blocks, work.sides
        at_once = work.inside or channels_at_once(line, side.span)
        deep = up(side.inside, at_once)
        pace = taps_at_once(line, work.inside), at_once, deep
        size = blocks.units * aim.lines * work.taps.size * deep * line
        blocks_of_units, runs = -(-blocks.units // blocks.block), -(-gather.batch // blocks.images)
        wanted = max(1, min(runs, ITEMS, SPLITS // size))
        shares = -(-blocks_of_units // -(-ITEMS // wanted)), -(-runs // wanted) * blocks.images
        splits = -(-gather.batch // shares[1])
        partial = buffer("dw", splits * size, dtype)
        smalls = buffer("smalls", count * blocks.block * blocks.small_plane, dtype)
        buffers = buffer("copies", count * work.copies, dtype), smalls
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


def _table(values: Any) -> Array:
    table = np.ascontiguousarray(values, np.int64).reshape(-1)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=256)
def _to_small(geometry: Geometry, dtype: DType) -> tuple[Work]:
    """One sum: place i reads the rows i·sh − ph + u."""
    g = geometry
    start = (-g.padding[0], -g.padding[1])
    row = g.small[1] * g.small[2]
    gather = Gather(g.batch, g.large[:2], g.stride, start, g.kernel, g.small[:2], g.small[0] * row, 0, row)
    taps = np.arange(g.kernel[0] * g.kernel[1])
    return (_work(gather, g.small[2], _sides(g, dtype), taps, dtype),)


@lru_cache(maxsize=256)
def _to_large(geometry: Geometry, dtype: DType) -> tuple[Work, ...]:
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
        works.append(_work(gather, g.stride[1] * g.large[2], (b_side, a_side), taps, dtype))
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


def _work(gather: Gather, column: int, sides: tuple[Side, Side], taps: Any, dtype: DType) -> Work:
    """column: how far the next place along a row of the target lies."""
    (side, aim), line = sides, lanes(dtype)
    units = -(-side.channels // side.inside // side.together)
    block = min(units, max(1, LINES // side.lines))
    (height, width), (step, step_across) = gather.places, gather.step
    across = (width - 1) * step_across + gather.taps[1]
    room = max(1, PIXELS // side.lines // max(across, 1))  # rows
    least = max(1, -(-ITEMS // -(-units // block)))
    if room < (height - 1) * step + gather.taps[0]:
        images, rows = 1, max(1, (room - gather.taps[0]) // step + 1)
        rows = -(-height // -(-height // rows))
    else:
        images = max(1, min(room // max((height - 1) * step + gather.taps[0], 1), gather.batch // least))
        rows = height
    tall = (rows - 1) * step + gather.taps[0]
    pixel = side.lines * line
    planes = [_odd(images * tall * across * side.lines) * line, _odd(images * rows * width * aim.lines) * line]
    blocks = Blocks(units, block, images, -(-height // rows), rows, tall, across, planes[0], planes[1])
    image, i, j = np.ogrid[:images, :rows, :width]
    u, v = np.ogrid[: gather.taps[0], : gather.taps[1]]
    tables = (
        _table(((image * tall + i * step) * across + j * step_across) * pixel),
        _table(image * gather.image + i * gather.row + j * column),
        _table((u * across + v) * pixel),
    )
    wide = spreads(line, side.span)
    inside = 0 if wide else side.inside
    deep = up(side.inside, UNROLL) if wide else side.inside
    items = -(-units // block) * -(-gather.batch // images) * blocks.bands
    copies = block * blocks.plane
    taps = _table(taps)
    return Work(gather, blocks, sides, min(side.span, line), inside, tables, taps, deep, max(copies, 1), items)


def _odd(lines: int) -> int:
    """So many lines, and one more if they are even: copies at distances of a power of two would evict each other."""
    return lines | 1
