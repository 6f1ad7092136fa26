"""Images moved, turned and stretched by affine maps: each image by one thread, so that the adjoint adds in one order."""

from __future__ import annotations

import math
from typing import Any

from gan_np.arrays import Array

from .chunks import chunks_of, next_span, require_memory
from .compiled import inlined, inner
from .functions import Cells, Given, Result, compiled_function
from .heap import empty
from .memory import get, put
from .pool import parallel, state


@inlined
def _tap(x: Any, y: Any, source: int, target: int, weight: Any, channels: int, adjoint: bool) -> None:
    """y[target] += weight·x[source], or the other way round."""
    for c in range(channels):
        if adjoint:
            put(y, source + c, get(y, source + c) + weight * get(x, target + c))
        else:
            put(y, target + c, get(y, target + c) + weight * get(x, source + c))


@inlined
def _nowhere(y: Any, first: int, count: int) -> None:
    """A map that is NaN makes what it could reach NaN."""
    for k in range(first, first + count):
        put(y, k, y.dtype.type(math.nan))


@inner
def _image_part(index: int, thread: int, chunks: Any, x: Any, maps: Any, shape: Any, adjoint: bool, y: Any) -> None:
    real = x.dtype.type
    images, height, width, channels = shape
    start, stop = next_span(chunks, thread, images, False)
    for n in range(start, stop):
        m = 6 * n
        first = n * height * width * channels
        for k in range(first, first + height * width * channels):
            put(y, k, real(0.0))
        for i in range(height):
            for j in range(width):
                r = get(maps, m) * real(i) + get(maps, m + 1) * real(j) + get(maps, m + 2)
                s = get(maps, m + 3) * real(i) + get(maps, m + 4) * real(j) + get(maps, m + 5)
                target = first + (i * width + j) * channels
                if math.isnan(r) or math.isnan(s):
                    _nowhere(y, first if adjoint else target, height * width * channels if adjoint else channels)
                    continue
                if not (real(-1.0) < r < real(height) and real(-1.0) < s < real(width)):
                    continue
                top, left = math.floor(r), math.floor(s)
                down, right = r - real(top), s - real(left)
                for u in range(2):
                    h = top + u
                    of_row = down if u == 1 else real(1.0) - down
                    if h < 0 or h >= height or of_row == real(0.0):
                        continue
                    for v in range(2):
                        w = left + v
                        of_column = right if v == 1 else real(1.0) - right
                        if w < 0 or w >= width or of_column == real(0.0):
                            continue
                        source = first + (h * width + w) * channels
                        _tap(x, y, source, target, of_row * of_column, channels, adjoint)


@compiled_function
def _sample(
    state: Cells, x: Given, maps: Given, images: int, height: int, width: int, channels: int, adjoint: bool, y: Result
) -> None:
    chunks = chunks_of(state, images, 1)
    shape = (images, height, width, channels)
    require_memory(parallel(state, _image_part, chunks.number, (chunks, x, maps, shape, adjoint, y)))


class AffineSample:
    """Interpolation where an affine map says that each pixel comes from."""

    def forward(self, x: Array, maps: Array) -> Array:
        """(N, H, W, C) → (N, H, W, C)."""
        return _applied(x, maps, False)

    def backward(self, dy: Array, maps: Array) -> Array:
        """The exact adjoint."""
        return _applied(dy, maps, True)


def _applied(images: Array, maps: Array, adjoint: bool) -> Array:
    made = empty(images.shape, images.dtype)
    _sample[images.dtype](state(), images.ravel(), maps.ravel(), *images.shape, adjoint, made.reshape(-1))
    return made
