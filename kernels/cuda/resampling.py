"""Average pooling, enlargement and the low-pass by two on the GPU (`sources/resampling.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from .alignment import pack_of
from .grids import over
from .launcher import contiguous, launch, new

SOURCE = "resampling.cu"


def _enlarge(kernel: str, small: Array, by: tuple[int, int], *factor: float) -> Array:
    """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
    small = contiguous(small)
    n, height, width, channels = small.shape
    large = new(small, (n, height * by[0], width * by[1], channels))
    _launch(kernel, small, large, large.size, (height, width, channels), by, factor)
    return large


def _shrink(kernel: str, large: Array, by: tuple[int, int], *factor: float) -> Array:
    """Return the smaller images, (N, H·fh, W·fw, C) → (N, H, W, C)."""
    large = contiguous(large)
    n, height, width, channels = large.shape
    small = new(large, (n, height // by[0], width // by[1], channels))
    _launch(kernel, large, small, small.size, small.shape[1:], by, factor)
    return small


def _launch(
    kernel: str,
    x: Array,
    y: Array,
    count: int,
    small: tuple[int, ...],
    by: tuple[int, int],
    factor: tuple[float, ...],
) -> None:
    aligned = pack_of(small[2], x, y) > 1
    launch(SOURCE, kernel, *over(count), (x, y, count, *small, *by, aligned, *factor), dtype=x.dtype)


class AveragePool:
    """The mean of each disjoint window."""

    def forward(self, x: Array, window: tuple[int, int]) -> Array:
        """Return the means, (N, H·kh, W·kw, C) → (N, H, W, C)."""
        return _shrink("sum_blocks", x, window, 1 / (window[0] * window[1]))

    def backward(self, dy: Array, window: tuple[int, int]) -> Array:
        """Return dx, which is dy/(kh·kw) over each window."""
        return _enlarge("spread_blocks", dy, window, 1 / (window[0] * window[1]))


class UpsampleNearest:
    """Enlargement that repeats each pixel fh × fw times."""

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
        return _enlarge("spread_blocks", x, factor, 1.0)

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """The sum over each repeated block."""
        return _shrink("sum_blocks", dy, factor, 1.0)


class UpsampleBilinear:
    """Enlargement by linear interpolation between the centres of pixels."""

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
        return _enlarge("interpolate", x, factor)

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """Return the exact adjoint applied to dy."""
        return _shrink("interpolate_adjoint", dy, factor)


class Blur:
    """The low-pass by two along both axes, zeros beyond the edges."""

    def enlarge(self, small: Array, size: tuple[int, int], scale: float) -> Array:
        """(N, H, W, C) → (N, *size, C)."""
        small = contiguous(small)
        large = new(small, (len(small), *size, small.shape[3]))
        _launch("blur_enlarge", small, large, large.size, small.shape[1:], size, (float(scale),))
        return large

    def shrink(self, large: Array, scale: float) -> Array:
        """(N, H, W, C) → (N, ⌊H/2⌋, ⌊W/2⌋, C)."""
        large = contiguous(large)
        n, height, width, channels = large.shape
        small = new(large, (n, height // 2, width // 2, channels))
        _launch("blur_shrink", large, small, small.size, small.shape[1:], (height, width), (float(scale),))
        return small
