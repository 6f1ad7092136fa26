"""The three derivatives of T over a batch: points, products, and back to images or weights."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..compiled import inlined, inner
from ..product import Panels, Target, multiply_columns, multiply_lines
from ..transform import (
    Points,
    Tile,
    add_weight,
    read_large,
    read_small,
    write_large,
    write_small,
    write_weight,
)
from ..vectors import COLUMNS, ROWS, TRANSPOSED_ROWS, VECTOR_BYTES, add_part, clear_line
from .points import (
    DEPTH,
    PRODUCTS,
    TilePoints,
    fill,
    images_of_block,
    own_points,
    own_tile_points,
    panel_step,
    point_place,
    tile_place,
    weight_points,
)

BREADTH = 64
"""d of one block of U: with M of a block of tiles it stays in the second-level cache."""
GRADIENT_BREADTH, GRADIENT_PANELS = 64, 16
"""d of one block of dU (its k are chosen so that there are enough blocks), and panels of tiles summed at a time: those of
dM for one panel of d then stay in the first-level cache for all k."""


class Scratch(NamedTuple):
    """Memory of each thread for one block of U and one of M, and how far their points lie apart."""

    u: Any
    u_gap: int
    m: Any
    m_gap: int


class Steps(NamedTuple):
    """The part of a weight gradient that one run of `weight_item` does."""

    share: int
    """Rows k of dU that an item sums."""
    kept: bool
    """Whether dU is kept from one group of images to the next."""
    first: bool
    last: bool
    """Whether this is the first group, whose sums begin at 0, or the last one, after which dw is written."""
    add: bool
    """Whether dw is added to what is there."""


class Split(NamedTuple):
    """How the sum over all blocks is split among items (split-K)."""

    splits: int
    blocks: int
    at_once: int
    """Blocks whose points a thread has in memory at a time."""


class Reduction(NamedTuple):
    """How the splits of a weight gradient become one."""

    splits: int
    share: int
    """Rows k of dU that an item adds, of `depth` in all."""
    depth: int
    add: bool
    """Whether dw is added to what is there."""


@inlined
def _products(taps: int, points: Any, first_panel: int, blocks: Any, kernel: Any, d_range: Any, u: Any, m: Any) -> None:
    """Compute M = Σ_k points·U for one block of tiles and a range of d, each point for the panels that need it.

    To the large image the others have dM = 0 there, so M is 0; to the small one nobody reads their M.
    """
    line, width = VECTOR_BYTES // kernel.values.itemsize, d_range[1] - d_range[0]
    panel, sums, left, right = COLUMNS * line, m.values, points.values, u.values
    for k0 in range(0, points.depth, DEPTH):
        k1 = min(points.depth, k0 + DEPTH)
        weight_points(taps, kernel, blocks, (k0, k1), d_range, u)
        for point in range(PRODUCTS):
            first, last = blocks.needed[2 * point], blocks.needed[2 * point + 1]
            if k0 == 0 and not kernel.phased:
                origin = m.start + point * m.gap
                for place in range(origin, origin + first * ROWS * width, line):
                    clear_line(sums, place)
                for place in range(origin + last * ROWS * width, origin + blocks.panels * ROWS * width, line):
                    clear_line(sums, place)
            for d in range(0, width, panel):
                for i in range(first, last):
                    start = m.start + point * m.gap + i * ROWS * width + d
                    left_at = point_place(points.slots, points.depth, first_panel + i, k0, line)
                    multiply_lines(
                        sums,
                        Target(start, width, ROWS, panel, k0 > 0),
                        left,
                        points.start + point * points.gap + left_at,
                        right,
                        u.start + point * u.gap + d * (k1 - k0),
                        (k1 - k0) // line,
                    )


@inlined
def _image_item(
    read: Any,
    write: Any,
    index: int,
    thread: int,
    taps: int,
    source: Any,
    points: Any,
    blocks: Any,
    kernel: Any,
    scratch: Any,
    target: Any,
) -> None:
    """One block of tiles and a range of (phase, channel) d of the target image; if `alone`, a whole block and all d.

    A block's tiles meet no other block's, and different d different channels: no two items write to the same place.
    read, write: the transformations of both images, which decide what is compiled: this becomes part of the two below.
    """
    line, breadth = VECTOR_BYTES // target.values.itemsize, target.phases_high * target.phases_wide * target.channels
    chunks = (breadth + BREADTH - 1) // BREADTH
    u = Points(scratch.u, thread * PRODUCTS * scratch.u_gap, scratch.u_gap)
    m = Points(scratch.m, thread * PRODUCTS * scratch.m_gap, scratch.m_gap)
    block, d_first, d_last, owner = index // chunks, index % chunks * BREADTH, index % chunks * BREADTH + 1, 0
    slot = block * blocks.panels
    if blocks.alone:
        block, d_first, d_last, owner, slot = index, 0, breadth, thread, 0
    v_start = points.start + owner * PRODUCTS * points.gap
    given = TilePoints(points.values, v_start, points.gap, points.slots, points.depth)
    if blocks.alone:
        for panel in range(blocks.panels):
            fill(read, taps, source, blocks, block, panel, panel, given)
    for d0 in range(d_first, d_last, BREADTH):
        d1 = min(breadth, d0 + BREADTH)
        _products(taps, given, slot, blocks, kernel, (d0, d1), u, m)
        for number in range(images_of_block(block, blocks) * blocks.per_image):
            tile = blocks.places[4 * number + 3]
            image, down, across = tile_place(tile, blocks)
            start = (block * blocks.block_images + image) * target.size
            for d in range(0, d1 - d0, line):
                phase, channel = (d0 + d) // target.channels, (d0 + d) % target.channels
                place = Tile(
                    start + channel,
                    (down * target.phases_high + phase // target.phases_wide) * target.entries,
                    (across * target.phases_wide + phase % target.phases_wide) * target.entries,
                    down > 0,
                    across > 0,
                )
                write(taps, m, tile * (d1 - d0) + d, target, place)


@inner
def small_item(
    index: int, thread: int, taps: int, a: Any, v: Any, blocks: Any, kernel: Any, scratch: Any, b: Any
) -> None:
    """Compute b = Aᵀ(Σ V·U)A for one item."""
    _image_item(read_large, write_small, index, thread, taps, a, v, blocks, kernel, scratch, b)


@inner
def large_item(
    index: int, thread: int, taps: int, b: Any, dm: Any, blocks: Any, kernel: Any, scratch: Any, a: Any
) -> None:
    """Compute a = Σ_tiles B(Σ dM·Uᵀ)Bᵀ for one item."""
    _image_item(read_small, write_large, index, thread, taps, b, dm, blocks, kernel, scratch, a)


@inlined
def _gradient(
    v: Any, dm: Any, blocks: Any, count: int, k_range: Any, d_range: Any, du: Any, width: int, accumulate: bool
) -> Any:
    """Set dU, or add to it, Σ_tiles V·dM for a range of k and one of d, rows `width` apart, over `count` blocks of tiles.

    Panels that do not need a point have dM = 0 there and are left out.
    """
    (k0, k1), (d0, d1) = k_range, d_range
    line = VECTOR_BYTES // du.values.itemsize
    panel, sums, left, right = COLUMNS * line, du.values, v.values, dm.values
    for point in range(PRODUCTS):
        first, last = blocks.needed[2 * point], blocks.needed[2 * point + 1]
        runs, step, origin = count, blocks.panels, du.start + point * du.gap
        if last - first == blocks.panels:  # all panels of all blocks are one run
            runs, last = 1, count * blocks.panels
        if first == last and not accumulate:
            for k in range(k0, k1):
                for d in range(0, d1 - d0, line):
                    clear_line(sums, origin + (k - k0) * width + d)
        for run in range(runs):
            for p in range(run * step + first, run * step + last, GRADIENT_PANELS):
                together, add = min(GRADIENT_PANELS, run * step + last - p), p > first or accumulate
                for d in range(d0, d1, panel):
                    for k in range(k0, k1, TRANSPOSED_ROWS):
                        k_line, start = k // line * line, origin + (k - k0) * width + d - d0
                        v_start = v.start + point * v.gap + point_place(v.slots, v.depth, p, k_line, line) + k - k_line
                        dm_start = dm.start + point * dm.gap + point_place(dm.slots, dm.depth, p, d, line)
                        multiply_columns(
                            sums,
                            Target(start, width, TRANSPOSED_ROWS, panel, add),
                            left,
                            Panels(v_start, panel_step(v.depth, k, line)),
                            right,
                            Panels(dm_start, panel_step(dm.depth, d, line)),
                            together,
                        )


@inlined
def _write_weights(taps: int, du: Any, width: int, k_range: Any, d_range: Any, add: bool, kernel: Any) -> Any:
    """Set dw, or add to it, Gᵀ·dU·G for a range of k and one of d."""
    (k0, k1), (d0, d1) = k_range, d_range
    for k in range(k0, k1):
        phase, start = k // kernel.height, k % kernel.height * kernel.breadth + d0
        row, column = phase // kernel.phases_wide * taps, phase % kernel.phases_wide * taps
        for d in range(0, d1 - d0, VECTOR_BYTES // kernel.values.itemsize):
            place, tile = (k - k0) * width + d, Tile(start + d, row, column, False, False)
            if add:
                add_weight(taps, du, place, kernel, tile)
            else:
                write_weight(taps, du, place, kernel, tile)


@inner
def weight_item(
    index: int, thread: int, taps: int, v: Any, dm: Any, blocks: Any, count: int, du: Any, steps: Any, kernel: Any
) -> None:
    """Compute `share` of k and a range of d of dU over all tiles of a group; after the last group, of dw."""
    chunks = (dm.depth + GRADIENT_BREADTH - 1) // GRADIENT_BREADTH
    k0, d0 = index // chunks * steps.share, index % chunks * GRADIENT_BREADTH
    k_range, d_range = (k0, min(v.depth, k0 + steps.share)), (d0, min(dm.depth, d0 + GRADIENT_BREADTH))
    width, sums = d_range[1] - d0, own_points(du, index if steps.kept else thread)
    _gradient(v, dm, blocks, count, k_range, d_range, sums, width, not steps.first)
    if steps.last:
        _write_weights(taps, sums, width, k_range, d_range, steps.add, kernel)


@inner
def split_item(index: int, thread: int, taps: int, split: Any, a: Any, b: Any, blocks: Any, points: Any) -> None:
    """Compute all of dU over one split of the blocks, from points of the thread's own; points: (V, dM, dU)."""
    v, dm, sums = own_tile_points(points[0], thread), own_tile_points(points[1], thread), own_points(points[2], index)
    begin, end = index * split.blocks // split.splits, (index + 1) * split.blocks // split.splits
    for first in range(begin, end, split.at_once):
        here = min(split.at_once, end - first)
        for slot in range(here * blocks.panels):
            block, panel = first + slot // blocks.panels, slot % blocks.panels
            fill(read_large, taps, a, blocks, block, panel, slot, v)
            fill(read_small, taps, b, blocks, block, panel, slot, dm)
        for k0 in range(0, v.depth, DEPTH):
            k_range = (k0, min(v.depth, k0 + DEPTH))
            for d0 in range(0, dm.depth, GRADIENT_BREADTH):
                d_range = (d0, min(dm.depth, d0 + GRADIENT_BREADTH))
                du = Points(sums.values, sums.start + k0 * dm.depth + d0, sums.gap)
                _gradient(v, dm, blocks, here, k_range, d_range, du, dm.depth, first > begin)


@inner
def reduce_item(index: int, thread: int, taps: int, reduction: Any, du: Any, kernel: Any) -> None:
    """Compute `share` of k of dw: the splits of dU are added in their order, then transformed."""
    breadth, line, share = kernel.breadth, VECTOR_BYTES // du.values.itemsize, reduction.share
    k0, k1 = index * share, min(reduction.depth, (index + 1) * share)
    for split in range(1, reduction.splits):
        for point in range(PRODUCTS):
            for place in range(point * du.gap + k0 * breadth, point * du.gap + k1 * breadth, line):
                add_part(du.values, split * PRODUCTS * du.gap + place, line, du.values, place)
    sums = Points(du.values, k0 * breadth, du.gap)
    _write_weights(taps, sums, breadth, (k0, k1), (0, breadth), reduction.add, kernel)


@inner
def zero(index: int, thread: int, shares: int, values: Any) -> None:
    """Set a share of the values to 0."""
    share = (values.size + shares - 1) // shares
    for place in range(index * share, min((index + 1) * share, values.size)):
        values[place] = 0
