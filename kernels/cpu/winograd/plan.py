"""The plan: which geometries it serves, blocking, memory, and the calls."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ... import threads
from ...geometry import Geometry
from ...interfaces import Into
from ...reference.placing import place
from .. import pool
from ..layouts import contiguous, flat, read_only, swapped
from ..tiles import tiling
from ..vectors import ROWS, lanes
from ..workspace import buffer
from . import contractions
from .contractions import BREADTH, GRADIENT_BREADTH
from .points import DEPTH, PRODUCTS, large_points, points_size, small_points

BLOCK_TILES = 64
"""Tiles that share one transformation of the weights."""
ITEMS = 16
"""Blocks of dU, where the weights are large enough."""
SHARES = 16
"""Parts into which clearing a picture is divided."""
SHARED_BYTES = 2 << 20
"""Of V and dM at a time. More is a little faster where the system's pages are huge all the way down, and up to three times
slower in a virtual machine where they are not: the writes of a tile go to 25 places, each a look-up of its page."""


class Weights:
    """The weights, and with the last two axes exchanged once somebody asks."""

    def __init__(self, weight: Array) -> None:
        self.straight = contiguous(weight)
        self._swapped: Array | None = None

    @property
    def swapped(self) -> Array:
        """(kernel height, kernel width, channels of b, channels of a)."""
        if self._swapped is None:
            self._swapped = swapped(self.straight)
        return self._swapped


class WinogradPlan:
    """One geometry."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        rows, columns = tiling(geometry)
        self.taps = (0,) * rows.taps
        self.large = (rows.large, columns.large)
        self.small = (rows.small, columns.small)
        self.kernel = (rows.weight, columns.weight)
        self.large_size = (geometry.large[0] * geometry.large[1] * geometry.large[2], geometry.large[2])
        self.small_size = (geometry.small[0] * geometry.small[1] * geometry.small[2], geometry.small[2])
        self.depth = geometry.stride[0] * geometry.stride[1] * geometry.large[2]
        per_picture = rows.tiles * columns.tiles
        self.block_pictures = min(geometry.batch, max(1, BLOCK_TILES // per_picture))
        self.panels = -(-self.block_pictures * per_picture // ROWS)
        self.tiles = (rows.tiles, columns.tiles)
        self.covered = rows.covered and columns.covered

    def prepare_weight(self, weight: Array) -> Weights:
        """w itself; G·g·Gᵀ is made piece by piece where it is used."""
        return Weights(weight)

    def prepare_large(self, large: Array) -> Array:
        """a itself."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """b itself."""
        return contiguous(small)

    def to_small(self, weight: Weights, large: Array) -> Array:
        """b = Aᵀ(Σ V·U)A."""
        small = np.empty(self.geometry.small_shape, large.dtype)
        blocks = self._blocks(self.depth, large.dtype)
        points = self._points("V", blocks, self.depth, large.dtype)
        weights = self._weights(read_only(weight.straight), self.geometry.large[2], self.geometry.small[2])
        items = -(-self.geometry.small[2] // BREADTH)
        key, scratch = self._key(large), self._scratch(large.dtype)
        for group in self._groups(blocks):
            gap = group.gap(self.depth, lanes(large.dtype))
            a, b = read_only(large[group.pictures]), flat(small[group.pictures])
            self._large_points(key, group, a, points, gap)
            where = (points, gap, group.blocks * self.panels, self.depth, group.layout)
            arguments = (self.taps, *where, weights, *scratch, b, *self.small)
            pool.run(contractions.small_item, key, group.blocks * items, (*arguments, self.small_size))
        return small

    def to_large(self, weight: Weights, small: Array) -> Array:
        """a = Σ_tiles B(Σ dM·Uᵀ)Bᵀ."""
        large = np.empty(self.geometry.large_shape, small.dtype)
        depth = self.geometry.small[2]
        blocks = self._blocks(depth, small.dtype)
        points = self._points("dM", blocks, depth, small.dtype)
        weights = self._weights(read_only(weight.swapped), depth, self.geometry.large[2])
        items = -(-self.depth // BREADTH)
        key, scratch = self._key(small), self._scratch(small.dtype)
        for group in self._groups(blocks):
            gap = group.gap(depth, lanes(small.dtype))
            a, b = flat(large[group.pictures]), read_only(small[group.pictures])
            self._small_points(key, group, b, points, gap)
            if not self.covered:
                pool.run(contractions.zero, key, SHARES, (SHARES, a))
            where = (points, gap, group.blocks * self.panels, depth, group.layout)
            arguments = (self.taps, *where, weights, *scratch, a, *self.large)
            pool.run(
                contractions.large_item,
                key,
                group.blocks * items,
                (*arguments, self.large_size, self.geometry.stride),
            )
        return large

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """dw = Gᵀ(Σ_tiles V·dM)G; dU is summed from group to group."""
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else np.empty(self.geometry.weight_shape, large.dtype)
        add = into is not None and direct and into.add
        dtype, breadth = large.dtype, self.geometry.small[2]
        blocks = self._blocks(self.depth + breadth, dtype)
        v, dm = self._points("V", blocks, self.depth, dtype), self._points("dM", blocks, breadth, dtype)
        weights = self._weights(flat(weight), self.geometry.large[2], breadth)
        chunks = -(-breadth // GRADIENT_BREADTH)
        share = max(ROWS, min(64, self.depth * chunks // ITEMS // ROWS * ROWS))
        items = -(-self.depth // share) * chunks
        groups = self._groups(blocks)
        du_gap = share * min(breadth, GRADIENT_BREADTH) + lanes(dtype)
        du = buffer("dU", (items if len(groups) > 1 else threads.count()) * PRODUCTS * du_gap, dtype)
        key = self._key(large)
        for group in groups:
            v_gap, dm_gap = group.gap(self.depth, lanes(dtype)), group.gap(breadth, lanes(dtype))
            self._large_points(key, group, read_only(large[group.pictures]), v, v_gap)
            self._small_points(key, group, read_only(small[group.pictures]), dm, dm_gap)
            stage = (len(groups) > 1, group is groups[0], group is groups[-1], add)
            pool.run(
                contractions.weight_item,
                key,
                items,
                (
                    self.taps,
                    v,
                    v_gap,
                    dm,
                    dm_gap,
                    group.blocks * self.panels,
                    self.depth,
                    du,
                    du_gap,
                    *stage,
                    weights,
                    share,
                ),
            )
        return weight if into is None or direct else place(weight, into)

    def _large_points(self, key: Any, group: Group, a: Array, points: Array, gap: int) -> None:
        arguments = (
            group.blocks * self.panels,
            self.taps,
            a,
            *self.large,
            group.layout,
            self.geometry.stride,
            self.large_size,
            points,
            gap,
        )
        pool.run(large_points, key, group.blocks * self.panels, arguments)

    def _small_points(self, key: Any, group: Group, b: Array, points: Array, gap: int) -> None:
        arguments = (group.blocks * self.panels, self.taps, b, *self.small, group.layout, self.small_size, points, gap)
        pool.run(small_points, key, group.blocks * self.panels, arguments)

    def _key(self, array: Array) -> Any:
        """What argument types depend on."""
        return array.dtype, len(self.taps)

    def _weights(self, weight: Array, height: int, breadth: int) -> Any:
        return weight, *self.kernel, self.geometry.stride[1], (height, breadth)

    def _blocks(self, depth: int, dtype: Any) -> int:
        """Blocks whose points are held at a time."""
        each = PRODUCTS * self.panels * ROWS * depth * int(np.dtype(dtype).itemsize)
        return min(-(-self.geometry.batch // self.block_pictures), max(1, SHARED_BYTES // each))

    def _groups(self, blocks: int) -> list[Group]:
        """The batch in groups of so many blocks."""
        each, found = blocks * self.block_pictures, []
        for first in range(0, self.geometry.batch, each):
            pictures = slice(first, min(first + each, self.geometry.batch))
            here = pictures.stop - first
            layout = (self.panels, self.block_pictures, here, *self.tiles)
            found.append(Group(pictures, -(-here // self.block_pictures), layout))
        return found

    def _points(self, name: str, blocks: int, depth: int, dtype: Any) -> Array:
        return buffer(name, PRODUCTS * points_size(blocks * self.panels, depth, lanes(dtype)), dtype)

    def _scratch(self, dtype: Any) -> tuple[Array, int, Array, int]:
        """Blocks of U and M for each thread."""
        u_gap = DEPTH * BREADTH + lanes(dtype)
        m_gap = self.panels * ROWS * BREADTH + lanes(dtype)
        each = PRODUCTS * threads.count()
        return buffer("U", each * u_gap, dtype), u_gap, buffer("M", each * m_gap, dtype), m_gap


class Group(NamedTuple):
    """Pictures whose points are in memory together."""

    pictures: slice
    blocks: int
    layout: tuple[int, ...]
    """(panels a block, pictures a block, pictures, tiles along both axes): what the kernels call layout."""

    def gap(self, depth: int, line: int) -> int:
        """From one point to the next, for points of so many channels."""
        return points_size(self.blocks * self.layout[0], depth, line)


class Winograd:
    """Convolution by Toom–Cook/Winograd over the polyphase form."""

    def plan(self, geometry: Geometry) -> WinogradPlan:
        """One plan a geometry."""
        return WinogradPlan(geometry)
