"""From images and weights to points: V, dM and U, in the layouts that the products read."""

from __future__ import annotations

from typing import Any

from ..compiled import inlined, inner
from ..toom_cook import POINTS
from ..transform import read_large, read_small, read_weight
from ..vectors import LINE, ROWS, clear_line

SIDE = len(POINTS)
PRODUCTS = SIDE * SIDE
DEPTH = 64
"""k that one block of U covers; points lie in chunks of as many k."""


@inlined
def point_place(panel: int, panels: int, k: int, depth: int, line: int) -> Any:
    """Where ROWS tiles at k begin among the points: [k ÷ DEPTH][panel][k mod DEPTH ÷ L][ROWS][L].

    Panels are a line longer than they need be: the transposed product reads a few lines of each, which would otherwise lie
    in the same few sets of the first-level cache.
    """
    first = k // DEPTH * DEPTH
    chunk = k // DEPTH * panels * (DEPTH * ROWS + line)
    return chunk + panel * (min(DEPTH, depth - first) * ROWS + line) + (k - first) * ROWS


def points_size(panels: int, depth: int, line: int) -> int:
    """Numbers of one point, and a line more."""
    return panels * (depth * ROWS + -(-depth // DEPTH) * line) + line


@inlined
def tile_place(tile: int, layout: Any) -> Any:
    """(image, tile row, tile column) of a tile, counted over the images of a group."""
    tiles_high, tiles_wide = layout[3], layout[4]
    image, inside = tile // (tiles_high * tiles_wide), tile % (tiles_high * tiles_wide)
    return image, inside // tiles_wide, inside % tiles_wide


@inlined
def tiles_of_block(block: int, layout: Any) -> Any:
    """How many tiles a block has; the last one of a group may have fewer images."""
    _, block_images, images, tiles_high, tiles_wide = layout
    return min(block_images, images - block * block_images) * tiles_high * tiles_wide


@inlined
def fill_large(
    block: int,
    panel: int,
    slot: int,
    slots: int,
    taps: Any,
    a: Any,
    rows: Any,
    columns: Any,
    layout: Any,
    stride: Any,
    size: Any,
    points: Any,
    start: int,
    gap: int,
) -> Any:
    """V of one panel of ROWS tiles, at `slot` of `slots` panels; rows of the panel that no tile fills become 0."""
    block_images = layout[1]
    sh, sw = stride
    image_size, channels = size
    line, depth = LINE // a.itemsize, sh * sw * channels
    tiles = tiles_of_block(block, layout)
    k = 0
    for py in range(sh):
        for px in range(sw):
            for channel in range(0, channels, line):
                at = start + point_place(slot, slots, k, depth, line)
                k += line
                for row in range(ROWS):  # innermost: neighbouring lines are written one after another
                    if panel * ROWS + row >= tiles:
                        _clear(points, at + row * line, gap)
                        continue
                    image, down, across = tile_place(panel * ROWS + row, layout)
                    read_large(
                        taps,
                        a,
                        (block * block_images + image) * image_size + channel,
                        rows,
                        (down * sh + py) * SIDE,
                        columns,
                        (across * sw + px) * SIDE,
                        points,
                        at + row * line,
                        gap,
                    )


@inlined
def fill_small(
    block: int,
    panel: int,
    slot: int,
    slots: int,
    taps: Any,
    b: Any,
    rows: Any,
    columns: Any,
    layout: Any,
    size: Any,
    points: Any,
    start: int,
    gap: int,
) -> Any:
    """dM of one panel of ROWS tiles, likewise."""
    block_images = layout[1]
    image_size, channels = size
    line, outputs = LINE // b.itemsize, SIDE + 1 - len(taps)
    tiles = tiles_of_block(block, layout)
    for channel in range(0, channels, line):
        at = start + point_place(slot, slots, channel, channels, line)
        for row in range(ROWS):
            if panel * ROWS + row >= tiles:
                _clear(points, at + row * line, gap)
                continue
            image, down, across = tile_place(panel * ROWS + row, layout)
            read_small(
                taps,
                b,
                (block * block_images + image) * image_size + channel,
                rows,
                down * outputs,
                columns,
                across * outputs,
                points,
                at + row * line,
                gap,
            )


@inner
def large_points(
    index: int, thread: int, slots: int, taps: Any, a: Any, rows: Any, columns: Any, layout: Any, stride: Any, size: Any,
    points: Any, gap: int,
) -> None:  # fmt: skip
    """V of one panel, for all threads."""
    block, panel = index // layout[0], index % layout[0]
    fill_large(block, panel, index, slots, taps, a, rows, columns, layout, stride, size, points, 0, gap)


@inner
def small_points(
    index: int, thread: int, slots: int, taps: Any, b: Any, rows: Any, columns: Any, layout: Any, size: Any,
    points: Any, gap: int,
) -> None:  # fmt: skip
    """dM of one panel, for all threads."""
    block, panel = index // layout[0], index % layout[0]
    fill_small(block, panel, index, slots, taps, b, rows, columns, layout, size, points, 0, gap)


@inlined
def _clear(points: Any, at: int, gap: int) -> None:
    for point in range(PRODUCTS):
        clear_line(points, at + point * gap)


@inlined
def weight_points(
    taps: Any,
    w: Any,
    rows: Any,
    columns: Any,
    width: int,
    shape: Any,
    phased: bool,
    k_range: Any,
    d_range: Any,
    panel: int,
    points: Any,
    at: int,
    gap: int,
) -> None:
    """U for a range of k and one of d, in panels [d ÷ panel][k][panel].

    w: (kernel height, kernel width, *shape). k counts (phase, row of w) if `phased` and d its columns; else k counts its
    rows and d (phase, column of w). width: phases of the horizontal axis.
    """
    (k0, k1), (d0, d1), (height, breadth) = k_range, d_range, shape
    line, reads, depth = LINE // w.itemsize, len(taps), k1 - k0
    for k in range(k0, k1):
        phase, start = (
            (k // height, k % height * breadth + d0) if phased else (d0 // breadth, k * breadth + d0 % breadth)
        )
        row_entry, column_entry = phase // width * reads, phase % width * reads
        place, left = at + (k - k0) * panel, breadth - d0 % breadth
        for d in range(0, d1 - d0, panel):
            for j in range(d, d + panel, line):
                if j == left and not phased:  # the next phase begins
                    phase, start = (d0 + j) // breadth, k * breadth - j
                    row_entry, column_entry = phase // width * reads, phase % width * reads
                    left += breadth
                read_weight(taps, w, start + j, rows, row_entry, columns, column_entry, points, place + j - d, gap)
            place += depth * panel
