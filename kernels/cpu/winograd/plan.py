"""The plan: which geometries it serves, blocking, memory, and the calls."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ... import threads
from ...geometry import Geometry
from ...interfaces import Into
from ...reference.placing import place
from .. import pool
from ..as_given import ImagesAsGiven
from ..heap import empty
from ..layouts import contiguous, flat, read_only, swapped
from ..tiles import Axis, tiling
from ..transform import Points
from ..vectors import ROWS, TRANSPOSED_ROWS, lanes
from ..workspace import buffer
from . import contractions
from .contractions import BREADTH, GRADIENT_BREADTH, Reduction, Scratch, Split, Steps
from .points import (
    DEPTH,
    PRODUCTS,
    SIDE,
    Blocks,
    Image,
    Kernel,
    TilePoints,
    large_points,
    points_size,
    small_points,
)

BLOCK_TILES = 64
"""Tiles that share one transformation of the weights."""
ITEMS = 16
"""Blocks of dU, where the weights are large enough."""
SPLIT_BYTES = 4 << 20
"""The largest dU that each thread has for itself."""
SHARES = 16
"""Shares into which clearing an image is divided."""
SHARED_BYTES = 2 << 20
"""Of V and dM at a time. More is a little faster where the system's pages are huge all the way down, and up to three times
slower in a virtual machine where they are not: the writes of a tile go to 25 places, each a look-up of its page."""


class Weights:
    """The weights of a convolution, and the same with the last two axes exchanged once somebody asks for that."""

    def __init__(self, weight: Array) -> None:
        self.straight = contiguous(weight)
        self._swapped: Array | None = None

    @property
    def swapped(self) -> Array:
        """Return the weights as (kernel height, kernel width, channels of b, channels of a)."""
        found = self._swapped  # which another thread may release meanwhile
        if found is None:
            found = self._swapped = swapped(self.straight)
        return found

    def release(self) -> None:
        """Free the exchanged form, which is made again if somebody asks for it."""
        self._swapped = None


class Side(NamedTuple):
    """What is fixed about the large or the small images of a geometry: the fields of `Image` behind its array."""

    rows: Array
    columns: Array
    size: int
    channels: int
    phases_high: int
    phases_wide: int
    entries: int

    @property
    def depth(self) -> int:
        """Return how many numbers (phase, channel) a tile has at each point."""
        return self.phases_high * self.phases_wide * self.channels


class Group(NamedTuple):
    """The images whose points are in memory together."""

    images: slice
    block_count: int
    """How many blocks of tiles they have."""
    blocks: Blocks


class WinogradPlan(ImagesAsGiven):
    """The three products at points for one geometry."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        rows, columns = tiling(geometry)
        self.taps = rows.taps
        large, small = geometry.large, geometry.small
        self.large = Side(rows.large, columns.large, math.prod(large), large[2], *geometry.stride, SIDE)
        self.small = Side(rows.small, columns.small, math.prod(small), small[2], 1, 1, SIDE + 1 - self.taps)
        self.kernel = (rows.weight, columns.weight, geometry.stride[1])
        per_image = self.per_image = rows.tiles * columns.tiles
        self.block_images = min(geometry.batch, max(1, BLOCK_TILES // per_image))
        self.panels = -(-self.block_images * per_image // ROWS)
        self.blocks = -(-geometry.batch // self.block_images)
        self.places, self.needed = _order(rows, columns, small[:2], self.block_images, self.panels)
        self.covered = rows.covered and columns.covered

    def prepare_weight(self, weight: Array) -> Weights:
        """Return the weights as they are; G·g·Gᵀ is made piece by piece where it is used."""
        return Weights(weight)

    def to_small(self, weight: Weights, large: Array) -> Array:
        """Return b = Aᵀ(Σ V·U)A."""
        small = empty(self.geometry.small_shape, large.dtype)
        kernel = Kernel(read_only(weight.straight), *self.kernel, self.large.channels, self.small.channels, True)
        self._transform(large, self.large, "V", large_points, kernel, contractions.small_item, small, self.small)
        return small

    def to_large(self, weight: Weights, small: Array) -> Array:
        """Return a = Σ_tiles B(Σ dM·Uᵀ)Bᵀ."""
        large = empty(self.geometry.large_shape, small.dtype)
        if not self.covered:
            pool.run(contractions.zero, large.dtype, SHARES, (SHARES, flat(large)))
        kernel = Kernel(read_only(weight.swapped), *self.kernel, self.small.channels, self.large.channels, False)
        self._transform(small, self.small, "dM", small_points, kernel, contractions.large_item, large, self.large)
        return large

    def _transform(
        self,
        source: Array,
        given: Side,
        name: str,
        make_points: Any,
        kernel: Kernel,
        item: Any,
        target: Array,
        wanted: Side,
    ) -> None:
        """Go from images to their points, multiply with the weights' points, and go back to the other images."""
        dtype, alone = source.dtype, self._alone()
        blocks = 1 if alone else self._blocks(given.depth, dtype)
        points = self._points(name, blocks, given.depth, dtype, alone)
        items = 1 if alone else -(-wanted.depth // BREADTH)
        scratch = self._scratch(dtype)
        for group in self._groups(self.blocks if alone else blocks, alone):
            image = Image(read_only(source[group.images]), *given)
            if not alone:
                points = self._of_group(points, group)
                self._run(make_points, dtype, group.block_count * self.panels, (image, group.blocks, points))
            result = Image(flat(target[group.images]), *wanted)
            arguments = (image, points, group.blocks, kernel, scratch, result)
            self._run(item, dtype, group.block_count * items, arguments)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw = Gᵀ(Σ_tiles V·dM)G; dU is summed from group to group."""
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else empty(self.geometry.weight_shape, large.dtype)
        add = into is not None and direct and into.add
        kernel = Kernel(flat(weight), *self.kernel, self.large.channels, self.small.channels, True)
        if self._alone() and PRODUCTS * self.large.depth * self.small.depth * weight.itemsize <= SPLIT_BYTES:
            self._weight_split_k(large, small, kernel, add)
        else:
            self._weight_in_blocks(large, small, kernel, add)
        return weight if into is None or direct else place(weight, into)

    def _weight_split_k(self, large: Array, small: Array, kernel: Kernel, add: bool) -> None:
        """Let each thread sum all of dU over some of the images, then add these sums."""
        dtype, depth, breadth, splits = large.dtype, self.large.depth, self.small.depth, threads.count()
        at_once = max(1, min(self.blocks // splits, self._blocks(depth + breadth, dtype)))
        v, dm = (self._points(*which, dtype, True) for which in (("V", at_once, depth), ("dM", at_once, breadth)))
        gap = depth * breadth + lanes(dtype)
        du = Points(buffer("dU", splits * PRODUCTS * gap, dtype), 0, gap)
        a, b = Image(read_only(large), *self.large), Image(read_only(small), *self.small)
        blocks = self._layout(self.geometry.batch, True)
        arguments = (Split(splits, self.blocks, at_once), a, b, blocks, (v, dm, du))
        self._run(contractions.split_item, dtype, splits, arguments)
        reduction = Reduction(splits, _share(depth // ITEMS), depth, add)
        self._run(contractions.reduce_item, dtype, -(-depth // reduction.share), (reduction, du, kernel))

    def _weight_in_blocks(self, large: Array, small: Array, kernel: Kernel, add: bool) -> None:
        """Let each thread sum some blocks of dU over all images, from group to group."""
        dtype, depth, breadth = large.dtype, self.large.depth, self.small.depth
        blocks = self._blocks(depth + breadth, dtype)
        v, dm = self._points("V", blocks, depth, dtype), self._points("dM", blocks, breadth, dtype)
        chunks = -(-breadth // GRADIENT_BREADTH)
        share = _share(min(64, depth * chunks // ITEMS))
        items = -(-depth // share) * chunks
        groups = self._groups(blocks)
        kept, gap = len(groups) > 1, share * min(breadth, GRADIENT_BREADTH) + lanes(dtype)
        du = Points(buffer("dU", (items if kept else threads.count()) * PRODUCTS * gap, dtype), 0, gap)
        for group in groups:
            panels = group.block_count * self.panels
            v, dm = self._of_group(v, group), self._of_group(dm, group)
            a, b = read_only(large[group.images]), read_only(small[group.images])
            self._run(large_points, dtype, panels, (Image(a, *self.large), group.blocks, v))
            self._run(small_points, dtype, panels, (Image(b, *self.small), group.blocks, dm))
            steps = Steps(share, kept, group is groups[0], group is groups[-1], add)
            self._run(
                contractions.weight_item, dtype, items, (v, dm, group.blocks, group.block_count, du, steps, kernel)
            )

    def _run(self, part: Any, dtype: Any, count: int, arguments: tuple[Any, ...]) -> None:
        pool.run(part, (dtype, self.taps), count, (self.taps, *arguments), constants=1)

    def _blocks(self, depth: int, dtype: Any) -> int:
        """Return how many blocks have their points in memory at a time."""
        each = PRODUCTS * self.panels * ROWS * depth * int(np.dtype(dtype).itemsize)
        return min(self.blocks, max(1, SHARED_BYTES // each))

    def _groups(self, blocks: int, alone: bool = False) -> list[Group]:
        """Divide the batch into groups of so many blocks."""
        each, found = blocks * self.block_images, []
        for first in range(0, self.geometry.batch, each):
            images = slice(first, min(first + each, self.geometry.batch))
            here = images.stop - first
            found.append(Group(images, -(-here // self.block_images), self._layout(here, alone)))
        return found

    def _layout(self, images: int, alone: bool) -> Blocks:
        """Describe the blocks of a group of so many images."""
        return Blocks(self.panels, self.block_images, images, self.per_image, self.places, self.needed, alone)

    def _points(self, name: str, blocks: int, depth: int, dtype: Any, alone: bool = False) -> TilePoints:
        """Reserve room for the points of so many blocks, for all threads or for each."""
        slots = blocks * self.panels
        gap = points_size(slots, depth, lanes(dtype))
        return TilePoints(buffer(name, PRODUCTS * gap * (threads.count() if alone else 1), dtype), 0, gap, slots, depth)

    def _of_group(self, points: TilePoints, group: Group) -> TilePoints:
        """Return the same room with as many slots as a group has panels."""
        slots = group.block_count * self.panels
        return points._replace(slots=slots, gap=points_size(slots, points.depth, lanes(points.values.dtype)))

    def _alone(self) -> bool:
        """Whether there are blocks enough for each thread to make points for itself.

        Where two cores share no third-level cache, points that one made and the other reads cost up to twice the time.
        """
        return self.blocks >= 2 * threads.count()

    def _scratch(self, dtype: Any) -> Scratch:
        u_gap = DEPTH * BREADTH + lanes(dtype)
        m_gap = self.panels * ROWS * BREADTH + lanes(dtype)
        each = PRODUCTS * threads.count()
        return Scratch(buffer("U", each * u_gap, dtype), u_gap, buffer("M", each * m_gap, dtype), m_gap)


class Winograd:
    """Convolution by Toom–Cook/Winograd over the polyphase form."""

    def plan(self, geometry: Geometry) -> WinogradPlan:
        """Return the plan of a geometry, which is made once."""
        return _plan(geometry)


def _order(rows: Axis, columns: Axis, small: tuple[int, int], images: int, panels: int) -> tuple[Array, Array]:
    """Return `places` and `needed` of `Blocks`, for blocks of so many images.

    A tile whose last output lies outside can do without the point ∞: in ∂T/∂b only that output reads it, in the other two
    dM is 0 there, since it is that output. So 16 of 25 products are enough for a tile that is short along both axes.
    A map of 7×7 has all four kinds. They stand so that what needs ∞ along either axis, or both, stands together:

        ┌───┬───┐       place   0 …    n …    2n …   3n …     of n images
        │ A │ B │               B      A      C      D
        ├───┼───┤       ∞ along rows   └──────┘               (both directions: A alone)
        │ C │ D │                      └──────┘  ∞ along columns
        └───┴───┘
    """
    tall, wide = (size % (SIDE + 1 - axis.taps) != 0 for size, axis in zip(small, (rows, columns), strict=True))
    image, down, across = (grid.ravel() for grid in np.indices((images, rows.tiles, columns.tiles)))
    low, right = tall & (down == rows.tiles - 1), wide & (across == columns.tiles - 1)
    order = np.arange(image.size)
    if tall or wide:
        order = np.lexsort((image, across, down, np.where(low, 2 + right, 1 - right)))
    places = np.full((panels * ROWS, 4), images, np.int64)  # where there is no tile: an image that no block has
    places[:, 1:] = 0
    places[: order.size, :3] = np.stack((image, down, across), 1)[order]
    places[order, 3] = np.arange(order.size)
    needed = np.zeros((SIDE, SIDE, 2), np.int64)
    for i, j in np.ndindex(SIDE, SIDE):
        outside = (low if i == SIDE - 1 else False) | (right if j == SIDE - 1 else np.zeros_like(right))
        found = np.flatnonzero(~outside[order])
        if found.size:
            needed[i, j] = found[0] // ROWS, found[-1] // ROWS + 1
    # Empty places behind the last tile of a block are needed by nobody, but all panels of several blocks are one run then.
    needed[..., 1] = np.where((needed[..., 0] == 0) & (needed[..., 1] * ROWS >= order.size), panels, needed[..., 1])
    return read_only(places), read_only(needed)


def _share(rows: int) -> int:
    """Return how many of some rows of dU an item sums: full tiles, at least one."""
    return max(TRANSPOSED_ROWS, rows // TRANSPOSED_ROWS * TRANSPOSED_ROWS)


_plan = lru_cache(maxsize=256)(WinogradPlan)
