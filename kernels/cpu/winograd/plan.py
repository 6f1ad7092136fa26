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
PART_BYTES = 4 << 20
"""The largest dU that each thread has for itself."""
SHARES = 16
"""Parts into which clearing an image is divided."""
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
        per_image = rows.tiles * columns.tiles
        self.block_images = min(geometry.batch, max(1, BLOCK_TILES // per_image))
        self.panels = -(-self.block_images * per_image // ROWS)
        self.blocks = -(-geometry.batch // self.block_images)
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
        dtype, alone = large.dtype, self._alone()
        points = self._points("V", 1 if alone else self._blocks(self.depth, dtype), self.depth, dtype, alone)
        weights = self._weights(read_only(weight.straight), self.geometry.large[2], self.geometry.small[2])
        items = -(-self.geometry.small[2] // BREADTH)
        key, scratch = self._key(large), self._scratch(dtype)
        for group in self._groups(self.blocks if alone else self._blocks(self.depth, dtype)):
            slots = self.panels if alone else group.blocks * self.panels
            gap = points_size(slots, self.depth, lanes(dtype))
            a, b = read_only(large[group.images]), flat(small[group.images])
            if not alone:
                self._large_points(key, group, a, points, gap)
            taken = (alone, self.taps, a, *self.large, self.large_size, self.geometry.stride, points, gap, slots)
            given = (group.layout, weights, *scratch, b, *self.small, self.small_size)
            pool.run(contractions.small_item, key, group.blocks * (1 if alone else items), (*taken, *given))
        return small

    def to_large(self, weight: Weights, small: Array) -> Array:
        """a = Σ_tiles B(Σ dM·Uᵀ)Bᵀ."""
        large = np.empty(self.geometry.large_shape, small.dtype)
        depth = self.geometry.small[2]
        dtype, alone = small.dtype, self._alone()
        points = self._points("dM", 1 if alone else self._blocks(depth, dtype), depth, dtype, alone)
        weights = self._weights(read_only(weight.swapped), depth, self.geometry.large[2])
        items = -(-self.depth // BREADTH)
        key, scratch = self._key(small), self._scratch(dtype)
        for group in self._groups(self.blocks if alone else self._blocks(depth, dtype)):
            slots = self.panels if alone else group.blocks * self.panels
            gap = points_size(slots, depth, lanes(dtype))
            a, b = flat(large[group.images]), read_only(small[group.images])
            if not alone:
                self._small_points(key, group, b, points, gap)
            if not self.covered:
                pool.run(contractions.zero, key, SHARES, (SHARES, a))
            taken = (alone, self.taps, b, *self.small, self.small_size, self.geometry.stride, points, gap, slots)
            given = (group.layout, weights, *scratch, a, *self.large, self.large_size)
            pool.run(contractions.large_item, key, group.blocks * (1 if alone else items), (*taken, *given))
        return large

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """dw = Gᵀ(Σ_tiles V·dM)G; dU is summed from group to group."""
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else np.empty(self.geometry.weight_shape, large.dtype)
        add = into is not None and direct and into.add
        weights = self._weights(flat(weight), self.geometry.large[2], self.geometry.small[2])
        if self._alone() and PRODUCTS * self.depth * self.geometry.small[2] * weight.itemsize <= PART_BYTES:
            self._weight_in_parts(large, small, weights, add)
        else:
            self._weight_in_pieces(large, small, weights, add)
        return weight if into is None or direct else place(weight, into)

    def _weight_in_parts(self, large: Array, small: Array, weights: Any, add: bool) -> None:
        """Each thread sums all of dU over some of the images."""
        dtype, breadth, line, parts = large.dtype, self.geometry.small[2], lanes(large.dtype), threads.count()
        at_once = max(1, min(self.blocks // parts, self._blocks(self.depth + breadth, dtype)))
        slots, key = at_once * self.panels, self._key(large)
        v_gap, dm_gap = points_size(slots, self.depth, line), points_size(slots, breadth, line)
        du_gap = self.depth * breadth + line
        v, dm = self._points("V", at_once, self.depth, dtype, True), self._points("dM", at_once, breadth, dtype, True)
        du = buffer("dU", parts * PRODUCTS * du_gap, dtype)
        layout = (self.panels, self.block_images, self.geometry.batch, *self.tiles)
        taken = (read_only(large), *self.large, self.large_size, self.geometry.stride)
        other = (read_only(small), *self.small, self.small_size, layout)
        arguments = (parts, self.blocks, at_once, self.taps, *taken, *other, v, v_gap, dm, dm_gap, du, du_gap)
        pool.run(contractions.weight_part, key, parts, arguments)
        share = max(ROWS, self.depth // ITEMS // ROWS * ROWS)
        items = -(-self.depth // share)
        given = (self.taps, parts, self.depth, du, du_gap, add, weights, share)
        pool.run(contractions.weight_sum, key, items, given)

    def _weight_in_pieces(self, large: Array, small: Array, weights: Any, add: bool) -> None:
        """Each thread sums some of dU over all images, from group to group."""
        dtype, breadth, line = large.dtype, self.geometry.small[2], lanes(large.dtype)
        blocks = self._blocks(self.depth + breadth, dtype)
        v, dm = self._points("V", blocks, self.depth, dtype), self._points("dM", blocks, breadth, dtype)
        chunks = -(-breadth // GRADIENT_BREADTH)
        share = max(ROWS, min(64, self.depth * chunks // ITEMS // ROWS * ROWS))
        items = -(-self.depth // share) * chunks
        groups, key = self._groups(blocks), self._key(large)
        du_gap = share * min(breadth, GRADIENT_BREADTH) + line
        du = buffer("dU", (items if len(groups) > 1 else threads.count()) * PRODUCTS * du_gap, dtype)
        for group in groups:
            panels = group.blocks * self.panels
            v_gap, dm_gap = points_size(panels, self.depth, line), points_size(panels, breadth, line)
            self._large_points(key, group, read_only(large[group.images]), v, v_gap)
            self._small_points(key, group, read_only(small[group.images]), dm, dm_gap)
            stage = (len(groups) > 1, group is groups[0], group is groups[-1], add)
            points = (v, v_gap, dm, dm_gap, panels, self.depth)
            pool.run(contractions.weight_item, key, items, (self.taps, *points, du, du_gap, *stage, weights, share))

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
        return min(self.blocks, max(1, SHARED_BYTES // each))

    def _groups(self, blocks: int) -> list[Group]:
        """The batch in groups of so many blocks."""
        each, found = blocks * self.block_images, []
        for first in range(0, self.geometry.batch, each):
            images = slice(first, min(first + each, self.geometry.batch))
            here = images.stop - first
            layout = (self.panels, self.block_images, here, *self.tiles)
            found.append(Group(images, -(-here // self.block_images), layout))
        return found

    def _points(self, name: str, blocks: int, depth: int, dtype: Any, alone: bool = False) -> Array:
        each = PRODUCTS * points_size(blocks * self.panels, depth, lanes(dtype))
        return buffer(name, each * (threads.count() if alone else 1), dtype)

    def _alone(self) -> bool:
        """Whether there are blocks enough for each thread to make points for itself.

        Where two cores share no third-level cache, points that one made and the other reads cost up to twice the time.
        """
        return self.blocks >= 2 * threads.count()

    def _scratch(self, dtype: Any) -> tuple[Array, int, Array, int]:
        """Blocks of U and M for each thread."""
        u_gap = DEPTH * BREADTH + lanes(dtype)
        m_gap = self.panels * ROWS * BREADTH + lanes(dtype)
        each = PRODUCTS * threads.count()
        return buffer("U", each * u_gap, dtype), u_gap, buffer("M", each * m_gap, dtype), m_gap


class Group(NamedTuple):
    """Images whose points are in memory together."""

    images: slice
    blocks: int
    layout: tuple[int, ...]
    """(panels a block, images a block, images, tiles along both axes): what the kernels call layout."""


class Winograd:
    """Convolution by Toom–Cook/Winograd over the polyphase form."""

    def plan(self, geometry: Geometry) -> WinogradPlan:
        """One plan a geometry."""
        return WinogradPlan(geometry)
