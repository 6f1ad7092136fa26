"""The plan: sizes of what is packed, memory, and the calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ... import threads
from ...geometry import Geometry
from ...interfaces import Activation, Into
from ...reference.placing import place
from .. import pool
from ..activation import kind_and_slope
from ..as_given import ImagesAsGiven
from ..costs import up
from ..heap import empty
from ..layouts import contiguous, flat, read_only
from ..panels import reduce_splits
from ..vectors import COLUMNS, ROWS, lanes
from ..workspace import aligned, buffer
from . import contractions
from .contractions import LargeSizes, SmallSizes, WeightSizes
from .patches import pack_sent_weights, pack_weights

CACHE = 1 << 16
"""Numbers of a thread's block of patches."""
CHUNK = 256
"""Rows of dw that a thread sums at a time."""
BAND = 8
"""The fewest rows of a band."""
ITEMS = 8
"""Pieces of work that a product is divided into where its shape allows it."""


class Weights:
    """The weights of a convolution in right panels, which are made when they are first asked for."""

    def __init__(self, plan: DirectPlan, weight: Array) -> None:
        self._plan, self._weight = plan, read_only(contiguous(weight))
        self._straight: Array | None = None
        self._sent: Array | None = None

    @property
    def straight(self) -> Array:
        """Return w as a matrix (taps·channels of a, channels of b), in right panels."""
        if self._straight is None:
            plan, dtype = self._plan, self._weight.dtype
            panels = -(-plan.breadth // plan.panel(dtype))
            packed = aligned(panels * plan.deep(dtype) * plan.panel(dtype), dtype)
            arguments = (self._weight, (plan.depth, plan.breadth), plan.deep(dtype), packed)
            pool.run(pack_weights, dtype, panels, arguments)
            self._straight = read_only(packed)
        return self._straight

    @property
    def sent(self) -> Array:
        """Return wᵀ as a matrix (channels of b, taps·channels of a) in right panels.

        One run of `width` channels of a comes after another.
        """
        if self._sent is None:
            plan, dtype = self._plan, self._weight.dtype
            chunks = plan.channels // plan.width
            deep = up(plan.breadth, lanes(dtype))
            packed = aligned(chunks * plan.sent_row(dtype) * deep, dtype)
            shape = (plan.taps, plan.channels, plan.breadth)
            pool.run(pack_sent_weights, dtype, chunks, (self._weight, shape, plan.width, deep, packed))
            self._sent = read_only(packed)
        return self._sent


class DirectPlan(ImagesAsGiven):
    """The three products over patches for one geometry."""

    def __init__(self, geometry: Geometry) -> None:
        g = self.geometry = geometry
        self.taps, self.channels, self.breadth = g.kernel[0] * g.kernel[1], g.large[2], g.small[2]
        self.depth = self.taps * self.channels
        self.places = g.batch * g.small[0] * g.small[1]
        self.sizes = (g.large, g.small[:2], g.kernel, g.stride, g.padding)
        self.width = _channels_apart(g.batch, self.channels)
        self.bands = _bands(g.batch, g.large, self.width)

    def prepare_weight(self, weight: Array) -> Weights:
        """Return the weights, whose right panels are made when they are first needed."""
        return Weights(self, weight)

    def deep(self, dtype: Any) -> int:
        """Return the depth of a patch in full lines."""
        return up(self.depth, lanes(dtype))

    def panel(self, dtype: Any) -> int:
        """Return how many columns a right panel has."""
        return COLUMNS * lanes(dtype)

    def sent_row(self, dtype: Any) -> int:
        """Return how many numbers one place sends to `width` channels, in full panels."""
        return up(self.taps * self.width, self.panel(dtype))

    def to_small(self, weight: Weights, large: Array) -> Array:
        """Return b = patches · w."""
        small, dtype = empty(self.geometry.small_shape, large.dtype), large.dtype
        sizes = _small_sizes(self, dtype)
        patches = buffer("patches", threads.count() * sizes.panels * ROWS * sizes.deep, dtype)
        items = -(-sizes.places // (sizes.panels * ROWS))
        arguments = (sizes, read_only(large), weight.straight, patches, self._spare(dtype), flat(small))
        pool.run(contractions.small_item, dtype, items, arguments)
        return small

    def to_large(self, weight: Weights, small: Array) -> Array:
        """Return a, the sum of what b · wᵀ sends to each pixel."""
        return self._sent(weight, small, np.empty(0, small.dtype), Activation())

    def to_large_with_epilogue(
        self, weight: Weights, small: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(a + bias), computed while what was summed is still in the thread's cache."""
        _, wide, channels = self.geometry.large
        given = np.zeros(channels, small.dtype) if bias is None else bias
        runs = np.tile(given.reshape(-1, 1, self.width), (1, wide, 1))
        return self._sent(weight, small, runs, activation)

    def _sent(self, weight: Weights, small: Array, bias: Array, activation: Activation) -> Array:
        large, dtype, count = empty(self.geometry.large_shape, small.dtype), small.dtype, threads.count()
        sizes = _large_sizes(self, dtype)
        rows = buffer("rows", count * sizes.panels * ROWS * sizes.deep, dtype)
        sent = buffer("sent", count * sizes.panels * ROWS * self.sent_row(dtype), dtype)
        height, wide = self.geometry.large[:2]
        share = -(-height // self.bands) * wide * self.width if self.width < self.channels else 0
        buffers = (rows, sent, buffer("own", count * share, dtype))
        items = self.geometry.batch * self.bands * (self.channels // self.width)
        epilogue = (read_only(bias), *kind_and_slope(activation))
        arguments = (sizes, read_only(small), weight.sent, buffers, epilogue, flat(large))
        pool.run(contractions.large_item, dtype, items, arguments)
        return large

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw = patchesᵀ · b.

        It is made by chunks of rows where there are many, and by splits of the places where there are few.
        """
        dtype, count = large.dtype, threads.count()
        sizes = _weight_sizes(self, dtype)
        splits, chunk, panels = sizes.splits, sizes.chunk, sizes.panels
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else empty(self.geometry.weight_shape, dtype)
        add = into is not None and direct and into.add
        alone = splits == 1 and not add
        partial = flat(weight) if alone else buffer("dw", splits * self.depth * self.breadth, dtype)
        patches = buffer("patches", count * panels * ROWS * chunk, dtype)
        rows = buffer("rows", count * panels * ROWS * up(self.breadth, self.panel(dtype)), dtype)
        buffers, items = (patches, rows, self._spare(dtype)), -(-sizes.deep // chunk) * splits
        arguments = (sizes, read_only(large), read_only(small), buffers, partial)
        pool.run(contractions.weight_item, dtype, items, arguments)
        if not alone:
            share = max(4096, -(-weight.size // ITEMS))
            taken = (share, splits, read_only(partial), add, flat(weight))
            pool.run(reduce_splits, dtype, -(-weight.size // share), taken)
        return weight if into is None or direct else place(weight, into)

    def _spare(self, dtype: Any) -> Array:
        return buffer("spare", threads.count() * ROWS * self.panel(dtype), dtype)


class Direct:
    """Convolution over patches that are made where they are needed, a few at a time."""

    def plan(self, geometry: Geometry) -> DirectPlan:
        """Return the plan of a geometry, which is made once."""
        return _plan(geometry)


_plan = lru_cache(maxsize=256)(DirectPlan)


@lru_cache(maxsize=512)
def _small_sizes(plan: DirectPlan, dtype: Any) -> SmallSizes:
    """Choose how many panels of rows an item makes: what stays in a thread's cache, but so that every thread gets some."""
    deep = plan.deep(dtype)
    panels = max(1, min(8, CACHE // (deep * ROWS), -(-plan.places // (ROWS * ITEMS))))
    return SmallSizes(plan.sizes, panels, plan.places, deep, plan.breadth)


@lru_cache(maxsize=512)
def _large_sizes(plan: DirectPlan, dtype: Any) -> LargeSizes:
    """Choose how many places a thread takes at a time: what its cache holds, so that w is read seldom.

    All places of an image belong to one thread.
    """
    deep, places = up(plan.breadth, lanes(dtype)), plan.geometry.small[0] * plan.geometry.small[1]
    panels = max(1, min(8, CACHE // (max(deep, plan.sent_row(dtype)) * ROWS), -(-places // ROWS)))
    return LargeSizes(plan.sizes, panels, plan.breadth, deep, plan.width, plan.bands)


@lru_cache(maxsize=512)
def _weight_sizes(plan: DirectPlan, dtype: Any) -> WeightSizes:
    """Choose the chunks of rows of dw, and splits of the places where there are too few chunks."""
    deep = plan.deep(dtype)
    chunk = min(CHUNK, deep)
    splits = max(1, min(-(-ITEMS // -(-deep // chunk)), plan.places // 256))
    panels = max(1, min(CACHE // (chunk * ROWS), -(-plan.places // ROWS)))
    return WeightSizes(plan.sizes, panels, chunk, splits, plan.places, plan.depth, deep, plan.breadth)


def _channels_apart(batch: int, channels: int) -> int:
    """Return how many channels of an image one piece of work takes: all, unless there are fewer images than pieces."""
    pieces = -(-ITEMS // batch)
    narrow = [width for width in range(16, channels) if channels % width == 0 and channels // width <= pieces]
    return min(narrow, default=channels)


def _bands(batch: int, image: tuple[int, int, int], width: int) -> int:
    """Bands of rows that an image is divided into, where there are fewer images than pieces of work.

    Some channels: as many as a thread's own memory in the cache holds. All channels: so that every thread gets some. Two
    neighbours both compute the rows of b that reach into both, so bands are not thin.
    """
    height, wide, channels = image
    wanted = -(-height * wide * width // CACHE) if width < channels else -(-ITEMS // (2 * batch))
    return max(1, min(wanted, height // BAND))
