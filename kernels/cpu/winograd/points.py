"""From images and weights to points: V, dM and U, in the layouts that the products read."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..compiled import inlined, inner
from ..toom_cook import POINTS
from ..transform import Points, Tile, read_large, read_small, read_weight
from ..vectors import COLUMNS, ROWS, VECTOR_BYTES, clear_line

SIDE = len(POINTS)
PRODUCTS = SIDE * SIDE
DEPTH = 64
"""k that one block of U covers; points lie in chunks of as many k."""


class Image(NamedTuple):
    """A batch of large or small images (`transform.Places`), and how a tile of one lies in the tables."""

    values: Any
    rows: Any
    columns: Any
    size: int
    """Numbers of one image."""
    channels: int
    phases_high: int
    """The strides for a large image, 1 for a small one: row i of the tables is [(tile row·phases + phase)·entries + i]."""
    phases_wide: int
    entries: int
    """Rows (and columns) of a tile that one phase reads or writes."""


class Kernel(NamedTuple):
    """The weights, w[kernel row, kernel column, height, breadth] (`transform.Places`)."""

    values: Any
    rows: Any
    columns: Any
    phases_wide: int
    height: int
    breadth: int
    phased: bool
    """Whether k counts (phase, row of w) and d its columns; else k counts its rows and d (phase, column of w)."""


class Blocks(NamedTuple):
    """How the images of a group are divided into blocks of tiles that share one transformation of the weights.

    For example 3 images of 2×3 tiles, 2 images a block, with ROWS = 4:

        block 0    image 0: tiles 0 1 2   image 1: 6  7  8     panels of ROWS tiles:   0 1 2 3 │ 4 5 6 7 │ 8 9 10 11
                            tiles 3 4 5            9 10 11
        block 1    image 2: tiles 0 1 2                                                0 1 2 3 │ 4 5 · · │ · · · ·
                            tiles 3 4 5

    `places` says which tile stands where in the panels: where some tiles can do without the point ∞, those that need it
    stand together (`plan._order`).
    """

    panels: int
    """Panels of ROWS tiles in a block; those of the last block may be empty (·), and are 0."""
    block_images: int
    images: int
    """Images in the group: the last block may have fewer than block_images."""
    per_image: int
    """Tiles of an image."""
    places: Any
    """Four numbers for each place in the panels of a block: the image, tile row and tile column of what stands there, and
    the place where the tile of this number stands, counted image by image and row by row."""
    needed: Any
    """For each point the first panel of a block that needs it, and the end of those that do."""
    alone: bool
    """Whether each thread makes the points of a whole block for itself."""


class TilePoints(NamedTuple):
    """V or dM (`transform.Points`): `slots` panels of ROWS tiles, each at `depth` k."""

    values: Any
    start: int
    gap: int
    slots: int
    depth: int


@inlined
def own_points(points: Any, owner: int) -> Any:
    """Return the points of one thread, or of one share of the work, in a buffer that has room for several."""
    return Points(points.values, points.start + owner * PRODUCTS * points.gap, points.gap)


@inlined
def own_tile_points(points: Any, thread: int) -> Any:
    """Return the same for V and dM."""
    start = points.start + thread * PRODUCTS * points.gap
    return TilePoints(points.values, start, points.gap, points.slots, points.depth)


@inner
def point_place(slots: int, depth: int, panel: int, k: int, line: int) -> Any:
    """Where ROWS tiles at k begin among the points: [k ÷ DEPTH][panel][k mod DEPTH ÷ L][ROWS][L].

    Panels are a line longer than they need be: the transposed product reads a few lines of each, which would otherwise lie
    in the same few sets of the first-level cache. For example DEPTH = 8, L = 4, ROWS = 2 and depth = 12, in lines
    (k ÷ L of tile t written as t.k, – the line more):

        panel 0: 0.0 1.0 0.1 1.1 –    panel 1: 2.0 3.0 2.1 3.1 –    …    panel 0: 0.2 1.2 –    panel 1: 2.2 3.2 –    …
    """
    first = k // DEPTH * DEPTH
    chunk = k // DEPTH * slots * (DEPTH * ROWS + line)
    return chunk + panel * (min(DEPTH, depth - first) * ROWS + line) + (k - first) * ROWS


@inner
def panel_step(depth: int, k: int, line: int) -> Any:
    """Return how many numbers it is from one panel to the next at k: the last chunk of k may be shorter."""
    return min(DEPTH, depth - k // DEPTH * DEPTH) * ROWS + line


def points_size(panels: int, depth: int, line: int) -> int:
    """Return how many numbers one point has, and a line more."""
    return panels * (depth * ROWS + -(-depth // DEPTH) * line) + line


@inlined
def tile_place(place: int, blocks: Any) -> Any:
    """Return (image, tile row, tile column) of the tile at a place of a block's panels; images count from the block's."""
    places, at = blocks.places, 4 * place
    return places[at], places[at + 1], places[at + 2]


@inlined
def images_of_block(block: int, blocks: Any) -> Any:
    """Return how many images a block has; the last one of a group may have fewer."""
    return min(blocks.block_images, blocks.images - block * blocks.block_images)


@inlined
def left_out(panel: int, blocks: Any) -> Any:
    """Whether a panel of a block needs no point whose row is ∞, and none whose column is."""
    needed, row, column = blocks.needed, 2 * (PRODUCTS - SIDE), 2 * (SIDE - 1)
    no_row = panel < needed[row] or panel >= needed[row + 1]
    return no_row, panel < needed[column] or panel >= needed[column + 1]


@inlined
def fill(read: Any, taps: int, image: Any, blocks: Any, block: int, panel: int, slot: int, points: Any) -> Any:
    """Write V or dM of one panel of ROWS tiles, at `slot` of the points' slots; rows that no tile fills become 0.

    Points that the panel does not need stay what they are.
    """
    line, images = VECTOR_BYTES // image.values.itemsize, images_of_block(block, blocks)
    values, k = points.values, 0
    no_row, no_column = left_out(panel, blocks)
    for py in range(image.phases_high):
        for px in range(image.phases_wide):
            for channel in range(0, image.channels, line):
                at = point_place(points.slots, points.depth, slot, k, line)
                k += line
                for row in range(ROWS):  # innermost: neighbouring lines are written one after another
                    index, down, across = tile_place(panel * ROWS + row, blocks)
                    if index >= images:
                        for point in range(PRODUCTS):
                            clear_line(values, points.start + at + row * line + point * points.gap)
                        continue
                    tile = Tile(
                        (block * blocks.block_images + index) * image.size + channel,
                        (down * image.phases_high + py) * image.entries,
                        (across * image.phases_wide + px) * image.entries,
                        no_row,
                        no_column,
                    )
                    read(taps, image, tile, points, at + row * line)


@inner
def large_points(index: int, thread: int, taps: int, image: Any, blocks: Any, points: Any) -> None:
    """Write V of one panel, for all threads."""
    fill(read_large, taps, image, blocks, index // blocks.panels, index % blocks.panels, index, points)


@inner
def small_points(index: int, thread: int, taps: int, image: Any, blocks: Any, points: Any) -> None:
    """Write dM of one panel, for all threads."""
    fill(read_small, taps, image, blocks, index // blocks.panels, index % blocks.panels, index, points)


@inlined
def weight_points(taps: int, kernel: Any, blocks: Any, k_range: Any, d_range: Any, points: Any) -> None:
    """Write U for a range of k and one of d, in panels [d ÷ panel][k][panel]: those points that some panel needs."""
    (k0, k1), (d0, d1), height, breadth = k_range, d_range, kernel.height, kernel.breadth
    line = VECTOR_BYTES // kernel.values.itemsize
    panel, needed, last_row, last_column = COLUMNS * line, blocks.needed, 2 * (PRODUCTS - SIDE), 2 * (SIDE - 1)
    no_row = needed[last_row] == needed[last_row + 1]
    no_column = needed[last_column] == needed[last_column + 1]
    for k in range(k0, k1):
        phase, start = (
            (k // height, k % height * breadth + d0) if kernel.phased else (d0 // breadth, k * breadth + d0 % breadth)
        )
        row, column = phase // kernel.phases_wide * taps, phase % kernel.phases_wide * taps
        place, left = (k - k0) * panel, breadth - d0 % breadth
        for d in range(0, d1 - d0, panel):
            for j in range(d, d + panel, line):
                if j == left and not kernel.phased:  # the next phase begins
                    phase, start = (d0 + j) // breadth, k * breadth - j
                    row, column = phase // kernel.phases_wide * taps, phase % kernel.phases_wide * taps
                    left += breadth
                read_weight(taps, kernel, Tile(start + j, row, column, no_row, no_column), points, place + j - d)
            place += (k1 - k0) * panel
