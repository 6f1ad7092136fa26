"""Launching one product of matrices: which tile, and into how many parts its inner index is divided.

Both are functions of the sizes alone (not of the device at hand), so that the same work gives the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Into
from ..reference.placing import place
from .launcher import launch, new

BLOCKS = 264
"""Blocks that fill an H100: two on each of 132 multiprocessors."""
LEAST_STEPS = 8
"""Tiles along k below which a part is not worth a pass over the parts' results."""
MOST_PARTS = 64


class Tile(NamedTuple):
    """The part of a product that one block does."""

    rows: int
    columns: int
    share: tuple[int, int]
    """Rows and columns of a thread ("exact"), or of a warp (on tensor cores)."""
    depth: int
    """Steps of the inner index that lie in shared memory at a time."""
    stages: int
    """Such tiles that are on their way or in use."""


EXACT = {
    "large": Tile(128, 128, (8, 8), 16, 2),
    "medium": Tile(64, 64, (4, 4), 16, 2),
    "narrow": Tile(128, 16, (4, 2), 16, 2),
}
ROUNDED = {
    "large": Tile(128, 128, (64, 32), 32, 3),
    "medium": Tile(64, 64, (32, 16), 32, 3),
    "narrow": Tile(128, 16, (16, 16), 32, 3),
}
SUFFIX = {"float32": 0, "tf32": 32, "bf16": 16}


def choose_tile(rows: int, columns: int, copies: int, dtype: np.dtype[Any], precision: str) -> Tile:
    """The largest tile with which the product still has enough blocks; a narrow one for few columns.

    float64 has no large tile: its sums would not fit in registers.
    """
    tiles = EXACT if precision == "float32" else ROUNDED
    if columns <= tiles["narrow"].columns:
        return tiles["narrow"]
    large = tiles["large"]
    if dtype == np.float32 and _blocks(rows, columns, large) * copies >= BLOCKS // 2:
        return large
    return tiles["medium"]


def definitions(tile: Tile, precision: str) -> dict[str, int]:
    """The macros that `exact.cuh` and `rounded.cuh` read."""
    which = "THREAD" if precision == "float32" else "WARP"
    found = {"TILE_M": tile.rows, "TILE_N": tile.columns, f"{which}_M": tile.share[0], f"{which}_N": tile.share[1]}
    found |= {"TILE_K": tile.depth, "RING": tile.stages}
    return found if precision == "float32" else {**found, "ROUNDED": SUFFIX[precision]}


def shared_bytes(tile: Tile, along_k: tuple[bool, bool], dtype: np.dtype[Any], precision: str) -> int:
    """What `product.cuh` needs: pairs of tiles, each line padded (`PAD` in exact.cuh and rounded.cuh)."""
    chunk = 16 // dtype.itemsize
    pads = {True: 4, False: 8} if precision == "tf32" else {True: 8, False: 4}
    if precision == "float32":
        pads = {True: chunk, False: 2 * chunk}
    numbers = 0
    for size, along in zip((tile.rows, tile.columns), along_k, strict=True):
        lines, length = (size, tile.depth) if along else (tile.depth, size)
        numbers += lines * (length + pads[along])
    return tile.stages * numbers * dtype.itemsize


def multiply(
    source: str,
    kernel: str,
    arrays: tuple[Array, Array],
    shape: tuple[int, ...],
    sizes: tuple[int, int, int],
    along_k: tuple[bool, bool],
    whole: tuple[int, int],
    *,
    precision: str,
    middle: Sequence[int] = (),
    copies: int = 1,
    into: Into | None = None,
) -> Array:
    """Run a product kernel, in parts where it has few blocks, and give its result, of `shape`.

    sizes: rows, columns and inner length of the product (of the largest of `copies` products that run side by side).
    middle: what the kernel's parameters hold between the result and the part.
    """
    first = arrays[0]
    dtype = first.dtype
    rows, columns, depth = sizes
    tile = choose_tile(rows, columns, copies, dtype, precision)
    part, parts = _divide(_blocks(rows, columns, tile) * copies, depth, tile.depth)
    direct = into is not None and into.array.flags.c_contiguous
    result = into.array if into is not None and direct else new(first, shape)
    add = int(into is not None and direct and into.add)
    to = result if parts == 1 else new(first, (parts, *shape))
    if result.size:
        grid = (-(-rows // tile.rows), -(-columns // tile.columns), copies * parts)
        launch(
            source,
            kernel,
            grid,
            (_threads(tile, precision),),
            (*arrays, to, *middle, part, *whole, add if parts == 1 else 0),
            dtype=dtype,
            definitions=definitions(tile, precision),
            shared=shared_bytes(tile, along_k, dtype, precision),
        )
        if parts > 1:
            blocks = min(-(-result.size // 256), 8 * BLOCKS)
            launch("gather.cu", "gather", (blocks,), (256,), (to, parts, result.size, add, result), dtype=dtype)
    return result if into is None or direct else place(result, into)


def _threads(tile: Tile, precision: str) -> int:
    shares = tile.rows // tile.share[0] * (tile.columns // tile.share[1])
    return shares if precision == "float32" else 32 * shares


def _blocks(rows: int, columns: int, tile: Tile) -> int:
    return -(-rows // tile.rows) * -(-columns // tile.columns)


def _divide(blocks: int, depth: int, step: int) -> tuple[int, int]:
    """(length of a part, number of parts): lengths are whole tiles, and there is at least one part."""
    steps = max(1, -(-depth // step))
    wanted = max(1, min(BLOCKS // max(blocks, 1), steps // LEAST_STEPS, MOST_PARTS))
    length = -(-steps // wanted)
    return length * step, -(-steps // length)
