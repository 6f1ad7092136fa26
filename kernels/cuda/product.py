"""Launching one product of matrices: by which units, in which tile, and into how many parts its inner index is divided.

Tiles and parts are functions of the sizes and units alone, so that the same work gives the same bits on every GPU that has
those units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from ..reference.placing import place
from .activation import function
from .bf16 import STORED
from .launcher import Argument, compute_capability, contiguous, launch, new
from .launcher import whole as whole_chunks

MULTIPROCESSORS = 132
"""An H100's."""
BLOCKS = 2 * MULTIPROCESSORS
"""Blocks that fill it."""
LEAST_STEPS = 8
"""Tiles along k below which a part is not worth a pass over the parts' results."""
MOST_PARTS = 264
DEEP = 2048
"""Inner length from which Hopper's large tiles are divided rather than made lower. Measured on an H100: 6,272×128 of 1,024
takes 18 µs in low tiles, 27 µs in divided large ones; 2,048×512 of 4,096 takes 53 and 50."""
GATHER_THREADS, GATHER_LANES, LEAST_PARTS = 256, (32, 8), (128, 8)
"""Threads of a block that add parts, how many share the parts of one number, and of how many parts at least."""
WITH_EPILOGUE = ("forward", "to_small", "to_large")
"""Kernels that can compute the epilogue of a layer's output."""
FUSED_ACTIVATIONS = ("linear", "relu", "leaky_relu")
"""The activations that they know."""


class Epilogue(NamedTuple):
    """f(result + bias)."""

    bias: Array | None
    activation: Activation


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
    resident: int = 1
    """Blocks that a multiprocessor is to hold: the compiler keeps to so many registers."""


EXACT = {
    "large": Tile(128, 128, (8, 8), 16, 2),
    "slim": Tile(128, 64, (8, 4), 16, 2),
    "medium": Tile(64, 64, (4, 4), 16, 2),
    "skinny": Tile(128, 16, (4, 2), 16, 2),
}
ROUNDED = {
    "large": Tile(128, 128, (64, 32), 16, 4, 2),
    "slim": Tile(128, 64, (32, 32), 32, 3, 2),
    "medium": Tile(64, 64, (32, 16), 32, 3, 2),
    "skinny": Tile(128, 16, (16, 16), 32, 3),
}
HOPPER = {
    "large": Tile(128, 128, (64, 128), 32, 3),
    "low": Tile(64, 128, (64, 128), 32, 3),
    "medium": Tile(128, 64, (64, 64), 32, 3),
}
HOPPER_NARROW = {name: tile._replace(depth=64) for name, tile in HOPPER.items()}
"""Of half as many bytes a number."""
TF32_GROUPS, BF16_GROUPS = "tf32 of a warpgroup", "bf16 of a warpgroup"
TILES = {
    "float32": EXACT, "tf32": ROUNDED, "bf16": ROUNDED, TF32_GROUPS: HOPPER, BF16_GROUPS: HOPPER_NARROW,
}  # fmt: skip
SUFFIX = {"float32": 0, "tf32": 32, "bf16": 16, TF32_GROUPS: 32, BF16_GROUPS: 16}
"""Units that multiply: exact arithmetic, tensor cores as warps use them (sm_80), and as Hopper's warpgroups do."""
GROUPS = (TF32_GROUPS, BF16_GROUPS)
"""Those of Hopper's warpgroups."""
HOPPER_CAPABILITY = "90"
PIPELINES = {
    (TF32_GROUPS, 128, 128, True): (3, 2),
    (TF32_GROUPS, 128, 128, False): (6, 1),
    (TF32_GROUPS, 64, 128, True): (4, 2),
    (TF32_GROUPS, 64, 128, False): (4, 2),
    (TF32_GROUPS, 128, 64, True): (3, 3),
    (TF32_GROUPS, 128, 64, False): (3, 2),
    (BF16_GROUPS, 128, 128, True): (3, 2),
    (BF16_GROUPS, 128, 128, False): (3, 2),
    (BF16_GROUPS, 64, 128, True): (4, 2),
    (BF16_GROUPS, 64, 128, False): (4, 2),
    (BF16_GROUPS, 128, 64, True): (3, 3),
    (BF16_GROUPS, 128, 64, False): (3, 3),
}
"""What warpgroups do best with, measured on an H200: stages and resident of a tile, by units, rows, columns and whether A's
lines run along k (else, of TF32, they take registers on their way)."""
WARPGROUP_ROWS, WARPGROUP_COLUMNS = 64, 32
"""Sizes below which a warpgroup's tiles would be mostly empty."""


def units_of(precision: str, like: Array, rows: int, columns: int) -> str:
    """What multiplies at this precision on the array's device: the best that it has for such a result.

    bf16 is multiplied by warpgroups where it was stored so before (`bf16.py`).
    """
    if like.dtype == STORED:
        return BF16_GROUPS
    if precision != "tf32" or rows < WARPGROUP_ROWS or columns < WARPGROUP_COLUMNS:
        return precision
    return TF32_GROUPS if compute_capability(like) == HOPPER_CAPABILITY else precision


def choose_tile(rows: int, columns: int, depth: int, copies: int, dtype: np.dtype[Any], units: str) -> Tile:
    """The largest tile with which the product still has enough blocks; a skinny one for few columns.

    Hopper's units prefer large tiles, whose inner length is divided where there are few.

    float64 has no large tile: its sums would not fit in registers.
    """
    tiles = TILES[units]
    if "skinny" in tiles and columns <= tiles["skinny"].columns:
        return tiles["skinny"]
    large = tiles["large"]
    blocks = _blocks(rows, columns, large) * copies
    if units in GROUPS:
        if columns <= tiles["medium"].columns:
            return tiles["medium"]
        return tiles["low"] if blocks < MULTIPROCESSORS // 2 and depth < DEEP else large
    if columns <= tiles["slim"].columns:
        large = tiles["slim"]
    if dtype == np.float32 and blocks >= BLOCKS // 2:
        return large
    return tiles["medium"]


def held(tile: Tile, along_k: tuple[bool, bool], units: str) -> Tile:
    """The tile as warpgroups do best with it where the operands' lines run like this; others as they are."""
    if units not in GROUPS:
        return tile
    stages, resident = PIPELINES[units, tile.rows, tile.columns, along_k[0]]
    return tile._replace(stages=stages, resident=resident)


def definitions(tile: Tile, units: str) -> dict[str, int]:
    """The macros that `exact.cuh`, `rounded.cuh` and `hopper.cuh` read."""
    which = "THREAD" if units == "float32" else "WARP"
    found = {"TILE_M": tile.rows, "TILE_N": tile.columns, f"{which}_M": tile.share[0], f"{which}_N": tile.share[1]}
    found |= {"TILE_K": tile.depth, "RING": tile.stages}
    if units == "float32":
        return found
    found |= {"ROUNDED": SUFFIX[units], "RESIDENT": tile.resident}
    if units in GROUPS:
        found["HOPPER"] = 1
    if units == BF16_GROUPS:
        found["BF16"] = 1
    return found


def shared_bytes(tile: Tile, along_k: tuple[bool, bool], dtype: np.dtype[Any], units: str) -> int:
    """What `product.cuh` needs: pairs of tiles, each line padded (`PAD` in exact.cuh and rounded.cuh)."""
    chunk = 16 // dtype.itemsize
    pads = {
        "float32": {True: chunk, False: 2 * chunk}, "tf32": {True: 4, False: 8}, "bf16": {True: 8, False: 4},
        TF32_GROUPS: {True: 0, False: 8}, BF16_GROUPS: {True: 0, False: 0},
    }[units]  # fmt: skip
    numbers = 0
    for size, along in zip((tile.rows, tile.columns), along_k, strict=True):
        lines, length = (size, tile.depth) if along else (tile.depth, size)
        numbers += lines * (length + pads[along])
    return tile.stages * numbers * (STORED.itemsize if units == BF16_GROUPS else dtype.itemsize)


def multiply(
    source: str,
    kernel: str,
    arrays: tuple[Array, Array],
    shape: tuple[int, ...],
    sizes: tuple[int, int, int],
    along_k: tuple[bool, bool],
    whole: tuple[int, int],
    *,
    units: str,
    middle: Sequence[int] = (),
    copies: int = 1,
    into: Into | None = None,
    epilogue: Epilogue | None = None,
) -> Array:
    """Run a product kernel, in parts where it has few blocks, and give its result, of `shape`.

    sizes: rows, columns and inner length of the product (of the largest of `copies` products that run side by side).
    units: what multiplies (`units_of`); along_k, whole: of the operands as the kernel reads them.
    middle: what the kernel's parameters hold between the result and the part.
    epilogue: for kernels whose result may be a layer's output (`WITH_EPILOGUE`): what is done to it, on the way if there is
        one part and the activation is one of FUSED_ACTIVATIONS, else when the parts are added.
    """
    first = arrays[0]
    dtype = np.dtype(np.float32) if first.dtype == STORED else first.dtype
    rows, columns, depth = sizes
    tile = choose_tile(rows, columns, depth, copies, dtype, units)
    tile = held(tile, along_k, units)
    at_once = epilogue is not None and epilogue.activation.kind in FUSED_ACTIVATIONS
    wanted = MULTIPROCESSORS if units in GROUPS else BLOCKS
    part, parts = _divide(_blocks(rows, columns, tile) * copies, depth, tile.depth, wanted)
    on_the_way = epilogue if parts == 1 and at_once else None
    direct = into is not None and into.array.flags.c_contiguous
    result = into.array if into is not None and direct else new(first, shape, dtype)
    add = int(into is not None and direct and into.add)
    to = result if parts == 1 else new(first, (parts, *shape), dtype)
    if result.size:
        grid = (-(-rows // tile.rows), -(-columns // tile.columns), copies * parts)
        launch(
            source,
            kernel,
            grid,
            (threads(tile, units),),
            (*arrays, to, *middle, part, *whole, add if parts == 1 else 0, *_epilogue_of(kernel, on_the_way)),
            dtype=dtype,
            definitions=definitions(tile, units),
            shared=shared_bytes(tile, along_k, dtype, units),
        )
        if parts > 1 or (epilogue is not None and not at_once):
            _gather(to, parts, result, add, epilogue)
    return result if into is None or direct else place(result, into)


def _gather(parts: Array, count: int, result: Array, add: int, epilogue: Epilogue | None) -> None:
    """Add the parts of a result, and compute its epilogue."""
    bias, *ends = epilogue_arguments(epilogue)
    channels = result.shape[-1]
    aligned = whole_chunks(result, result.size if bias is None else channels)
    numbers = result.size, add, result, bias, channels, aligned, *ends
    lanes = next((lanes for lanes, least in zip(GATHER_LANES, LEAST_PARTS, strict=True) if count >= least), 1)
    width = GATHER_THREADS // lanes
    packs = result.size // (16 // result.itemsize if aligned else 1)
    grid = (max(1, min(-(-packs // width), 16 * MULTIPROCESSORS)),)
    launch("gather.cu", "gather", grid, (width, lanes), (parts, count, *numbers), dtype=result.dtype)


def _epilogue_of(kernel: str, epilogue: Epilogue | None) -> tuple[Argument, ...]:
    """The last arguments of kernels that can compute the epilogue of a layer's output."""
    if kernel not in WITH_EPILOGUE:
        assert epilogue is None, kernel
        return ()
    return epilogue_arguments(epilogue)


def epilogue_arguments(epilogue: Epilogue | None) -> tuple[Argument, ...]:
    """(bias, kind, slope) as kernels take them; None is the identity."""
    if epilogue is None:
        return None, 0, 0.0
    bias = None if epilogue.bias is None else contiguous(epilogue.bias)
    return bias, *function(epilogue.activation)


def threads(tile: Tile, units: str) -> int:
    """Of a block."""
    shares = tile.rows // tile.share[0] * (tile.columns // tile.share[1])
    return shares if units == "float32" else 128 * shares if units in GROUPS else 32 * shares


def _blocks(rows: int, columns: int, tile: Tile) -> int:
    return -(-rows // tile.rows) * -(-columns // tile.columns)


def _divide(blocks: int, depth: int, step: int, wanted: int) -> tuple[int, int]:
    """(length of a part, number of parts) for so many blocks in all: lengths are whole tiles, at least one part."""
    steps = max(1, -(-depth // step))
    parts = max(1, min(wanted // max(blocks, 1), steps // LEAST_STEPS, MOST_PARTS))
    length = -(-steps // parts)
    return length * step, -(-steps // length)
