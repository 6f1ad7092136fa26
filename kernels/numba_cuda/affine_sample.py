"""Images moved, turned and stretched by affine maps, with the exact adjoint; every number is gathered, no atomics."""

from __future__ import annotations

import math
from typing import Any

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from .compiled import cuda, device, kernel, variants
from .launcher import launch
from .resampling import pixel


@variants
def hat(real: Any) -> Any:
    """The device function k(t) = max(0, 1 − |t|)."""

    @device
    def weight(t: Any) -> Any:
        return real(0) if abs(t) >= real(1) else real(1) - abs(t)  # NaN of NaN

    return weight


@variants
def whole_number(real: Any) -> Any:
    """The device function ⌊t⌋ as an integer. (`math.floor` of Numba goes through float64.)"""

    @device
    def floor(t: Any) -> Any:
        cut = int(t)
        return cut - 1 if real(cut) > t else cut

    return floor


@variants
def sampled(real: Any) -> Any:
    """A kernel: y[n, i, j] = Σ k(r − h)·k(s − w)·x[n, h, w], (r, s) = M·(i, j, 1)."""
    share, floor = hat(real), whole_number(real)

    @kernel
    def affine_sample(x: Array, maps: Array, y: Array, count: int, height: int, width: int, channels: int) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, i, j, channel = pixel(index, height, width, channels)
            m = 6 * n
            r = maps[m] * real(i) + maps[m + 1] * real(j) + maps[m + 2]
            s = maps[m + 3] * real(i) + maps[m + 4] * real(j) + maps[m + 5]
            total = real(0)
            if real(-1) < r < real(height) and real(-1) < s < real(width):
                top, left = floor(r), floor(s)
                for h in range(max(top, 0), min(top + 2, height)):
                    for w in range(max(left, 0), min(left + 2, width)):
                        weight = share(r - real(h)) * share(s - real(w))
                        if weight > real(0):
                            total += weight * x[((n * height + h) * width + w) * channels + channel]
            y[index] = r + s if math.isnan(r) or math.isnan(s) else total

    return affine_sample


@variants
def gathered(real: Any) -> Any:
    """A kernel: the adjoint; the places that can meet a pixel are M⁻¹ of a square of side 2 around it."""
    share, floor = hat(real), whole_number(real)

    @device
    def bounds(centre: Any, reach: Any, size: int) -> Any:
        if math.isnan(centre) or math.isnan(reach):
            return 0, size
        low = min(max(centre - reach, real(0)), real(size))
        high = max(min(centre + reach, real(size - 1)), real(-1))
        return -floor(-low), floor(high) + 1

    @kernel
    def affine_adjoint(dy: Array, maps: Array, dx: Array, count: int, height: int, width: int, channels: int) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, h, w, channel = pixel(index, height, width, channels)
            m = 6 * n
            scale = real(1) / (maps[m] * maps[m + 4] - maps[m + 1] * maps[m + 3])
            down, across = real(h) - maps[m + 2], real(w) - maps[m + 5]
            i00, i01 = maps[m + 4] * scale, -maps[m + 1] * scale
            i10, i11 = -maps[m + 3] * scale, maps[m] * scale
            first, last = bounds(i00 * down + i01 * across, abs(i00) + abs(i01) + real(0.01), height)
            left, right = bounds(i10 * down + i11 * across, abs(i10) + abs(i11) + real(0.01), width)
            total = real(0)
            for i in range(first, last):
                for j in range(left, right):
                    r = maps[m] * real(i) + maps[m + 1] * real(j) + maps[m + 2]
                    s = maps[m + 3] * real(i) + maps[m + 4] * real(j) + maps[m + 5]
                    weight = share(r - real(h)) * share(s - real(w))
                    if weight != real(0):
                        total += weight * dy[((n * height + i) * width + j) * channels + channel]
            dx[index] = total

    return affine_adjoint


class AffineSample:
    """Interpolation where an affine map says that each pixel comes from."""

    def forward(self, x: Array, maps: Array) -> Array:
        """(N, H, W, C) → (N, H, W, C)."""
        return _applied(sampled(x.dtype.type), x, maps)

    def backward(self, dy: Array, maps: Array) -> Array:
        """Return dx, by the exact adjoint."""
        return _applied(gathered(dy.dtype.type), dy, maps)


def _applied(function: Any, images: Array, maps: Array) -> Array:
    images = contiguous(images)
    made = new(images, images.shape)
    launch(function, *over(made.size), (images, contiguous(maps), made, made.size, *images.shape[1:]))
    return made
