"""Which places of the images and of the kernel the tiles of a fast convolution read: tables of offsets, −1 outside.

With stride s a convolution splits into s·s phases, each a stride-1 convolution of every s-th pixel with every s-th tap:

    tap u = s·u' + p,   row r = s·i + u − padding = s·(i + u') + p − padding         u' < r taps,  p < s

so a tile of m outputs i reads, for each phase p, the n = m + r − 1 rows  s·(first + e) + p − padding,  e < n, and all phases
are summed by the product, which runs over (phase, channel). Nothing is copied: the tables say where the phases lie.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ..geometry import Geometry
from .toom_cook import POINTS


class Axis(NamedTuple):
    """One axis of all tables; entries are offsets in numbers, −1 outside."""

    tiles: int
    taps: int
    large: Array
    """[(tile·stride + phase)·n + e] of the large image."""
    small: Array
    """[tile·m + e] of the small image."""
    weight: Array
    """[phase·r + u'] of the kernel."""
    covered: bool
    """Whether every place of the large image belongs to a tile (the last ones may not, with output_padding)."""


class Tiling(NamedTuple):
    """The tables of both axes."""

    rows: Axis
    columns: Axis


def taps(geometry: Geometry) -> tuple[int, int]:
    """Return how many taps each phase has along either axis: ⌈kernel / stride⌉."""
    (kh, kw), (sh, sw) = geometry.kernel, geometry.stride
    return -(-kh // sh), -(-kw // sw)


@lru_cache(maxsize=256)
def tiling(geometry: Geometry) -> Tiling:
    """Return the tables of a geometry, which are made once.

    For example along one axis of 8 pixels, kernel 4, stride 2 and padding 1 have 2 phases of 2 taps. With 5 points a tile is
    m = 4 outputs, so one tile makes all four; −1 is a place outside:

        phase 0 (taps 0 and 2)    pixels −1  1  3  5  7        phase 1 (taps 1 and 3)    pixels  0  2  4  6 −1
    """
    return Tiling(_axis(geometry, 0), _axis(geometry, 1))


def _axis(geometry: Geometry, axis: int) -> Axis:
    (kernel, stride, padding) = (sizes[axis] for sizes in (geometry.kernel, geometry.stride, geometry.padding))
    large, small, reads = geometry.large[axis], geometry.small[axis], taps(geometry)[axis]
    points = len(POINTS)
    outputs = points + 1 - reads
    tiles = -(-small // outputs)
    # what one step along this axis is worth in each array
    a_step = geometry.large[2] * (geometry.large[1] if axis == 0 else 1)
    b_step = geometry.small[2] * (geometry.small[1] if axis == 0 else 1)
    w_step = geometry.large[2] * geometry.small[2] * (geometry.kernel[1] if axis == 0 else 1)
    tile, phase, entry = np.ogrid[:tiles, :stride, :points]
    places = stride * (tile * outputs + entry) + phase - padding
    return Axis(
        tiles,
        reads,
        _offsets(places, large, a_step),
        _offsets(np.arange(tiles * outputs), small, b_step),
        _offsets(stride * np.arange(reads) + np.arange(stride)[:, None], kernel, w_step),
        bool(np.isin(np.arange(large), places).all()),
    )


def _offsets(places: Any, size: int, step: int) -> Array:
    flat = np.ascontiguousarray(places, np.int64).reshape(-1)
    return np.where((flat >= 0) & (flat < size), flat * step, -1)
