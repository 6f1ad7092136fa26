"""Convolution in groups: each number is summed by the one thread that writes it, in a fixed order."""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import Destination, contiguous, new
from ..geometry import Geometry
from ..interfaces import Into
from .compiled import cuda, device, kernel, variants
from .launcher import launch
from .resampling import pixel


@device
def within(place: int, size: int) -> bool:
    """Whether a row or column is one of the image's."""
    return place >= 0 and place < size


@variants
def to_small_of(real: Any) -> Any:
    """A kernel: b[n, i, j, d] = Σ_{u,v,c} w[u, v, c, d]·a[n, i·sh + u − ph, j·sw + v − pw, g·C + c]."""

    @kernel
    def grouped_to_small(weight: Array, large: Array, small: Array, count: int, sizes: Any) -> None:
        height, width, channels, rows, across, features, high, wide, down, right, top, left, groups = sizes
        inside, outputs = channels // groups, features // groups
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, i, j, d = pixel(index, rows, across, features)
            total = real(0)
            for u in range(high):
                for v in range(wide):
                    y, x = i * down + u - top, j * right + v - left
                    if within(y, height) and within(x, width):
                        first = ((n * height + y) * width + x) * channels + d // outputs * inside
                        for c in range(inside):
                            total += large[first + c] * weight[((u * wide + v) * inside + c) * features + d]
            small[index] = total

    return grouped_to_small


@variants
def to_large_of(real: Any) -> Any:
    """A kernel: a[n, y, x, g·C + c] = Σ_{u,v,d} w[u, v, c, d]·b[n, (y + ph − u)/sh, (x + pw − v)/sw, d], whole places."""

    @kernel
    def grouped_to_large(weight: Array, small: Array, large: Array, count: int, sizes: Any) -> None:
        height, width, channels, rows, across, features, high, wide, down, right, top, left, groups = sizes
        inside, outputs = channels // groups, features // groups
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, y, x, channel = pixel(index, height, width, channels)
            group, c = channel // inside, channel % inside
            total = real(0)
            for u in range(high):
                for v in range(wide):
                    i, j = y + top - u, x + left - v
                    if (
                        i >= 0
                        and j >= 0
                        and i % down == 0
                        and j % right == 0
                        and i // down < rows
                        and j // right < across
                    ):
                        first = ((n * rows + i // down) * across + j // right) * features + group * outputs
                        line = ((u * wide + v) * inside + c) * features + group * outputs
                        for d in range(outputs):
                            total += small[first + d] * weight[line + d]
            large[index] = total

    return grouped_to_large


@variants
def to_weight_of(real: Any) -> Any:
    """A kernel: w[u, v, c, d] = Σ_{n,i,j} a[n, i·sh + u − ph, j·sw + v − pw, g·C + c]·b[n, i, j, d], added where asked."""

    @kernel
    def grouped_to_weight(
        large: Array, small: Array, weight: Array, count: int, batch: int, sizes: Any, add: bool
    ) -> None:
        height, width, channels, rows, across, features, _, wide, down, right, top, left, groups = sizes
        inside, outputs = channels // groups, features // groups
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            d, c, tap = index % features, index // features % inside, index // features // inside
            channel = d // outputs * inside + c
            total = weight[index] if add else real(0)
            for n in range(batch):
                for i in range(rows):
                    y = i * down + tap // wide - top
                    for j in range(across):
                        x = j * right + tap % wide - left
                        if within(y, height) and within(x, width):
                            a = large[((n * height + y) * width + x) * channels + channel]
                            total += a * small[((n * rows + i) * across + j) * features + d]
            weight[index] = total

    return grouped_to_weight


class GroupedPlan:
    """The three sums of one geometry; its preparations are identities, but for the order of memory."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = g = geometry
        self._sizes = (*g.large, *g.small, *g.kernel, *g.stride, *g.padding, g.groups)

    def prepare_weight(self, weight: Array) -> Array:
        """Return w in C order."""
        return contiguous(weight)

    def prepare_large(self, large: Array) -> Array:
        """Return a in C order."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """Return b in C order."""
        return contiguous(small)

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return ∂T/∂b."""
        small = new(large, self.geometry.small_shape)
        launch(to_small_of(large.dtype.type), *over(small.size), (weight, large, small, small.size, self._sizes))
        return small

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return ∂T/∂a."""
        large = new(small, self.geometry.large_shape)
        launch(to_large_of(small.dtype.type), *over(large.size), (weight, small, large, large.size, self._sizes))
        return large

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return ∂T/∂w."""
        destination = Destination.of(into, large, self.geometry.weight_shape)
        result = destination.array
        numbers = result.size, self.geometry.batch, self._sizes, destination.add
        launch(to_weight_of(large.dtype.type), *over(result.size), (large, small, result, *numbers))
        return destination.written()
