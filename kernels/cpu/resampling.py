"""Average pooling, both enlargements, the low-pass by two and all their adjoints: one kernel.

Each of these maps is a product with a small matrix along each axis of the image,

    y[n, i, j, c] = Σ R[i, h]·S[j, w]·x[n, h, w, c],

and in every row of R and S the numbers that are not 0 stand side by side: one (nearest), two (bilinear), a window's
(pooling), or a few (the low-pass, and the adjoints, which are the same with Rᵀ and Sᵀ). So y's row i is made in two steps:

    middle[w, c] = Σ R[i, h]·x[n, h, w, c]     long lines of W·C numbers
    y[j, c]      = Σ S[j, w]·middle[w, c]      from the first-level cache
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from gan_np.arrays import Array, DType

from ..reference.resampling import BLUR, blur_places, interpolation_matrix
from .chunks import SMALLEST, chunks_of, next_span, require_memory
from .compiled import inner
from .functions import Cells, Given, Integers, Result, compiled_function
from .heap import empty
from .memory import get, put
from .pool import parallel, state


@inner
def _rows_part(
    index: int,
    thread: int,
    chunks: Any,
    x: Any,
    shape: Any,
    bands: Any,
    y: Any,
) -> None:
    """Make a chunk of y's rows, counted over all images.

    A row that is the same as the one before it is copied from there.
    """
    real = x.dtype.type
    images, height, width, channels, out_height, out_width = shape
    rows, row_ends, columns, column_ends = bands
    line = width * channels
    middle = np.empty(line, x.dtype)
    start, stop = next_span(chunks, thread, images * out_height, False)
    for row in range(start, stop):
        image, i = row // out_height, row % out_height
        if get(row_ends, 3 * i + 2) != 0 and row > start:
            for k in range(row * out_width * channels, (row + 1) * out_width * channels):
                put(y, k, get(y, k - out_width * channels))
            continue
        first, last = get(row_ends, 3 * i), get(row_ends, 3 * i + 1)
        for h in range(first, last):
            weight = get(rows, i * height + h)
            source = (image * height + h) * line
            if h == first:
                for k in range(line):
                    put(middle, k, weight * get(x, source + k))
            else:
                for k in range(line):
                    put(middle, k, get(middle, k) + weight * get(x, source + k))
        for j in range(out_width):
            target = (row * out_width + j) * channels
            first_w, last_w = get(column_ends, 3 * j), get(column_ends, 3 * j + 1)
            # all windows here have at least one column, and most have one or two
            left = get(columns, j * width + first_w)
            second = min(first_w + 1, last_w - 1)
            right = get(columns, j * width + second) if last_w - first_w > 1 else real(0.0)
            for c in range(channels):
                value = left * get(middle, first_w * channels + c) + right * get(middle, second * channels + c)
                put(y, target + c, value)
            for w in range(first_w + 2, last_w):
                weight = get(columns, j * width + w)
                for c in range(channels):
                    put(y, target + c, get(y, target + c) + weight * get(middle, w * channels + c))


@compiled_function
def _resample(
    state: Cells,
    x: Given,
    images: int,
    height: int,
    width: int,
    channels: int,
    rows: Given,
    row_ends: Integers,
    columns: Given,
    column_ends: Integers,
    y: Result,
) -> None:
    shape = (images, height, width, channels, row_ends.size // 3, column_ends.size // 3)
    total = images * (row_ends.size // 3)
    chunk = max(SMALLEST * total // max(x.size, y.size, 1), 1)
    chunks = chunks_of(state, total, chunk)
    require_memory(
        parallel(state, _rows_part, chunks.number, (chunks, x, shape, (rows, row_ends, columns, column_ends), y))
    )


class _Band:
    """A matrix, flat and of one dtype, and for each row where the numbers that are not 0 begin, where they end, and
    whether the row is the same as the one above."""

    def __init__(self, matrix: Array, dtype: DType) -> None:
        self.size = len(matrix)
        self.values = np.ascontiguousarray(matrix, dtype).ravel()
        there = matrix != 0
        begin, end = there.argmax(axis=1), matrix.shape[1] - there[:, ::-1].argmax(axis=1)
        same = np.append(False, (matrix[1:] == matrix[:-1]).all(axis=1))
        ends = np.stack([begin, end, same], axis=1)
        self.ends = np.ascontiguousarray(ends, np.int64).ravel()


def _repeating(size: int, factor: int) -> Array:
    """Return the matrix (size·factor, size) that repeats each entry `factor` times."""
    return np.repeat(np.eye(size), factor, axis=0)


@lru_cache(maxsize=256)
def _band(kind: str, size: int, factor: int, adjoint: bool, dtype: DType) -> _Band:
    """Return the matrix of an enlargement ("nearest" or "bilinear"), or of the "mean" over windows, or its transpose."""
    if kind == "bilinear":
        matrix = interpolation_matrix(size, factor)
    elif kind == "nearest":
        matrix = _repeating(size, factor)
    else:
        matrix = _repeating(size, factor).T / factor
    return _Band(matrix.T if adjoint else matrix, dtype)


def _apply(kind: str, x: Array, size: tuple[int, int], factor: tuple[int, int], adjoint: bool) -> Array:
    rows = _band(kind, size[0], factor[0], adjoint, x.dtype)
    columns = _band(kind, size[1], factor[1], adjoint, x.dtype)
    return _product(x, rows, columns)


def _product(x: Array, rows: _Band, columns: _Band) -> Array:
    """Return y = R·x·Sᵀ."""
    images, height, width, channels = x.shape
    y = empty((images, rows.size, columns.size, channels), x.dtype)
    matrices = rows.values, rows.ends, columns.values, columns.ends
    _resample[x.dtype](state(), x.ravel(), images, height, width, channels, *matrices, y.reshape(-1))
    return y


class AveragePool:
    """The mean of each disjoint window of kh × kw pixels."""

    def forward(self, x: Array, window: tuple[int, int]) -> Array:
        """Return the means, (N, H·kh, W·kw, C) → (N, H, W, C)."""
        return _apply("mean", x, (x.shape[1] // window[0], x.shape[2] // window[1]), window, False)

    def backward(self, dy: Array, window: tuple[int, int]) -> Array:
        """Return dx, which is dy/(kh·kw) over each window."""
        return _apply("mean", dy, dy.shape[1:3], window, True)


class _Upsample:
    kind: str

    def forward(self, x: Array, factor: tuple[int, int]) -> Array:
        """(N, H, W, C) → (N, H·fh, W·fw, C)."""
        return _apply(self.kind, x, x.shape[1:3], factor, False)

    def backward(self, dy: Array, factor: tuple[int, int]) -> Array:
        """The same with transposed matrices."""
        return _apply(self.kind, dy, (dy.shape[1] // factor[0], dy.shape[2] // factor[1]), factor, True)


class UpsampleNearest(_Upsample):
    """Enlargement that repeats each pixel fh × fw times."""

    kind = "nearest"


class UpsampleBilinear(_Upsample):
    """Enlargement by linear interpolation along each axis, edges clamped."""

    kind = "bilinear"


@lru_cache(maxsize=256)
def _blur_band(small: int, large: int, adjoint: bool, scale: float, dtype: DType) -> _Band:
    """Return scale·A, A (large, small) with the taps of the low-pass, or scale·Aᵀ."""
    matrix = np.zeros((large, small))
    for tap, weight in enumerate(BLUR):
        here, there = blur_places(tap, small, large)
        matrix[np.arange(large)[there], np.arange(small)[here]] = scale * weight
    return _Band(matrix.T if adjoint else matrix, dtype)


class Blur:
    """The low-pass by two along both axes, zeros beyond the edges."""

    def enlarge(self, small: Array, size: tuple[int, int], scale: float) -> Array:
        """(N, H, W, C) → (N, *size, C)."""
        rows = _blur_band(small.shape[1], size[0], False, float(scale), small.dtype)
        return _product(small, rows, _blur_band(small.shape[2], size[1], False, 1.0, small.dtype))

    def shrink(self, large: Array, scale: float) -> Array:
        """(N, H, W, C) → (N, ⌊H/2⌋, ⌊W/2⌋, C)."""
        height, width = large.shape[1:3]
        rows = _blur_band(height // 2, height, True, float(scale), large.dtype)
        return _product(large, rows, _blur_band(width // 2, width, True, 1.0, large.dtype))
