"""The plan: how the work is divided, tables of places, memory, and the calls."""

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
from ..vectors import ROWS, lanes
from ..workspace import buffer
from . import contractions
from .contractions import Sizes

BAND, STRIPS = 1 << 12, 1 << 15
"""Numbers of a band's copy, which stays in the first-level cache, and of a band's strips, which stay in the second-level."""
ITEMS = 8
"""Pieces of work that a product is divided into where its shape allows it."""
SHORTEST = 8
"""The fewest rows of a band of a: the rows of b that reach into two bands are multiplied for both."""


class Weights:
    """The weights of a convolution in lines, made when they are first asked for."""

    def __init__(self, weight: Array) -> None:
        self._weight = contiguous(weight)
        self._line = lanes(weight.dtype)
        self._straight: Array | None = None
        self._sent: Array | None = None

    @property
    def straight(self) -> Array:
        """Return w as [d ÷ L][tap row, tap column, channel][L], with zeros where there is no d."""
        if self._straight is None:
            breadth = self._weight.shape[3]
            self._straight = self._in_lines(self._weight.reshape(-1, breadth))
        return self._straight

    @property
    def sent(self) -> Array:
        """Return w as [t ÷ L][d][L], t counting (tap column, channel, tap row), with zeros where there is no t."""
        if self._sent is None:
            breadth = self._weight.shape[3]
            self._sent = self._in_lines(self._weight.transpose(1, 2, 0, 3).reshape(-1, breadth).T)
        return self._sent

    def _in_lines(self, matrix: Array) -> Array:
        rows, columns = matrix.shape
        padded = np.zeros((rows, up(columns, self._line)), matrix.dtype)
        padded[:, :columns] = matrix
        return read_only(np.ascontiguousarray(padded.reshape(rows, -1, self._line).swapaxes(0, 1)))


class FewChannelsPlan(ImagesAsGiven):
    """The three products for one geometry."""

    def __init__(self, geometry: Geometry) -> None:
        g = self.geometry = geometry
        (height, width, channels), (small_height, small_width, breadth) = g.large, g.small
        (kernel_height, kernel_width), (sh, sw), (_, pw) = g.kernel, g.stride, g.padding
        self.depth, self.breadth = kernel_height * kernel_width * channels, breadth
        sizes = (g.large, g.small[:2], g.kernel, g.stride, g.padding)
        pieces = -(-ITEMS // g.batch)
        # a band of rows of b, and of the rows of a that they see
        row = ((small_width - 1) * sw + kernel_width) * channels
        rows = max(1, min((BAND // row - kernel_height) // sh + 1, -(-small_height // pieces)))
        room = ((rows - 1) * sh + kernel_height) * row
        self.small_sizes = Sizes(sizes, breadth, -(-small_height // rows), rows, row, room)
        places = np.indices((rows, small_width)).reshape(2, -1)
        self.seen = read_only(np.int64(sh * row) * places[0] + sw * channels * places[1])
        taps = np.indices((kernel_height, kernel_width * channels)).reshape(2, -1)
        self.taps = read_only(np.int64(row) * taps[0] + taps[1])
        # a band of rows of a, and the strips of the rows of b that reach it
        strip = max(row, (pw + width) * channels) * kernel_height
        held = STRIPS // strip * sh - kernel_height
        high = max(1, min(height, max(SHORTEST, min(held, -(-height * 2 * g.batch // ITEMS)))))
        reached = min(small_height, (high + kernel_height) // sh + 1)
        self.large_sizes = Sizes(sizes, breadth, -(-height // high), high, strip, reached * strip)
        self.own = read_only(np.arange(small_height * small_width, dtype=np.int64) * breadth)
        self.splits = min(ITEMS, g.batch * self.small_sizes.bands)

    def prepare_weight(self, weight: Array) -> Weights:
        """Return the weights, whose lines are made when they are first needed."""
        return Weights(weight)

    def to_small(self, weight: Weights, large: Array) -> Array:
        """Return b, for each place the sum of a·w over its taps."""
        return self.to_small_with_epilogue(weight, large, None, Activation())

    def to_small_with_epilogue(
        self, weight: Weights, large: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(b + bias), computed while the sums are in registers."""
        small, dtype, sizes = empty(self.geometry.small_shape, large.dtype), large.dtype, self.small_sizes
        shift = np.zeros(up(self.breadth, lanes(dtype)), dtype)
        if bias is not None:
            shift[: self.breadth] = bias
        epilogue = (read_only(shift), *kind_and_slope(activation))
        arguments = (sizes, read_only(large), weight.straight, self.seen, self._copies(dtype), epilogue, flat(small))
        pool.run(contractions.small_item, dtype, self.geometry.batch * sizes.bands, arguments)
        return small

    def to_large(self, weight: Weights, small: Array) -> Array:
        """Return a, the sum of what b·wᵀ sends to each pixel."""
        return self._to_large(weight, small, np.empty(0, small.dtype), Activation())

    def to_large_with_epilogue(
        self, weight: Weights, small: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(a + bias), computed while a row of a is still in the thread's cache."""
        given = np.zeros(self.geometry.large[2], small.dtype) if bias is None else bias
        return self._to_large(weight, small, np.tile(given, self.geometry.large[1]), activation)

    def _to_large(self, weight: Weights, small: Array, bias: Array, activation: Activation) -> Array:
        large, dtype, sizes = empty(self.geometry.large_shape, small.dtype), small.dtype, self.large_sizes
        sent = buffer("sent", threads.count() * ROWS * up(self.depth, lanes(dtype)), dtype)
        buffers = (sent, buffer("own", threads.count() * sizes.room, dtype))
        epilogue = (read_only(bias), *kind_and_slope(activation))
        arguments = (sizes, read_only(small), weight.sent, self.own, buffers, epilogue, flat(large))
        pool.run(contractions.large_item, dtype, self.geometry.batch * sizes.bands, arguments)
        return large

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw, the sum of a·b over all places, by splits of the bands that are added in their order."""
        dtype, sizes, splits = large.dtype, self.small_sizes, self.splits
        direct = into is not None and into.array.flags.c_contiguous
        weight = into.array if into is not None and direct else empty(self.geometry.weight_shape, dtype)
        add = into is not None and direct and into.add
        partial = buffer("dw", splits * weight.size, dtype)
        units, tables = self.geometry.batch * sizes.bands, (self.seen, self.taps)
        given = (read_only(large), read_only(small), tables, self._copies(dtype), partial)
        pool.run(contractions.weight_item, dtype, splits, (sizes, units, splits, *given))
        share = max(4096, -(-weight.size // ITEMS))
        taken = (share, splits, read_only(partial), add, flat(weight))
        pool.run(reduce_splits, dtype, -(-weight.size // share), taken)
        return weight if into is None or direct else place(weight, into)

    def _copies(self, dtype: Any) -> Array:
        return buffer("patches", threads.count() * self.small_sizes.room, dtype)


class FewChannels:
    """Convolution of images with few channels, whose taps are read where they lie."""

    def plan(self, geometry: Geometry) -> FewChannelsPlan:
        """Return the plan of a geometry, which is made once."""
        return _plan(geometry)


_plan = lru_cache(maxsize=256)(FewChannelsPlan)
