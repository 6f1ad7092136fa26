"""Launching one product of matrices: its instruction, its tile, and the splits of its inner index (split-K).

Tiles and splits are functions of the sizes and the instruction alone, so that the same work gives the same bits on every GPU
that has this instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from .activation import function
from .alignment import is_aligned
from .launcher import Argument, Destination, compute_capability, contiguous, launch, new
from .operands import BF16

MULTIPROCESSORS = 132
"""The number of multiprocessors of an H100, to which the sizes below are fitted."""
BLOCKS = 2 * MULTIPROCESSORS
"""The number of blocks that fill such a GPU, two on each multiprocessor."""
LEAST_STEPS = 8
"""Tiles along k below which a split is not worth a pass over the partial results."""
MOST_SPLITS = 264
DEEP = 2048
"""Inner length from which products in Hopper's large tiles are split along k rather than made in lower tiles. Measured on an
H100: 6,272×128 of 1,024 takes 18 µs in low tiles, 27 µs in large ones with split-K; 2,048×512 of 4,096 takes 53 and 50."""
REDUCTION_THREADS, REDUCTION_LANES, LEAST_SPLITS = 256, (32, 8), (128, 8)
"""Threads of a block that add partial results, how many of them share one number, and from how many splits on they do."""
WITH_EPILOGUE = ("forward", "to_small", "to_large")
"""Kernels that can compute the epilogue of a layer's output."""
FUSED_ACTIVATIONS = ("linear", "relu", "leaky_relu")
"""The activations that they know."""


class Epilogue(NamedTuple):
    """The bias and activation that a product's kernel applies before it writes the result: f(result + bias)."""

    bias: Array | None
    activation: Activation


class Tile(NamedTuple):
    """The tile of a result that one block computes."""

    rows: int
    columns: int
    share: tuple[int, int]
    """Rows and columns of a thread (FMA), of a warp (mma) or of a warpgroup (wgmma)."""
    depth: int
    """Steps of the inner index that lie in shared memory at a time."""
    stages: int
    """Pipeline stages: tiles of such depth that lie in shared memory at a time, being copied or in use."""
    occupancy: int = 1
    """Blocks that a multiprocessor is to hold at a time; the compiler limits a thread's registers accordingly."""


FMA_TILES = {
    "large": Tile(128, 128, (8, 8), 16, 2),
    "slim": Tile(128, 64, (8, 4), 16, 2),
    "medium": Tile(64, 64, (4, 4), 16, 2),
    "skinny": Tile(128, 16, (4, 2), 16, 2),
}
MMA_TILES = {
    "large": Tile(128, 128, (64, 32), 16, 4, 2),
    "slim": Tile(128, 64, (32, 32), 32, 3, 2),
    "medium": Tile(64, 64, (32, 16), 32, 3, 2),
    "skinny": Tile(128, 16, (16, 16), 32, 3),
}
WGMMA_TILES = {
    "large": Tile(128, 128, (64, 128), 32, 3),
    "low": Tile(64, 128, (64, 128), 32, 3),
    "medium": Tile(128, 64, (64, 64), 32, 3),
}
WGMMA_BF16_TILES = {name: tile._replace(depth=64) for name, tile in WGMMA_TILES.items()}
"""The tiles of wgmma with operands in bf16: twice as deep, since a number has half as many bytes."""
FMA = "fma"
"""The instruction of exact products: a fused multiply-add of each thread, in the arrays' dtype."""
MMA_TF32, MMA_BF16 = "mma tf32", "mma bf16"
"""mma.sync, by which a warp uses the tensor cores (sm_80 and later)."""
WGMMA_TF32, WGMMA_BF16 = "wgmma tf32", "wgmma bf16"
"""wgmma, by which a warpgroup of four warps does (Hopper, sm_90a)."""
WGMMA = (WGMMA_TF32, WGMMA_BF16)
OF_THREADS_OR_WARPS = {"float32": FMA, "tf32": MMA_TF32, "bf16": MMA_BF16}
"""Precision → the instruction that multiplies so on every GPU which can."""
TILES = {
    FMA: FMA_TILES, MMA_TF32: MMA_TILES, MMA_BF16: MMA_TILES, WGMMA_TF32: WGMMA_TILES, WGMMA_BF16: WGMMA_BF16_TILES,
}  # fmt: skip
PRECISION_BITS = {MMA_TF32: 32, MMA_BF16: 16, WGMMA_TF32: 32, WGMMA_BF16: 16}
"""Instruction of tensor cores → the macro PRECISION: the bits that hold an operand's number, 32 for TF32 and 16 for bf16."""
HOPPER_CAPABILITY = "90"
PIPELINES = {
    (WGMMA_TF32, 128, 128, True): (3, 2),
    (WGMMA_TF32, 128, 128, False): (6, 1),
    (WGMMA_TF32, 64, 128, True): (4, 2),
    (WGMMA_TF32, 64, 128, False): (4, 2),
    (WGMMA_TF32, 128, 64, True): (3, 3),
    (WGMMA_TF32, 128, 64, False): (3, 2),
    (WGMMA_BF16, 128, 128, True): (3, 2),
    (WGMMA_BF16, 128, 128, False): (3, 2),
    (WGMMA_BF16, 64, 128, True): (4, 2),
    (WGMMA_BF16, 64, 128, False): (4, 2),
    (WGMMA_BF16, 128, 64, True): (3, 3),
    (WGMMA_BF16, 128, 64, False): (3, 3),
}
"""(stages, occupancy) of wgmma's tiles, the fastest measured on an H200, by instruction, rows, columns and whether A's lines
run along k (else those of TF32 pass through registers)."""
WARPGROUP_ROWS, WARPGROUP_COLUMNS = 64, 32
"""Sizes below which a warpgroup's tiles would be mostly empty."""


def instruction_for(precision: str, like: Array, rows: int, columns: int) -> str:
    """Return the fastest instruction that multiplies at this precision on the array's device, for a result of this size.

    wgmma multiplies in bf16 where the operands were stored so before (`operands.py`).
    """
    if like.dtype == BF16:
        return WGMMA_BF16
    small = rows < WARPGROUP_ROWS or columns < WARPGROUP_COLUMNS
    if precision == "tf32" and not small and compute_capability(like) == HOPPER_CAPABILITY:
        return WGMMA_TF32
    return OF_THREADS_OR_WARPS[precision]


def choose_tile(rows: int, columns: int, depth: int, copies: int, dtype: np.dtype[Any], instruction: str) -> Tile:
    """The largest tile with which the product still has enough blocks; a skinny one for few columns.

    wgmma is fastest in large tiles; where there are few, the inner index is split.

    float64 has no large tile: its sums would not fit in registers.
    """
    tiles = TILES[instruction]
    if "skinny" in tiles and columns <= tiles["skinny"].columns:
        return tiles["skinny"]
    large = tiles["large"]
    blocks = _blocks(rows, columns, large) * copies
    if instruction in WGMMA:
        if columns <= tiles["medium"].columns:
            return tiles["medium"]
        return tiles["low"] if blocks < MULTIPROCESSORS // 2 and depth < DEEP else large
    if columns <= tiles["slim"].columns:
        large = tiles["slim"]
    if dtype == np.float32 and blocks >= BLOCKS // 2:
        return large
    return tiles["medium"]


def pipelined(tile: Tile, along_k: tuple[bool, bool], instruction: str) -> Tile:
    """The tile with the stages and occupancy that `PIPELINES` has for wgmma; other tiles stay as they are."""
    if instruction not in WGMMA:
        return tile
    stages, occupancy = PIPELINES[instruction, tile.rows, tile.columns, along_k[0]]
    return tile._replace(stages=stages, occupancy=occupancy)


def definitions(tile: Tile, instruction: str) -> dict[str, int]:
    """The macros that `exact.cuh`, `rounded.cuh` and `hopper.cuh` read."""
    which = "THREAD" if instruction == FMA else "WARP"
    found = {"TILE_M": tile.rows, "TILE_N": tile.columns, f"{which}_M": tile.share[0], f"{which}_N": tile.share[1]}
    found |= {"TILE_K": tile.depth, "PIPELINE_STAGES": tile.stages}
    if instruction == FMA:
        return found
    found |= {"PRECISION": PRECISION_BITS[instruction], "OCCUPANCY": tile.occupancy}
    if instruction in WGMMA:
        found["HOPPER"] = 1
    if instruction == WGMMA_BF16:
        found["BF16"] = 1
    return found


def shared_bytes(tile: Tile, along_k: tuple[bool, bool], dtype: np.dtype[Any], instruction: str) -> int:
    """Bytes of shared memory that `product.cuh` needs: pairs of tiles, lines padded by `PAD` of exact.cuh and rounded.cuh.

    An example: 128 × 64 in float32, 16 deep, two stages, A's lines along k and B's not. A is 128 lines of 16 + 4 numbers, B
    16 lines of 64 + 8; together 2 · (2560 + 1152) · 4 = 29,696 bytes.
    """
    chunk = 16 // dtype.itemsize
    pads = {
        FMA: {True: chunk, False: 2 * chunk}, MMA_TF32: {True: 4, False: 8}, MMA_BF16: {True: 8, False: 4},
        WGMMA_TF32: {True: 0, False: 8}, WGMMA_BF16: {True: 0, False: 0},
    }[instruction]  # fmt: skip
    numbers = 0
    for size, along in zip((tile.rows, tile.columns), along_k, strict=True):
        lines, length = (size, tile.depth) if along else (tile.depth, size)
        numbers += lines * (length + pads[along])
    return tile.stages * numbers * (BF16.itemsize if instruction == WGMMA_BF16 else dtype.itemsize)


def multiply(
    source: str,
    kernel: str,
    arrays: tuple[Array, Array],
    shape: tuple[int, ...],
    sizes: tuple[int, int, int],
    along_k: tuple[bool, bool],
    aligned: tuple[int, int],
    *,
    instruction: str,
    middle: Sequence[int] = (),
    copies: int = 1,
    into: Into | None = None,
    epilogue: Epilogue | None = None,
) -> Array:
    """Run a product kernel, with split-K where it has few blocks, and give its result, of `shape`.

    sizes: rows, columns and inner length of the product (of the largest of `copies` products that run side by side).
    instruction: what multiplies (`instruction_for`); along_k, aligned: of the operands as the kernel reads them.
    middle: the kernel's arguments between the result and the depth of a split.
    epilogue: for kernels whose result may be a layer's output (`WITH_EPILOGUE`): what is done to it, by the product's
        kernel if there is one split and the activation is one of FUSED_ACTIVATIONS, else by the reduction.
    """
    first = arrays[0]
    dtype = np.dtype(np.float32) if first.dtype == BF16 else first.dtype
    rows, columns, depth = sizes
    tile = choose_tile(rows, columns, depth, copies, dtype, instruction)
    tile = pipelined(tile, along_k, instruction)
    fusible = epilogue is not None and epilogue.activation.kind in FUSED_ACTIVATIONS
    wanted = MULTIPROCESSORS if instruction in WGMMA else BLOCKS
    split_depth, splits = _split_k(_blocks(rows, columns, tile) * copies, depth, tile.depth, wanted)
    fused = epilogue if splits == 1 and fusible else None
    destination = Destination.of(into, first, shape, dtype)
    result, add = destination.array, destination.add
    to = result if splits == 1 else new(first, (splits, *shape), dtype)
    if result.size:
        grid = (-(-rows // tile.rows), -(-columns // tile.columns), copies * splits)
        launch(
            source,
            kernel,
            grid,
            (threads(tile, instruction),),
            (*arrays, to, *middle, split_depth, *aligned, add and splits == 1, *_epilogue_of(kernel, fused)),
            dtype=dtype,
            definitions=definitions(tile, instruction),
            shared=shared_bytes(tile, along_k, dtype, instruction),
        )
        if splits > 1 or (epilogue is not None and not fusible):
            reduce_splits(to, splits, result, add, epilogue)
    return destination.written()


def reduce_splits(partial: Array, splits: int, result: Array, add: bool, epilogue: Epilogue | None) -> None:
    """Add the partial results of a product with split-K, and compute its epilogue."""
    bias, *ends = epilogue_arguments(epilogue)
    channels = result.shape[-1]
    aligned = is_aligned(result, result.size if bias is None else channels)
    numbers = result.size, add, result, bias, channels, aligned, *ends
    lanes = next((lanes for lanes, least in zip(REDUCTION_LANES, LEAST_SPLITS, strict=True) if splits >= least), 1)
    width = REDUCTION_THREADS // lanes
    packs = result.size // (16 // result.itemsize if aligned else 1)
    grid = (max(1, min(-(-packs // width), 16 * MULTIPROCESSORS)),)
    launch("reduce_splits.cu", "reduce_splits", grid, (width, lanes), (partial, splits, *numbers), dtype=result.dtype)


def _epilogue_of(kernel: str, epilogue: Epilogue | None) -> tuple[Argument, ...]:
    """The last arguments of kernels that can compute the epilogue of a layer's output."""
    if kernel not in WITH_EPILOGUE:
        assert epilogue is None, kernel
        return ()
    return epilogue_arguments(epilogue)


def epilogue_arguments(epilogue: Epilogue | None) -> tuple[Argument, ...]:
    """Return (bias, kind, slope) as kernels take them; None stands for the identity."""
    if epilogue is None:
        return None, 0, 0.0
    bias = None if epilogue.bias is None else contiguous(epilogue.bias)
    return bias, *function(epilogue.activation)


def threads(tile: Tile, instruction: str) -> int:
    """Return how many threads a block has."""
    shares = tile.rows // tile.share[0] * (tile.columns // tile.share[1])
    return shares if instruction == FMA else 128 * shares if instruction in WGMMA else 32 * shares


def _blocks(rows: int, columns: int, tile: Tile) -> int:
    return -(-rows // tile.rows) * -(-columns // tile.columns)


def _split_k(blocks: int, depth: int, step: int, wanted: int) -> tuple[int, int]:
    """(depth of a split, number of splits) with which `blocks` tiles become about `wanted` blocks.

    An example: 6 tiles, an inner index of 3,000 in steps of 16, and 264 blocks wanted. There are 188 steps. 264 // 6 = 44
    splits would give enough blocks, but 188 // LEAST_STEPS = 23 are the most that are worth it. 188 / 23 is 9 steps, rounded
    up, or a depth of 144; so 21 splits suffice, the last of which has 8 steps.
    """
    steps = max(1, -(-depth // step))
    splits = max(1, min(wanted // max(blocks, 1), steps // LEAST_STEPS, MOST_SPLITS))
    length = -(-steps // splits)
    return length * step, -(-steps // length)
