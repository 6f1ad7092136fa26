"""Average pooling, enlargement by integer factors and the low-pass by two, with their exact adjoints."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gan_np.arrays import Array, array_module


def _windows(x: Array, window: tuple[int, int]) -> Array:
    """Return (N, H·kh, W·kw, C) as a view (N, H, kh, W, kw, C)."""
    n, height, width, channels = x.shape
    view: Array = x.reshape(n, height // window[0], window[0], width // window[1], window[1], channels)
    return view


class AveragePool:
    """The mean of each disjoint window of kh × kw pixels."""

    def forward(self, x: Array, window: tuple[int, int]) -> Array:
        """Return the means, (N, H·kh, W·kw, C) → (N, H, W, C)."""
        mean: Array = _windows(x, window).mean(axis=(2, 4))
        return mean

    def backward(self, dy: Array, window: tuple[int, int]) -> Array:
        """Return dx, which is dy/(kh·kw) over each window."""
        return UpsampleNearest().forward(dy * dy.dtype.type(1 / (window[0] * window[1])), window)


class UpsampleNearest:
    """Enlargement that repeats each pixel fh × fw times."""

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return the enlarged images, (N, H, W, C) → (N, H·fh, W·fw, C)."""
        n, height, width, channels = x.shape
        y = array_module(x).empty((n, height, factor[0], width, factor[1], channels), x.dtype)
        y[...] = x[:, :, None, :, None, :]
        enlarged: Array = y.reshape(n, height * factor[0], width * factor[1], channels)
        return enlarged

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """Return dx, the sum of dy over each repeated block."""
        total: Array = _windows(dy, factor).sum(axis=(2, 4))
        return total


@lru_cache(maxsize=64)
def interpolation_matrix(size: int, factor: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(size·factor, size): row i holds the weights of linear interpolation at (i + ½)/factor − ½, edges clamped.

    The pixel-centre convention of Pillow, and of PyTorch with align_corners=False.
    """
    matrix = np.zeros((size * factor, size))
    for i in range(size * factor):
        place = min(max((i + 0.5) / factor - 0.5, 0.0), size - 1.0)
        low = min(int(place), size - 1)
        high = min(low + 1, size - 1)
        matrix[i, low] += 1 - (place - low)
        matrix[i, high] += place - low
    return matrix


class UpsampleBilinear:
    """Enlargement by linear interpolation along each axis.

    It is two products with small matrices, so that the adjoint is exact.
    """

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """Return y[n, i, j] = Σ A[i, h]·B[j, w]·x[n, h, w]."""
        rows, columns = self._matrices(x, (x.shape[1], x.shape[2]), factor)
        return self._apply(x, rows, columns)

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """Return dx, the same with Aᵀ and Bᵀ."""
        rows, columns = self._matrices(dy, (dy.shape[1] // factor[0], dy.shape[2] // factor[1]), factor)
        return self._apply(dy, rows.T, columns.T)

    def _matrices(self, x: Array, size: tuple[int, int], factor: tuple[int, int]) -> tuple[Array, Array]:
        xp = array_module(x)
        return (
            xp.asarray(interpolation_matrix(size[0], factor[0]), x.dtype),
            xp.asarray(interpolation_matrix(size[1], factor[1]), x.dtype),
        )

    def _apply(self, x: Array, rows: Array, columns: Array) -> Array:
        n, height, width, channels = x.shape
        xp = array_module(x)
        tall = xp.matmul(rows, x.reshape(n, height, width * channels)).reshape(n, -1, width, channels)
        return xp.matmul(columns, tall)


BLUR = (0.25, 0.75, 0.75, 0.25)
"""[1, 3, 3, 1]/4 = [1, 2, 1]/4 * [1, 1]: repetition of each pixel, then a low-pass."""


def blur_places(tap: int, small: int, large: int) -> tuple[slice, slice]:
    """Return the pixels i of the small axis and j = 2·i + tap − 1 of the large one that a tap of `BLUR` joins."""
    first, stop = int(tap == 0), min(small, (large - tap) // 2 + 1)
    return slice(first, stop), slice(2 * first + tap - 1, 2 * stop + tap - 2, 2)


class Blur:
    """The low-pass by two along both axes, zeros beyond the edges: stride 2 on each channel alone, and its adjoint."""

    def enlarge(self, small: Array, size: tuple[int, int], scale: float) -> Array:
        """Return scale·A·small·Bᵀ, A[j, i] = BLUR[j − 2·i + 1]: (N, H, W, C) → (N, *size, C)."""
        xp = array_module(small)
        for axis in (1, 2):
            large = xp.zeros((*small.shape[:axis], size[axis - 1], *small.shape[axis + 1 :]), small.dtype)
            for tap, weight in enumerate(BLUR):
                here, there = blur_places(tap, small.shape[axis], size[axis - 1])
                large[_along(axis, there)] += small.dtype.type(weight) * small[_along(axis, here)]
            small = large
        small *= small.dtype.type(scale)
        return small

    def shrink(self, large: Array, scale: float) -> Array:
        """Return scale·Aᵀ·large·B: (N, H, W, C) → (N, ⌊H/2⌋, ⌊W/2⌋, C)."""
        xp = array_module(large)
        for axis in (1, 2):
            size = large.shape[axis] // 2
            small = xp.zeros((*large.shape[:axis], size, *large.shape[axis + 1 :]), large.dtype)
            for tap, weight in enumerate(BLUR):
                here, there = blur_places(tap, size, large.shape[axis])
                small[_along(axis, here)] += large.dtype.type(weight) * large[_along(axis, there)]
            large = small
        large *= large.dtype.type(scale)
        return large


def _along(axis: int, places: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, places)
