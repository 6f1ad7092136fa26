"""Average pooling, enlargement by integer factors and the low-pass by two, each with its exact adjoint.

Every number is gathered by the one thread that writes it, in a fixed order: no atomics.
"""

from __future__ import annotations

from typing import Any

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import contiguous, new
from .compiled import cuda, device, kernel, variants
from .launcher import launch


@device
def pixel(index: int, height: int, width: int, channels: int) -> Any:
    """Return (image, row, column, channel) of number `index` in (N, H, W, C)."""
    rest = index // channels
    return rest // width // height, rest // width % height, rest % width, index % channels


@variants
def summed(real: Any) -> Any:
    """A kernel: small = factor · Σ over each fh × fw block of large."""

    @kernel
    def sum_blocks(
        large: Array, small: Array, count: int, height: int, width: int, channels: int, fh: int, fw: int, factor: Any
    ) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, row, column, channel = pixel(index, height, width, channels)
            total = real(0)
            for u in range(fh):
                for v in range(fw):
                    line = (n * height + row) * fh + u
                    total += large[(line * width * fw + column * fw + v) * channels + channel]
            small[index] = factor * total

    return sum_blocks


@kernel
def spread_blocks(
    small: Array, large: Array, count: int, height: int, width: int, channels: int, fh: int, fw: int, factor: Any
) -> None:
    """A kernel: large = factor · small, each pixel fh × fw times."""
    for index in range(cuda.grid(1), count, cuda.gridsize(1)):
        n, row, column, channel = pixel(index, height * fh, width * fw, channels)
        large[index] = factor * small[((n * height + row // fh) * width + column // fw) * channels + channel]


@variants
def between(real: Any) -> Any:
    """The device function (low, high, rest): place i of an axis enlarged by `factor` is (1 − rest)·low + rest·high.

    It lies at (i + ½)/factor − ½ of the small axis, edges clamped: the centres of pixels, as Pillow has it.
    """

    @device
    def neighbours(i: int, size: int, factor: int) -> Any:
        twice = max(2 * i + 1 - factor, 0)  # 2·factor times the place
        low = min(twice // (2 * factor), size - 1)
        high = min(low + 1, size - 1)
        rest = real(twice - low * 2 * factor) / real(2 * factor)
        return low, high, real(0) if low == high else rest

    return neighbours


@variants
def interpolated(real: Any) -> Any:
    """A kernel: large = A·small·Bᵀ, linear between the centres of pixels."""
    neighbours = between(real)

    @kernel
    def interpolate(
        small: Array, large: Array, count: int, height: int, width: int, channels: int, fh: int, fw: int
    ) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, row, column, channel = pixel(index, height * fh, width * fw, channels)
            top, bottom, down = neighbours(row, height, fh)
            left, right, across = neighbours(column, width, fw)
            first, last = (n * height + top) * width, (n * height + bottom) * width
            upper = (real(1) - across) * small[(first + left) * channels + channel]
            upper += across * small[(first + right) * channels + channel]
            lower = (real(1) - across) * small[(last + left) * channels + channel]
            lower += across * small[(last + right) * channels + channel]
            large[index] = (real(1) - down) * upper + down * lower

    return interpolate


@variants
def gathered(real: Any) -> Any:
    """A kernel: small = Aᵀ·large·B, the adjoint; a pixel is met by places of itself and of its neighbours alone."""
    neighbours = between(real)

    @device
    def weight(i: int, pixel: int, size: int, factor: int) -> Any:
        low, high, rest = neighbours(i, size, factor)
        return (real(1) - rest if low == pixel else real(0)) + (rest if high == pixel else real(0))

    @kernel
    def interpolate_adjoint(
        large: Array, small: Array, count: int, height: int, width: int, channels: int, fh: int, fw: int
    ) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, row, column, channel = pixel(index, height, width, channels)
            total = real(0)
            for i in range(max(row - 1, 0) * fh, min(row + 2, height) * fh):
                line = real(0)
                for j in range(max(column - 1, 0) * fw, min(column + 2, width) * fw):
                    place = ((n * height * fh + i) * width * fw + j) * channels + channel
                    line += weight(j, column, width, fw) * large[place]
                total += weight(i, row, height, fh) * line
            small[index] = total

    return interpolate_adjoint


@variants
def blurred(real: Any) -> Any:
    """A kernel: large = scale·A·small·Bᵀ, place r of an axis of A with 3/4 of pixel r/2 and 1/4 of a neighbour."""

    @kernel
    def blur_enlarge(
        small: Array,
        large: Array,
        count: int,
        height: int,
        width: int,
        channels: int,
        rows: int,
        columns: int,
        scale: Any,
    ) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, row, column, channel = pixel(index, rows, columns, channels)
            total = real(0)
            for i in range(max((row - 1) // 2, 0), min((row + 1) // 2 + 1, height)):
                line = real(0)
                for j in range(max((column - 1) // 2, 0), min((column + 1) // 2 + 1, width)):
                    share = real(0.75) if j == column // 2 else real(0.25)
                    line += share * small[((n * height + i) * width + j) * channels + channel]
                total += (real(0.75) if i == row // 2 else real(0.25)) * line
            large[index] = scale * total

    return blur_enlarge


@variants
def gathered_blur(real: Any) -> Any:
    """A kernel: small = scale·Aᵀ·large·B, the adjoint; a pixel is met by the four places around it along each axis."""

    @kernel
    def blur_shrink(
        large: Array,
        small: Array,
        count: int,
        height: int,
        width: int,
        channels: int,
        rows: int,
        columns: int,
        scale: Any,
    ) -> None:
        for index in range(cuda.grid(1), count, cuda.gridsize(1)):
            n, row, column, channel = pixel(index, height, width, channels)
            total = real(0)
            for i in range(max(2 * row - 1, 0), min(2 * row + 3, rows)):
                line = real(0)
                for j in range(max(2 * column - 1, 0), min(2 * column + 3, columns)):
                    share = real(0.75) if j // 2 == column else real(0.25)
                    line += share * large[((n * rows + i) * columns + j) * channels + channel]
                total += (real(0.75) if i // 2 == row else real(0.25)) * line
            small[index] = scale * total

    return blur_shrink


def enlarge(function: Any, small: Array, by: tuple[int, int], *factor: float) -> Array:
    """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
    small = contiguous(small)
    n, height, width, channels = small.shape
    large = new(small, (n, height * by[0], width * by[1], channels))
    launch(function, *over(large.size), (small, large, large.size, height, width, channels, *by, *factor))
    return large


def shrink(function: Any, large: Array, by: tuple[int, int], *factor: float) -> Array:
    """Return the smaller images, (N, H·fh, W·fw, C) → (N, H, W, C)."""
    large = contiguous(large)
    n, height, width, channels = large.shape
    small = new(large, (n, height // by[0], width // by[1], channels))
    launch(function, *over(small.size), (large, small, small.size, *small.shape[1:], *by, *factor))
    return small


class AveragePool:
    """The mean of each disjoint window of kh × kw pixels."""

    def forward(self, x: Array, window: tuple[int, int]) -> Array:
        """Return the means, (N, H·kh, W·kw, C) → (N, H, W, C)."""
        return shrink(summed(x.dtype.type), x, window, 1 / (window[0] * window[1]))

    def backward(self, dy: Array, window: tuple[int, int]) -> Array:
        """Return dx, which is dy/(kh·kw) over each window."""
        return enlarge(spread_blocks, dy, window, 1 / (window[0] * window[1]))


class UpsampleNearest:
    """Enlargement that repeats each pixel fh × fw times."""

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
        return enlarge(spread_blocks, x, factor, 1.0)

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """Return dx, the sum of dy over each repeated block."""
        return shrink(summed(dy.dtype.type), dy, factor, 1.0)


class UpsampleBilinear:
    """Enlargement by linear interpolation between the centres of pixels."""

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
        return enlarge(interpolated(x.dtype.type), x, factor)

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """Return dx, by the exact adjoint."""
        return shrink(gathered(dy.dtype.type), dy, factor)


class Blur:
    """The low-pass by two along both axes, zeros beyond the edges."""

    def enlarge(self, small: Array, size: tuple[int, int], scale: float) -> Array:
        """Return the enlarged images, (N, H, W, C) → (N, *size, C)."""
        small = contiguous(small)
        large = new(small, (len(small), *size, small.shape[3]))
        arguments = (small, large, large.size, *small.shape[1:], *size, float(scale))
        launch(blurred(small.dtype.type), *over(large.size), arguments)
        return large

    def shrink(self, large: Array, scale: float) -> Array:
        """Return the smaller images, (N, H, W, C) → (N, ⌊H/2⌋, ⌊W/2⌋, C)."""
        large = contiguous(large)
        n, height, width, channels = large.shape
        small = new(large, (n, height // 2, width // 2, channels))
        arguments = (large, small, small.size, *small.shape[1:], height, width, float(scale))
        launch(gathered_blur(large.dtype.type), *over(small.size), arguments)
        return small
