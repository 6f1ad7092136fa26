"""The three derivatives of T over a batch: points, products, and back to images or weights."""

from __future__ import annotations

from typing import Any

from ..compiled import inlined, inner
from ..product import multiply_columns, multiply_lines
from ..transform import add_large, add_weight, write_small, write_weight
from ..vectors import COLUMNS, LINE, ROWS, add_part
from .points import (
    DEPTH,
    PRODUCTS,
    SIDE,
    fill_large,
    fill_small,
    point_place,
    tile_place,
    tiles_of_block,
    weight_points,
)

BREADTH = 64
"""d of one block of U: with M of a block of tiles it stays in the second-level cache."""
GRADIENT_BREADTH, GRADIENT_PANELS = 64, 16
"""d of one block of dU (its k are chosen so that there are enough blocks), and panels of tiles summed at a time: those of
dM for one panel of d then stay in the first-level cache for all k."""


@inlined
def _products(
    taps: Any,
    points: Any,
    points_at: int,
    points_gap: int,
    depth: int,
    first_panel: int,
    panels: int,
    slots: int,
    weights: Any,
    phased: bool,
    d0: int,
    d1: int,
    u: Any,
    u_at: int,
    u_gap: int,
    m: Any,
    m_at: int,
    m_gap: int,
) -> None:
    """M = Σ_k points·U for one block of tiles and a range of d."""
    w, rows, columns, across, shape = weights
    line = LINE // w.itemsize
    panel, width = COLUMNS * line, d1 - d0
    for k0 in range(0, depth, DEPTH):
        k1 = min(depth, k0 + DEPTH)
        weight_points(taps, w, rows, columns, across, shape, phased, (k0, k1), (d0, d1), panel, u, u_at, u_gap)
        for point in range(PRODUCTS):
            for d in range(0, width, panel):
                for i in range(panels):
                    multiply_lines(
                        m,
                        m_at + point * m_gap + i * ROWS * width + d,
                        width,
                        points,
                        points_at + point * points_gap + point_place(first_panel + i, slots, k0, depth, line),
                        ROWS * line,
                        u,
                        u_at + point * u_gap + d * (k1 - k0),
                        line * panel,
                        (k1 - k0) // line,
                        k0 > 0,
                    )


@inner
def small_item(
    index: int,
    thread: int,
    alone: bool,
    taps: Any,
    a: Any,
    a_rows: Any,
    a_columns: Any,
    a_size: Any,
    stride: Any,
    v: Any,
    v_gap: int,
    slots: int,
    layout: Any,
    weights: Any,
    u: Any,
    u_gap: int,
    m: Any,
    m_gap: int,
    b: Any,
    rows: Any,
    columns: Any,
    size: Any,
) -> None:
    """One block of tiles and a range of d of the small image; `alone`, a whole block with points of the thread's own."""
    image_size, channels = size
    depth, panels, block_images = stride[0] * stride[1] * a_size[1], layout[0], layout[1]
    line, outputs = LINE // b.itemsize, SIDE + 1 - len(taps)
    chunks = (channels + BREADTH - 1) // BREADTH
    u_at, m_at = thread * PRODUCTS * u_gap, thread * PRODUCTS * m_gap
    block, d_first, d_last, v_at, slot = index // chunks, index % chunks * BREADTH, index % chunks * BREADTH + 1, 0, 0
    if alone:
        block, d_first, d_last, v_at = index, 0, channels, thread * PRODUCTS * v_gap
        for panel in range(panels):
            fill_large(block, panel, panel, slots, taps, a, a_rows, a_columns, layout, stride, a_size, v, v_at, v_gap)
    else:
        slot = block * panels
    for d0 in range(d_first, d_last, BREADTH):
        d1 = min(channels, d0 + BREADTH)
        _products(
            taps, v, v_at, v_gap, depth, slot, panels, slots, weights, True, d0, d1, u, u_at, u_gap, m, m_at, m_gap
        )
        for tile in range(tiles_of_block(block, layout)):
            image, down, across = tile_place(tile, layout)
            start = (block * block_images + image) * image_size + d0
            for d in range(0, d1 - d0, line):
                place = m_at + tile * (d1 - d0) + d
                write_small(taps, m, place, m_gap, b, start + d, rows, down * outputs, columns, across * outputs)


@inner
def large_item(
    index: int,
    thread: int,
    alone: bool,
    taps: Any,
    b: Any,
    b_rows: Any,
    b_columns: Any,
    b_size: Any,
    stride: Any,
    dm: Any,
    dm_gap: int,
    slots: int,
    layout: Any,
    weights: Any,
    u: Any,
    u_gap: int,
    m: Any,
    m_gap: int,
    a: Any,
    rows: Any,
    columns: Any,
    size: Any,
) -> None:
    """One block of tiles and a range of (phase, channel) of the large image, which no other item touches; or all."""
    image_size, channels = size
    sh, sw = stride
    depth, breadth, panels, block_images = b_size[1], sh * sw * channels, layout[0], layout[1]
    line = LINE // a.itemsize
    chunks = (breadth + BREADTH - 1) // BREADTH
    u_at, m_at = thread * PRODUCTS * u_gap, thread * PRODUCTS * m_gap
    block, d_first, d_last, dm_at, slot = index // chunks, index % chunks * BREADTH, index % chunks * BREADTH + 1, 0, 0
    if alone:
        block, d_first, d_last, dm_at = index, 0, breadth, thread * PRODUCTS * dm_gap
        for panel in range(panels):
            fill_small(block, panel, panel, slots, taps, b, b_rows, b_columns, layout, b_size, dm, dm_at, dm_gap)
    else:
        slot = block * panels
    for d0 in range(d_first, d_last, BREADTH):
        d1 = min(breadth, d0 + BREADTH)
        _products(
            taps, dm, dm_at, dm_gap, depth, slot, panels, slots, weights, False, d0, d1, u, u_at, u_gap, m, m_at, m_gap
        )
        for tile in range(tiles_of_block(block, layout)):
            image, down, across = tile_place(tile, layout)
            start = (block * block_images + image) * image_size
            for d in range(0, d1 - d0, line):
                phase, channel = (d0 + d) // channels, (d0 + d) % channels
                row_entry, column_entry = (down * sh + phase // sw) * SIDE, (across * sw + phase % sw) * SIDE
                place = m_at + tile * (d1 - d0) + d
                add_large(
                    taps,
                    m,
                    place,
                    m_gap,
                    a,
                    start + channel,
                    rows,
                    row_entry,
                    columns,
                    column_entry,
                    down > 0,
                    across > 0,
                )


@inlined
def _gradient(
    v: Any,
    v_at: int,
    v_gap: int,
    dm: Any,
    dm_at: int,
    dm_gap: int,
    slots: int,
    panels: int,
    depth: int,
    breadth: int,
    k_range: Any,
    d_range: Any,
    du: Any,
    at: int,
    gap: int,
    width: int,
    accumulate: bool,
) -> Any:
    """dU (+)= Σ_tiles V·dM for a range of k and one of d, rows `width` apart."""
    (k0, k1), (d0, d1) = k_range, d_range
    line = LINE // du.itemsize
    for point in range(PRODUCTS):
        for p in range(0, panels, GRADIENT_PANELS):
            for d in range(d0, d1, COLUMNS * line):
                for k in range(k0, k1, ROWS):
                    k_line = k // line * line
                    multiply_columns(
                        du,
                        at + point * gap + (k - k0) * width + d - d0,
                        width,
                        v,
                        v_at + point * v_gap + point_place(p, slots, k_line, depth, line) + k - k_line,
                        min(DEPTH, depth - k // DEPTH * DEPTH) * ROWS + line,
                        dm,
                        dm_at + point * dm_gap + point_place(p, slots, d, breadth, line),
                        min(DEPTH, breadth - d // DEPTH * DEPTH) * ROWS + line,
                        min(GRADIENT_PANELS, panels - p),
                        p > 0 or accumulate,
                    )


@inlined
def _give_out(
    taps: Any, du: Any, at: int, gap: int, width: int, k_range: Any, d_range: Any, add: bool, weights: Any
) -> Any:
    """dw (+)= Gᵀ·dU·G for a range of k and one of d."""
    w, rows, columns, across, (height, breadth) = weights
    (k0, k1), (d0, d1) = k_range, d_range
    line, reads = LINE // w.itemsize, len(taps)
    for k in range(k0, k1):
        phase, row = k // height, k % height
        row_entry, column_entry = phase // across * reads, phase % across * reads
        for d in range(0, d1 - d0, line):
            place, start = at + (k - k0) * width + d, row * breadth + d0 + d
            if add:
                add_weight(taps, du, place, gap, w, start, rows, row_entry, columns, column_entry)
            else:
                write_weight(taps, du, place, gap, w, start, rows, row_entry, columns, column_entry)


@inner
def weight_item(
    index: int,
    thread: int,
    taps: Any,
    v: Any,
    v_gap: int,
    dm: Any,
    dm_gap: int,
    panels: int,
    depth: int,
    du: Any,
    du_gap: int,
    kept: bool,
    first: bool,
    last: bool,
    add: bool,
    weights: Any,
    share: int,
) -> None:
    """`share` of k and a range of d of dU over all tiles of a group; after the last group, of dw."""
    breadth = weights[4][1]
    chunks = (breadth + GRADIENT_BREADTH - 1) // GRADIENT_BREADTH
    k0, d0 = index // chunks * share, index % chunks * GRADIENT_BREADTH
    k_range, d_range = (k0, min(depth, k0 + share)), (d0, min(breadth, d0 + GRADIENT_BREADTH))
    width, at = d_range[1] - d0, (index if kept else thread) * PRODUCTS * du_gap
    _gradient(
        v, 0, v_gap, dm, 0, dm_gap, panels, panels, depth, breadth, k_range, d_range, du, at, du_gap, width, not first
    )
    if last:
        _give_out(taps, du, at, du_gap, width, k_range, d_range, add, weights)


@inner
def weight_part(
    index: int,
    thread: int,
    parts: int,
    blocks: int,
    at_once: int,
    taps: Any,
    a: Any,
    a_rows: Any,
    a_columns: Any,
    a_size: Any,
    stride: Any,
    b: Any,
    b_rows: Any,
    b_columns: Any,
    b_size: Any,
    layout: Any,
    v: Any,
    v_gap: int,
    dm: Any,
    dm_gap: int,
    du: Any,
    du_gap: int,
) -> None:
    """All of dU over one part of the blocks, from points of the thread's own."""
    panels, depth, breadth = layout[0], stride[0] * stride[1] * a_size[1], b_size[1]
    v_at, dm_at, at = thread * PRODUCTS * v_gap, thread * PRODUCTS * dm_gap, index * PRODUCTS * du_gap
    begin, end, slots = index * blocks // parts, (index + 1) * blocks // parts, at_once * panels
    for first in range(begin, end, at_once):
        here = min(at_once, end - first)
        for slot in range(here * panels):
            block, panel = first + slot // panels, slot % panels
            fill_large(block, panel, slot, slots, taps, a, a_rows, a_columns, layout, stride, a_size, v, v_at, v_gap)
            fill_small(block, panel, slot, slots, taps, b, b_rows, b_columns, layout, b_size, dm, dm_at, dm_gap)
        for k0 in range(0, depth, DEPTH):
            k_range = (k0, min(depth, k0 + DEPTH))
            for d0 in range(0, breadth, GRADIENT_BREADTH):
                d_range = (d0, min(breadth, d0 + GRADIENT_BREADTH))
                place = at + k0 * breadth + d0
                _gradient(
                    v, v_at, v_gap, dm, dm_at, dm_gap, slots, here * panels, depth, breadth, k_range, d_range,
                    du, place, du_gap, breadth, first > begin,
                )  # fmt: skip


@inner
def weight_sum(
    index: int,
    thread: int,
    taps: Any,
    parts: int,
    depth: int,
    du: Any,
    du_gap: int,
    add: bool,
    weights: Any,
    share: int,
) -> None:
    """`share` of k of dw: the parts of dU added in their order, and transformed."""
    breadth = weights[4][1]
    line = LINE // du.itemsize
    k0, k1 = index * share, min(depth, (index + 1) * share)
    for part in range(1, parts):
        for point in range(PRODUCTS):
            for place in range(point * du_gap + k0 * breadth, point * du_gap + k1 * breadth, line):
                add_part(du, part * PRODUCTS * du_gap + place, line, du, place)
    _give_out(taps, du, k0 * breadth, du_gap, breadth, (k0, k1), (0, breadth), add, weights)


@inner
def zero(index: int, thread: int, shares: int, values: Any) -> None:
    """A share of the values becomes 0."""
    share = (values.size + shares - 1) // shares
    for place in range(index * share, min((index + 1) * share, values.size)):
        values[place] = 0
