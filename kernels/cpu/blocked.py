"""Products of large matrices in blocks that stay in the caches.

    z = x·W, dx = dz·Wᵀ     a panel of W, at most BLOCK deep, is copied, and all rows of a strip of x meet it
    dW = xᵀ·dz              panels of dz are copied, at most BLOCK rows of them; all columns of x meet them. Where all
                            rows are one block and dz is wide, x is copied too, ROWS columns at a time

The other matrix is read where it lies. While one block is used, what the next one needs is fetched, so that nothing waits
for memory. Where x has very many rows (pixels), all of W is copied once for all strips, and each strip before it is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from .. import threads
from ..interfaces import Activation
from . import pool
from .activation import add_and_activate, kind_and_slope
from .compiled import inlined, inner
from .costs import up
from .layouts import contiguous, read_only
from .memory import get, put
from .panels import copy_numbers, padded, reduce_splits, right_panel
from .product import Target
from .strided import Ahead, Left, Right, multiply_tile
from .vectors import COLUMNS, ROWS, SQUARE, VECTOR_BYTES, lanes
from .workspace import buffer

BLOCK = 256
"""The most k of a panel of W, and rows of a panel of dz, in float32: 32 KB."""
STRIP, SHORTEST = 1 << 17, up(256, ROWS)
"""Numbers of the strips of x and z, which stay in the second-level cache beside the panels; and rows of the shortest strip:
fewer would not be worth the copy of W."""
MANY, DEEP, COPIED = 2 * SHORTEST, 1024, 1 << 16
"""Of more rows than this, strips of so many numbers, 64 to 128 rows, are copied; the most k of a panel then."""
ITEMS, LEAST, SMALL = 16, 64, 1 << 18
"""Pieces of a product, so that threads end together; rows of the shortest of them, and the fewest multiplications."""
ALIAS = 2048
"""Rows of so many bytes, or a multiple, evict one another from the first-level cache."""
SPLIT, SPLIT_ROWS = 1 << 16, 1024
"""Numbers of a dW of which every piece of work has one of its own, and the fewest rows that one is made of."""
WIDE = 16
"""Panels of dz that are copied at a time: a run of each row, as it lies in memory."""
GATHERED = 16
"""Panels of dz that pay for a copy of x whose numbers lie in the order in which a tile reads them."""
SHORT_ROWS = 512
"""Bytes of rows of dz that are so short that their panels are read where they lie."""


class Sizes(NamedTuple):
    """A product of x (rows, depth) with W (depth, columns), and what of it one item does."""

    rows: int
    depth: int
    columns: int
    height: int
    """Rows of a strip."""
    share: int
    """Panels of columns of an item."""
    block: int
    """k of a panel of W."""
    transposed: bool
    """Whether W is stored as its transpose (columns, depth)."""
    copied: bool
    """Whether rows of x are copied."""
    prepared: bool
    """Whether W is given as right panels, one after another."""


@inlined
def _pack_wide(dz: Any, stride: int, row_range: Any, columns: Any, right: Any, at: int) -> Any:
    """Copy some columns of some rows of dz to right panels, one after another, row by row as they lie in memory."""
    (row0, row1), (begin, end) = row_range, columns
    line = VECTOR_BYTES // right.itemsize
    panel = COLUMNS * line
    for row in range(row0, row1):
        place = at + (row - row0) * panel
        for first in range(begin, end, panel):
            for j in range(0, panel, line):
                copy_numbers(dz, row * stride + first + j, stride - first - j, right, place + j)
            place += (row1 - row0) * panel


@inlined
def _ahead(shape: Any, transposed: bool, line: int, panel_at: Any, tile: int, tiles: int) -> Any:
    """Return which part of the next panel of W is fetched during one of `tiles` tiles.

    panel_at: the panel's first column, its first k, and its number of k. Where W is stored as it is, the part is some of the
    panel's rows, which are two lines each; where it is stored transposed, two lines of each of its rows.
    """
    depth, columns = shape
    first, k0, deep = panel_at
    if transposed:
        k = k0 + 2 * tile * line
        if k >= k0 + deep:
            return Ahead(0, 0, 0, 0)
        return Ahead(first * depth + k, depth, line, min(COLUMNS * line, columns - first) - 1)
    share = (deep + tiles - 1) // tiles
    if tile * share >= deep:
        return Ahead(0, 0, 0, 0)
    return Ahead((k0 + tile * share) * columns + first, columns, line, min(share, deep - tile * share) - 1)


@inner
def pack_item(index: int, thread: int, w: Any, shape: Any, transposed: bool, target: Any) -> None:
    """Write right panel `index` of W (depth, columns), or of its transpose, to its place among all."""
    panel = COLUMNS * (VECTOR_BYTES // target.itemsize)
    right_panel(w, shape, transposed, (0, shape[0]), index * panel, target, index * shape[0] * panel)


@inner
def product_item(
    index: int, thread: int, sizes: Any, x: Any, w: Any, epilogue: Any, buffers: Any, z: Any, y: Any
) -> None:
    """Compute a strip of rows of y = f(x·W + b), `share` panels of columns of it; without b and f if b is empty.

    buffers: for copied rows of x and for a panel of W, each twice: to write, and to read.
    z is y's memory once more, to be read.
    """
    rows, depth, columns, height, share, block, transposed, copied, prepared = sizes
    lefts, lefts_read, rights, rights_read = buffers
    bias, kind, slope = epilogue
    line = VECTOR_BYTES // y.itemsize
    panel = COLUMNS * line
    strips = (rows + height - 1) // height
    first_row, begin = index % strips * height, index // strips * share * panel
    here, end = min(height, rows - first_row), min(begin + share * panel, columns)
    own = thread * BLOCK * panel
    a, a_at, a_row = x, first_row * depth, depth
    if copied:
        a, a_row = lefts_read, padded(depth, line) + line
        a_at = thread * height * a_row
        for row in range(here):
            for k in range(0, depth, line):
                copy_numbers(x, (first_row + row) * depth + k, depth - k, lefts, a_at + row * a_row + k)
    tiles = (here + ROWS - 1) // ROWS
    for k0 in range(0, depth, block):
        k1 = min(k0 + block, depth)
        for first in range(begin, end, panel):
            b, right = w, first * depth + k0 * panel
            if not prepared:
                b, right = rights_read, own
                right_panel(w, (depth, columns), transposed, (k0, k1), first, rights, own)
            onward = first + panel < end
            next_first, next_k = first + panel if onward else begin, k0 if onward else min(k1, depth - 1)
            coming = (next_first, next_k, min(block, depth - next_k))
            for tile in range(tiles):
                row = tile * ROWS
                at = (first_row + row) * columns + first
                target = Target(at, columns, here - row, columns - first, k0 > 0)
                left, beside = Left(a_at + row * a_row + k0, a_row, 1), Right(right, panel)
                ahead = Ahead(0, 0, 0, 0)
                if not prepared:
                    ahead = _ahead((depth, columns), transposed, line, coming, tile, tiles)
                multiply_tile(y, target, a, left, b, beside, k1 - k0, w, ahead)
                if k1 == depth and bias.size:
                    wide = min(panel, columns - first)
                    beside_it = bias[first : first + wide]
                    for i in range(min(ROWS, here - row)):
                        add_and_activate(z, at + i * columns, beside_it, wide, kind, slope, y)


@inlined
def _ahead_of_rows(start: int, numbers: int, line: int, tile: int, tiles: int) -> Any:
    """What of some rows, which lie side by side, is fetched during one of `tiles` tiles."""
    lines = (numbers + line - 1) // line
    share = (lines + 2 * tiles - 1) // (2 * max(tiles, 1))
    first = 2 * tile * share
    if first >= lines:
        return Ahead(0, 0, 0, 0)
    return Ahead(start + first * line, line, share * line, share - 1)


class WeightSizes(NamedTuple):
    """The product xᵀ·dz of x (rows, depth) and dz (rows, columns), and what of it one item does."""

    rows: int
    depth: int
    columns: int
    share: int
    """Panels of columns of an item."""
    split: int
    """Rows that an item sums over."""
    block: int
    """Rows of a panel of dz."""
    copied: bool
    """Whether dz is copied."""
    gathered: bool
    """Whether x is given as `gather_item` writes it."""
    add: bool
    """Whether to add to what is there."""


@inner
def weight_item(index: int, thread: int, sizes: Any, x: Any, dz: Any, buffers: Any, dw: Any) -> None:
    """Compute `share` panels of columns of dW, summed over `split` rows of x and dz.

    Split s writes to dw[s·depth·columns:].
    """
    rows, depth, columns, share, split, block, copied, gathered, add = sizes
    rights, rights_read = buffers
    line = VECTOR_BYTES // dw.itemsize
    panel = COLUMNS * line
    groups = (columns + share * panel - 1) // (share * panel)
    begin, first_row = index % groups * share * panel, index // groups * split
    end, last_row = min(begin + share * panel, columns), min(first_row + split, rows)
    out = index // groups * depth * columns
    own = thread * BLOCK * WIDE * panel
    for c0 in range(begin, end, WIDE * panel):
        c1 = min(c0 + WIDE * panel, end)
        for row in range(first_row, last_row, block):
            deep = min(block, last_row - row)
            if copied:
                _pack_wide(dz, columns, (row, row + deep), (c0, c1), rights, own)
            coming, tile = min(row + block, last_row - 1), 0
            tiles = (depth + ROWS - 1) // ROWS * ((c1 - c0 + panel - 1) // panel)
            for k in range(0, depth, ROWS):
                left, later = Left(row * depth + k, 1, depth), add or row > first_row
                if gathered:
                    left = Left(k * rows, 1, ROWS)
                for first in range(c0, c1, panel):
                    b, right = dz, Right(row * columns + first, columns)
                    if copied:
                        b, right = rights_read, Right(own + (first - c0) * deep, panel)
                    target = Target(out + k * columns + first, columns, depth - k, columns - first, later)
                    # the next rows of x and dz, taking turns
                    beside, wide = (x, depth) if tile % 2 == 0 else (dz, columns)
                    ahead = _ahead_of_rows(
                        coming * wide, min(block, last_row - coming) * wide, line, tile // 2, tiles // 2
                    )
                    multiply_tile(dw, target, x, left, b, right, deep, beside, ahead)
                    tile += 1


@inner
def gather_item(index: int, thread: int, share: int, x: Any, rows: int, depth: int, left: Any) -> None:
    """Copy `share` times ROWS columns of x (rows, depth), each ROWS of them row by row: number (row, k) of the columns
    from `first` on goes to left[first·rows + row·ROWS + k].
    """
    for first in range(index * share * ROWS, min((index + 1) * share * ROWS, depth), ROWS):
        if first + ROWS <= depth:
            for row in range(rows):
                for k in range(ROWS):
                    put(left, first * rows + row * ROWS + k, get(x, row * depth + first + k))
        else:
            for row in range(rows):
                for k in range(depth - first):
                    put(left, first * rows + row * ROWS + k, get(x, row * depth + first + k))


def _even(count: int, most: int) -> int:
    """The size of equal pieces of at most so many."""
    return -(-count // -(-count // most))


class Epilogue(NamedTuple):
    """Bias and activation of y = f(x·W + b)."""

    bias: Array | None
    activation: Activation


def product(
    x: Array, sizes: tuple[int, int, int], w: Array, transposed: bool, z: Array, epilogue: Epilogue | None = None
) -> None:
    """Write z = x·W for x (rows, depth) and W (depth, columns), or of its transpose; with an epilogue f(x·W + b)."""
    rows, depth, columns = sizes
    dtype, panel, work, count = z.dtype, COLUMNS * lanes(z.dtype), rows * depth * columns, threads.count()
    panels = -(-columns // panel)
    pieces = max(1, min(ITEMS, work // SMALL)) if count > 1 else 1
    prepared = rows > MANY
    most = min(max(64, COPIED // depth), 128) if prepared else max(SHORTEST, STRIP // (depth + columns))
    strips = max(-(-rows // most), min(pieces, rows // LEAST), 1)
    height = up(-(-rows // strips), ROWS)
    strips = -(-rows // height)
    share = -(-panels // max(1, min(pieces // strips, panels)))
    block = up(_even(depth, (DEEP if prepared else BLOCK) * 4 // z.itemsize), SQUARE)
    copied = prepared or (depth > block and depth * z.itemsize % ALIAS == 0)
    if prepared:
        packed = buffer("panels", panels * depth * panel, dtype)
        pool.run(pack_item, dtype, panels, (w, (depth, columns), transposed, packed))
        w = read_only(packed)
    lefts = buffer("left", count * height * (up(depth, lanes(dtype)) + lanes(dtype)) if copied else 1, dtype)
    rights = buffer("right", count * BLOCK * panel, dtype)
    bias, kind, slope = np.empty(0, dtype), *kind_and_slope(Activation())
    if epilogue is not None:
        bias = np.zeros(columns, dtype) if epilogue.bias is None else contiguous(epilogue.bias)
        kind, slope = kind_and_slope(epilogue.activation)
    given = Sizes(*sizes, height, share, block, transposed, copied, prepared)
    buffers = lefts, read_only(lefts), rights, read_only(rights)
    arguments = (given, x, w, (read_only(bias), kind, slope), buffers, read_only(z), z)
    pool.run(product_item, dtype, strips * -(-panels // share), arguments)


def weight_product(x: Array, dz: Array, sizes: tuple[int, int, int], dw: Array, add: bool) -> None:
    """Write dW = xᵀ·dz, or add it, for x (rows, depth) and dz (rows, columns)."""
    rows, depth, columns = sizes
    dtype, line, count = dw.dtype, lanes(dw.dtype), threads.count()
    panels = -(-columns // (COLUMNS * line))
    splits = max(1, min(ITEMS // 2, rows // SPLIT_ROWS)) if depth * columns <= SPLIT else 1
    split = -(-rows // splits)
    splits = -(-rows // split)
    divided = splits == 1 and count > 1
    share = -(-panels // (max(1, min(panels, 4 * count, rows * depth * columns // SMALL)) if divided else 1))
    block = _even(split, BLOCK * 4 // dw.itemsize)
    copied = columns % line != 0 or columns * dw.itemsize > SHORT_ROWS
    rights = buffer("right", count * BLOCK * WIDE * COLUMNS * line if copied else 1, dtype)
    partial = dw if splits == 1 else buffer("partial", splits * dw.size, dtype)
    gathered = rows <= block and panels >= GATHERED
    if gathered:
        strips = -(-depth // ROWS)
        part = max(1, -(-strips // ITEMS)) if divided else strips
        left = buffer("left", strips * ROWS * rows, dtype)
        pool.run(gather_item, dtype, -(-strips // part), (part, x, rows, depth, left))
        x = read_only(left)
    given = WeightSizes(*sizes, share, split, block, copied, gathered, add and splits == 1)
    items = -(-panels // share) * splits
    pool.run(weight_item, dtype, items, (given, x, dz, (rights, read_only(rights)), partial))
    if splits > 1:
        part = max(4096, -(-dw.size // ITEMS))
        pool.run(reduce_splits, dtype, -(-dw.size // part), (part, splits, read_only(partial), add, dw))
