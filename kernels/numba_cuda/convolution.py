"""Convolution as products in tiles that are never unfolded in memory.

| contraction | A | B | inner index |
|---|---|---|---|
| ∂T/∂b, `to_small` | patches of a, one of each pixel of b | w | taps: u, v, channel of a |
| ∂T/∂a, `to_large` | what each pixel of a meets of b | w | u, v, channel of b |
| ∂T/∂w, `to_weight` | patches of a, transposed | b | pixels of b |

`to_large` multiplies by a zero where the stride leaves a tap without a partner: sh·sw times the work that is needed.
"""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

from ..cuda.launcher import contiguous
from ..geometry import Geometry
from ..interfaces import Into
from .compiled import device
from .grouped import GroupedPlan
from .product import by_columns, multiply


@device
def patch(large: Array, pixel: int, tap: int, count: int, depth: int, sizes: Any) -> Any:
    """Return a[n, i·sh + u − ph, j·sw + v − pw, c] for pixel (n, i, j) of b and tap (u, v, c); 0 outside a."""
    height, width, channels, rows, across, _, _, kernel_width, down, right, top, left = sizes
    c, v, u = tap % channels, tap // channels % kernel_width, tap // channels // kernel_width
    j, i, n = pixel % across, pixel // across % rows, pixel // across // rows
    y, x = i * down + u - top, j * right + v - left
    if y >= 0 and y < height and x >= 0 and x < width:
        return large[((n * height + y) * width + x) * channels + c]
    return large.dtype.type(0)


@device
def patch_transposed(large: Array, tap: int, pixel: int, count: int, depth: int, sizes: Any) -> Any:
    """Return the same as `patch`, which takes the tap last; here it comes first."""
    return patch(large, pixel, tap, depth, count, sizes)


@device
def partner(small: Array, pixel: int, k: int, count: int, depth: int, sizes: Any) -> Any:
    """Return b[n, (y + ph − u)/sh, (x + pw − v)/sw, d] for pixel (n, y, x) of a and k = (u, v, d); 0 where there is none."""
    height, width, _, rows, across, channels, _, kernel_width, down, right, top, left = sizes
    d, v, u = k % channels, k // channels % kernel_width, k // channels // kernel_width
    x, y, n = pixel % width, pixel // width % height, pixel // width // height
    y, x = y + top - u, x + left - v
    if y >= 0 and y % down == 0 and y // down < rows and x >= 0 and x % right == 0 and x // right < across:
        return small[((n * rows + y // down) * across + x // right) * channels + d]
    return small.dtype.type(0)


@device
def tap_weight(weight: Array, c: int, k: int, count: int, depth: int, sizes: Any) -> Any:
    """Return w[u, v, c, d] for k = (u, v, d)."""
    channels = sizes[5]
    return weight[(k // channels * count + c) * channels + k % channels]


class ImplicitPlan:
    """The three products of one geometry; its preparations are identities, but for the order of memory."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = g = geometry
        self._sizes = (*g.large, *g.small, *g.kernel, *g.stride, *g.padding)
        self._taps = g.kernel[0] * g.kernel[1]
        self._pixels = g.batch * g.small[0] * g.small[1]

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
        """Return ∂T/∂b, patches of a times w."""
        g = self.geometry
        product = self._pixels, g.small[2], self._taps * g.large[2]
        return multiply((patch, by_columns), (large, weight), g.small_shape, product, self._sizes)

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return ∂T/∂a, what each pixel of a meets of b times the weights that join them."""
        g = self.geometry
        product = g.batch * g.large[0] * g.large[1], g.large[2], self._taps * g.small[2]
        return multiply((partner, tap_weight), (small, weight), g.large_shape, product, self._sizes)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return ∂T/∂w, the transpose of a's patches times b."""
        g = self.geometry
        product = self._taps * g.large[2], g.small[2], self._pixels
        return multiply((patch_transposed, by_columns), (large, small), g.weight_shape, product, self._sizes, into)


class Conv2d:
    """Convolution and transposed convolution on the GPU, in plain loops."""

    def plan(self, geometry: Geometry) -> ImplicitPlan | GroupedPlan:
        """Return the plan of a geometry."""
        return GroupedPlan(geometry) if geometry.groups > 1 else ImplicitPlan(geometry)
