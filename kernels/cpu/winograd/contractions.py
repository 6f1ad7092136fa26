"""The three derivatives of T over a batch: points, products, and back to pictures or weights."""

from __future__ import annotations

from typing import Any

from ..compiled import compiled, inlined
from ..product import multiply_columns, multiply_lines
from ..transform import add_large, add_weight, write_small, write_weight
from ..vectors import COLUMNS, LINE, ROWS
from .points import DEPTH, PRODUCTS, SIDE, point_place, tile_place, tiles_of_block, weight_points

BREADTH = 64
"""d of one block of U: with M of a block of tiles it stays in the second-level cache."""
GRADIENT_BREADTH, GRADIENT_PANELS = 64, 16
"""d of one block of dU (its k are chosen so that there are enough blocks), and panels of tiles summed at a time: those of
dM for one panel of d then stay in the first-level cache for all k."""


@inlined
def _products(
    taps: Any,
    points: Any,
    points_gap: int,
    depth: int,
    first_panel: int,
    panels: int,
    all_panels: int,
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
                        point * points_gap + point_place(first_panel + i, all_panels, k0, depth, line),
                        ROWS * line,
                        u,
                        u_at + point * u_gap + d * (k1 - k0),
                        line * panel,
                        (k1 - k0) // line,
                        k0 > 0,
                    )


@compiled
def small_item(
    index: int,
    thread: int,
    taps: Any,
    v: Any,
    v_gap: int,
    all_panels: int,
    depth: int,
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
    """One block of tiles and a range of d of the small picture."""
    image, channels = size
    chunks = (channels + BREADTH - 1) // BREADTH
    block, d0 = index // chunks, index % chunks * BREADTH
    d1 = min(channels, d0 + BREADTH)
    panels, block_pictures = layout[0], layout[1]
    m_at = thread * PRODUCTS * m_gap
    _products(
        taps,
        v,
        v_gap,
        depth,
        block * panels,
        panels,
        all_panels,
        weights,
        True,
        d0,
        d1,
        u,
        thread * PRODUCTS * u_gap,
        u_gap,
        m,
        m_at,
        m_gap,
    )
    line, outputs = LINE // b.itemsize, SIDE + 1 - len(taps)
    for tile in range(tiles_of_block(block, layout)):
        picture, down, across = tile_place(tile, layout)
        start = (block * block_pictures + picture) * image + d0
        for d in range(0, d1 - d0, line):
            write_small(
                taps,
                m,
                m_at + tile * (d1 - d0) + d,
                m_gap,
                b,
                start + d,
                rows,
                down * outputs,
                columns,
                across * outputs,
            )


@compiled
def large_item(
    index: int,
    thread: int,
    taps: Any,
    dm: Any,
    dm_gap: int,
    all_panels: int,
    depth: int,
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
    stride: Any,
) -> None:
    """One block of tiles and a range of (phase, channel) of the large picture, which no other item touches."""
    image, channels = size
    sh, sw = stride
    breadth = sh * sw * channels
    chunks = (breadth + BREADTH - 1) // BREADTH
    block, d0 = index // chunks, index % chunks * BREADTH
    d1 = min(breadth, d0 + BREADTH)
    panels, block_pictures = layout[0], layout[1]
    m_at = thread * PRODUCTS * m_gap
    _products(
        taps,
        dm,
        dm_gap,
        depth,
        block * panels,
        panels,
        all_panels,
        weights,
        False,
        d0,
        d1,
        u,
        thread * PRODUCTS * u_gap,
        u_gap,
        m,
        m_at,
        m_gap,
    )
    line = LINE // a.itemsize
    for tile in range(tiles_of_block(block, layout)):
        picture, down, across = tile_place(tile, layout)
        start = (block * block_pictures + picture) * image
        for d in range(0, d1 - d0, line):
            phase, channel = (d0 + d) // channels, (d0 + d) % channels
            add_large(
                taps,
                m,
                m_at + tile * (d1 - d0) + d,
                m_gap,
                a,
                start + channel,
                rows,
                (down * sh + phase // sw) * SIDE,
                columns,
                (across * sw + phase % sw) * SIDE,
                down > 0,
                across > 0,
            )


@compiled
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
    w, rows, columns, across, shape = weights
    height, breadth = shape
    line, reads = LINE // w.itemsize, len(taps)
    chunks = (breadth + GRADIENT_BREADTH - 1) // GRADIENT_BREADTH
    k0, d0 = index // chunks * share, index % chunks * GRADIENT_BREADTH
    k1, d1 = min(depth, k0 + share), min(breadth, d0 + GRADIENT_BREADTH)
    width, panel = d1 - d0, COLUMNS * line
    at = (index if kept else thread) * PRODUCTS * du_gap
    for point in range(PRODUCTS):
        for p in range(0, panels, GRADIENT_PANELS):
            for d in range(d0, d1, panel):
                for k in range(k0, k1, ROWS):
                    k_line = k // line * line
                    multiply_columns(
                        du,
                        at + point * du_gap + (k - k0) * width + d - d0,
                        width,
                        v,
                        point * v_gap + point_place(p, panels, k_line, depth, line) + k - k_line,
                        min(DEPTH, depth - k // DEPTH * DEPTH) * ROWS + line,
                        dm,
                        point * dm_gap + point_place(p, panels, d, breadth, line),
                        min(DEPTH, breadth - d // DEPTH * DEPTH) * ROWS + line,
                        min(GRADIENT_PANELS, panels - p),
                        p > 0 or not first,
                    )
    if not last:
        return
    for k in range(k0, k1):
        phase, row = k // height, k % height
        row_entry, column_entry = phase // across * reads, phase % across * reads
        for d in range(0, width, line):
            place, start = at + (k - k0) * width + d, row * breadth + d0 + d
            if add:
                add_weight(taps, du, place, du_gap, w, start, rows, row_entry, columns, column_entry)
            else:
                write_weight(taps, du, place, du_gap, w, start, rows, row_entry, columns, column_entry)


@compiled
def zero(index: int, thread: int, shares: int, values: Any) -> None:
    """A share of the values becomes 0."""
    share = (values.size + shares - 1) // shares
    for place in range(index * share, min((index + 1) * share, values.size)):
        values[place] = 0
