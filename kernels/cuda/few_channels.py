"""Transposed convolution to few channels on the GPU (`few_channels.cu`): a block multiplies some rows of b by all of w."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ..geometry import Geometry
from .alignment import is_aligned
from .launcher import launch, new
from .product import FMA, OF_THREADS_OR_WARPS, Epilogue, Tile, definitions, epilogue_arguments, shared_bytes, threads

SOURCE = "few_channels.cu"
PIXELS = 256
"""The number of pixels of b in a block."""
MOST_COLUMNS = 64
"""The product of taps and channels of a above which the tiles of convolution.cu waste little."""
FEW = 4
"""The largest number of channels of a with which it is used, as in few_channels.cu."""
MOST_IMAGES = 65535
"""The largest extent of a grid along y, where a block's image is counted."""


class Share(NamedTuple):
    """The part of the result that one block of threads computes."""

    high: int
    """The number of rows of a."""
    columns: int
    """The columns of the product: taps times channels of a, rounded up to a multiple of 16."""


def share_of(g: Geometry, dtype: np.dtype[Any]) -> Share | None:
    """Return a block's share, from the sizes alone.

    It is None where a block's tile does not hold the receptive field of even a few rows of a, and for float64, whose tiles
    would not fit in shared memory that needs no asking; it is not in a hurry.
    """
    taps = g.kernel[0] * g.kernel[1] * g.large[2]
    if dtype != np.float32 or g.large[2] > FEW or taps > MOST_COLUMNS or g.batch > MOST_IMAGES or not g.small[1]:
        return None
    rows = PIXELS // g.small[1]
    # The receptive field of `high` rows of a has at most (high + kernel − 2) // stride + 1 rows of b.
    high = rows * g.stride[0] - g.kernel[0] + 1
    if high < min(g.stride[0], g.large[0]):
        return None
    blocks = -(-g.large[0] // min(high, g.large[0]))
    return Share(-(-g.large[0] // blocks), -(-taps // 16) * 16)


def to_large(
    g: Geometry,
    numbers: tuple[int, ...],
    weight: Array,
    small: Array,
    share: Share,
    precision: str,
    epilogue: Epilogue | None,
) -> Array:
    """Return f(∂T/∂a + bias), from w and b in C order; numbers: of the geometry, as kernels take them."""
    result = new(weight, g.large_shape)
    if not result.size:
        return result
    instruction = OF_THREADS_OR_WARPS[precision]
    tile = tile_of(share.columns, instruction)
    aligned = is_aligned(small, g.small[2]) & is_aligned(weight, g.small[2])
    launch(
        SOURCE,
        "to_large_few",
        (-(-g.large[0] // share.high), g.batch),
        (threads(tile, instruction),),
        (weight, small, result, *numbers, share.high, aligned, *epilogue_arguments(epilogue)),
        dtype=weight.dtype,
        definitions=definitions(tile, instruction),
        shared=max(shared_bytes(tile, (True, True), weight.dtype, instruction), 4 * tile.rows * (tile.columns + 1)),
    )
    return result


def tile_of(columns: int, instruction: str) -> Tile:
    """Return the tile of PIXELS rows in which each thread or warp keeps all columns that it can."""
    if instruction == FMA:
        return Tile(PIXELS, columns, (16, columns // 16), 16, 2)
    return Tile(PIXELS, columns, (32, columns), 32, 2, 2)
