"""The plan: phases and bands, how many sums registers have room for, and the calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array

from ...geometry import Geometry
from ...interfaces import Activation, Into
from ...reference.placing import place
from .. import pool
from ..activation import LINEAR, RELU, BiasActivation, kind_and_slope
from ..as_given import ImagesAsGiven
from ..blocked import Epilogue
from ..costs import up
from ..heap import empty
from ..layouts import contiguous, flat, read_only
from ..panels import reduce_splits
from ..target import REGISTERS
from ..workspace import buffer
from .contractions import Sum, gather_item, weight_item
from .sums import BYTES

PIXELS = 8, 4, 1
"""Sums of places that registers hold: eight keep two multiply–adds busy that take four cycles. Few numbers, so that
few versions are compiled; the last places of a row are computed twice where the number does not divide it."""
ITEMS = 16
"""Pieces of work that there should be at least, and splits of dw at most."""
HELD = 1 << 15
"""Numbers of the rows that are read again for the next one."""
SHARE = 1 << 14
"""Numbers of dw that one piece of work adds up."""


class Work(NamedTuple):
    """A `Sum` over those columns that have the same number of taps."""

    shape: Sum
    taps: int
    step: int
    pixels: int
    down: Array
    across: Array


class DepthwisePlan(ImagesAsGiven):
    """The three sums of one geometry."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self._to_small = _to_small(geometry)
        self._to_large = _to_large(geometry)

    def prepare_weight(self, weight: Array) -> Array:
        """Return w as it is."""
        return contiguous(weight)

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return b: one sum over the taps of each place."""
        return self.to_small_with_epilogue(weight, large, None, Activation())

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return a: for each phase of the stride one sum over those taps that reach its pixels."""
        return self.to_large_with_epilogue(weight, small, None, Activation())

    def to_small_with_epilogue(self, weight: Array, large: Array, bias: Array | None, activation: Activation) -> Array:
        """Return f(b + bias): f of sums that are still in registers, where it is linear above and below 0."""
        small = empty(self.geometry.small_shape, large.dtype)
        return self._sums(self._to_small, weight, large, small, Epilogue(bias, activation))

    def to_large_with_epilogue(self, weight: Array, small: Array, bias: Array | None, activation: Activation) -> Array:
        """Return f(a + bias), in the same way."""
        large = empty(self.geometry.large_shape, small.dtype)
        return self._sums(self._to_large, weight, small, large, Epilogue(bias, activation))

    def _sums(self, works: tuple[Work, ...], weight: Array, source: Array, target: Array, end: Epilogue) -> Array:
        apart = end.activation.kind in ("tanh", "sigmoid")  # which take more than a register
        bias, activation = Epilogue(None, Activation()) if apart else end
        kind, slope = kind_and_slope(activation)
        dtype = source.dtype
        biases = _zeros(self.geometry.large[2], dtype) if bias is None else read_only(contiguous(bias))
        for work in works:
            constants = work.taps, work.step, work.pixels
            arguments = (
                *constants, work.shape, work.down, work.across, read_only(source), read_only(weight), biases,
                (kind == LINEAR and bias is None, kind == RELU, dtype.type(slope)), flat(target),
            )  # fmt: skip
            items = work.shape.batch * work.shape.bands
            pool.run(gather_item, (dtype, *constants), items, arguments, constants=3)
        return BiasActivation().forward(target, *end, in_place=True) if apart else target

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw, summed by splits of the rows of b."""
        g, dtype = self.geometry, large.dtype
        (kh, kw), (sh, sw), channels, vector = g.kernel, g.stride, g.large[2], BYTES // large.dtype.itemsize
        wide, rows = up(channels, vector), g.batch * g.small[0]
        size = kh * kw * wide
        share = -(-rows // max(1, min(ITEMS, rows)))
        splits = -(-rows // share)
        constants = kw, sw, min(kh, _rows_at_once(kw))
        partial = buffer("dw", splits * size, dtype)
        shape = Sum(g.batch, channels, g.large[:2], g.small[:2], kw, sh, (1, 1), (1, 1), 1, g.small[0], channels)
        start = (-g.padding[0], -g.padding[1])
        arguments = (*constants, shape, start, kh, share, read_only(large), read_only(small), partial)
        pool.run(weight_item, (dtype, *constants), splits, arguments, constants=3)
        direct = into is not None and into.array.flags.c_contiguous and wide == channels
        total = into.array if into is not None and direct else empty((kh, kw, 1, wide), dtype)
        add = into is not None and direct and into.add
        taken = (SHARE, splits, read_only(partial), add, flat(total))
        pool.run(reduce_splits, dtype, -(-size // SHARE), taken)
        if into is not None and direct:
            return total
        if wide > channels:
            total = total[..., _columns(channels, vector)]
        return total if into is None else place(total, into)


class Depthwise:
    """Convolution of every channel by itself."""

    def plan(self, geometry: Geometry) -> DepthwisePlan:
        """Return the plan of a geometry, which is made once."""
        return _plan(geometry)


_plan = lru_cache(maxsize=256)(DepthwisePlan)


@lru_cache(maxsize=8)
def _zeros(size: int, dtype: Any) -> Array:
    return read_only(np.zeros(size, dtype))


@lru_cache(maxsize=64)
def _columns(channels: int, vector: int) -> Array:
    """Where each channel stands in registers, of which the last one ends with the last channel."""
    whole, wide = channels // vector * vector, up(channels, vector)
    return np.concatenate([np.arange(whole), np.arange(wide - channels + whole, wide)])


def _rows_at_once(taps: int) -> int:
    """How many rows of so many taps have room in registers, beside a number of dy and one of x."""
    return max(1, (REGISTERS.number - 1 - taps) // taps)


class Phase(NamedTuple):
    """Every `phases`-th number of the target along one axis, see `Sum`."""

    number: int
    start: int
    taps: int
    tap: int
    places: int


def _to_small(geometry: Geometry) -> tuple[Work, ...]:
    """Place i reads the rows i·s − p + u."""
    g = geometry
    axes = [[Phase(0, -g.padding[a], g.kernel[a], 0, g.small[a])] for a in (0, 1)]
    return _works(g, g.large[:2], g.small[:2], g.stride, axes, (1, 1))


def _to_large(geometry: Geometry) -> tuple[Work, ...]:
    """Pixel r = s·m + phase of a gets from b's rows (r + p − u)/s, for the taps u where that is whole.

    Those are u = u₀ + s·k with u₀ = (phase + p) mod s, at the rows m + (phase + p − u₀)/s − k: the last tap first.
    """
    g, axes = geometry, []
    for axis in (0, 1):
        s, p, phases = g.stride[axis], g.padding[axis], []
        for phase in range(min(s, g.large[axis])):
            first = (phase + p) % s
            taps = max(0, -(-(g.kernel[axis] - first) // s))
            places = -(-(g.large[axis] - phase) // s)
            phases.append(Phase(phase, (phase + p - first) // s - taps + 1, taps, first + s * (taps - 1), places))
        axes.append(phases)
    return _works(g, g.small[:2], g.large[:2], (1, 1), axes, (-g.stride[0], -g.stride[1]))


def _works(
    geometry: Geometry,
    source: tuple[int, int],
    target: tuple[int, int],
    step: tuple[int, int],
    axes: list[list[Phase]],
    turn: tuple[int, int],
) -> tuple[Work, ...]:
    g, channels = geometry, geometry.large[2]
    bands = min(target[0], -(-ITEMS // g.batch))
    rows = -(-target[0] // bands)
    held = max(phase.taps for phase in axes[0]) + 1
    block = max(64, HELD // (held * max(source[1], target[1])) // 64 * 64)
    phases = len(axes[0]), len(axes[1])
    shape = Sum(
        g.batch, channels, source, target, g.kernel[1], step[0], phases, turn, -(-target[0] // rows), rows, block
    )  # fmt: skip
    down = _table([(phase.start, phase.taps, phase.tap) for phase in axes[0]])
    works = []
    for taps in sorted({phase.taps for phase in axes[1]}):
        own = [phase for phase in axes[1] if phase.taps == taps]
        least = min(phase.places for phase in own)
        pixels = next(count for count in PIXELS if count <= least)
        across = _table([(phase.start, phase.tap, phase.number, phase.places) for phase in own])
        works.append(Work(shape, taps, step[1], pixels, down, across))
    return tuple(works)


def _table(values: Any) -> Array:
    table = np.ascontiguousarray(values, np.int64).reshape(-1)
    table.setflags(write=False)
    return table
