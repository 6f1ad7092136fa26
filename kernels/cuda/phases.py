"""Into which products a transposed convolution falls (`Phase` in `sources/pictures.cuh`), from the sizes and units alone."""

from __future__ import annotations

from typing import NamedTuple

from ..geometry import Geometry
from .product import GROUPS, MULTIPROCESSORS, TILES

LONG_ROW = 8
"""Pixels of b in a row from which one more costs little."""


class Phases(NamedTuple):
    """How many products run side by side, and of what size."""

    products: int
    pixels: int
    """Of a picture, in the largest of them."""
    columns: int
    """Channels of such a pixel."""
    folded: bool
    """Whether all phases of one row of the stride are one product, whose pixels have sw·C_a channels."""


def phases_of(g: Geometry, units: str) -> Phases:
    """Folded for warpgroups where C_a is few channels for a tile, rows are long, and blocks are enough.

    A folded product reads each number of b sw times less often; its rows have a few pixels more, of which parts lie outside.
    """
    if units not in GROUPS or g.kernel[1] % g.stride[1] or g.small[1] < LONG_ROW:
        return split(g)
    found, tile = folded(g), TILES[units]["large"]
    pays = g.large[2] < found.columns <= tile.columns
    return found if pays and found.products * (g.batch * found.pixels // tile.rows) >= MULTIPROCESSORS else split(g)


def split(g: Geometry) -> Phases:
    """A product for each phase."""
    high, wide = (-(-size // stride) for size, stride in zip(g.large[:2], g.stride, strict=True))
    return Phases(g.stride[0] * g.stride[1], high * wide, g.large[2], False)


def folded(g: Geometry) -> Phases:
    """A product for each row of the stride; kw must be a multiple of sw."""
    stride, padding = g.stride[1], g.padding[1]
    first, end = max(-((stride - 1 - padding) // stride), 0), -(-(g.large[1] + padding) // stride)
    return Phases(g.stride[0], -(-g.large[0] // g.stride[0]) * (end - first), stride * g.large[2], True)
