"""Arrays of pictures on the way to uint8 (N, H, W, C), in chunks, so that they may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array, DType

from .cache import decoded
from .channels import to_channels
from .dataset import check_shape
from .images import to_bytes
from .options import Options
from .resize import resize

CHUNK_BYTES = 1 << 22
IN_MEMORY = 1 << 26
"""Bytes: larger results of a conversion go to the cache folder and are memory-mapped."""
TOLERANCE = 1e-5
"""How far outside [0, 1] or [−1, 1] a float may lie: rounding of x/127.5 − 1 and the like."""


@dataclass(frozen=True)
class Raw:
    """Pictures as their source holds them.

    name: for messages.
    shape: (N, H, W, C).
    dtype: uint8, or floats in [0, 1] or [−1, 1].
    chunks: gives all pictures in order, as arrays (n, H, W, C), each time it is called.
    array: all pictures, where that costs no reading (an array, or one that is memory-mapped).
    identity: tells this content from others without reading it (path, size, time), or None; its `repr` is used.
    """

    name: str
    shape: tuple[int, int, int, int]
    dtype: DType
    chunks: Callable[[], Iterator[Array]]
    array: Array | None = None
    identity: object = None

    @staticmethod
    def of(array: Array, name: str, identity: object = None) -> Raw:
        """Of an array (N, H, W, C), or (N, H, W) for grey pictures."""
        array = array.reshape(picture_shape(array.shape, name))
        check_dtype(array.dtype, name)
        return Raw(name, array.shape, array.dtype, lambda: _slices(array), array, identity)


def picture_shape(shape: tuple[int, ...], name: str) -> tuple[int, int, int, int]:
    """(N, H, W, C) of an array of pictures; (N, H, W) is grey, unless it looks like one coloured picture (H, W, C).

    Raises:
        ShapeError, ValueError: it is not that of pictures, or of none.
    """
    if len(shape) == 3 and not 1 <= shape[2] <= 4:
        shape = (*shape, 1)
    return check_shape(shape, name)


def check_dtype(dtype: DType, name: str) -> None:
    """Refuse all but uint8 and floats."""
    if dtype == np.uint8 or dtype.kind == "f":
        return
    advice = ""
    if dtype.kind in "iu":
        advice = "; if the values are 0 to 255, give images.astype(np.uint8)"
    elif dtype.kind == "b":
        advice = "; give images * np.uint8(255)"
    raise TypeError(f"{name}: expected uint8, or floats in [0, 1] or [−1, 1], got {dtype}{advice}")


def per_chunk(shape: tuple[int, ...], itemsize: int = 1) -> int:
    """How many pictures of shape (N, H, W, C) make a chunk, at least 1."""
    return max(1, CHUNK_BYTES // max(1, int(np.prod(shape[1:], dtype=object)) * itemsize))


def _slices(array: Array) -> Iterator[Array]:
    step = per_chunk(array.shape, array.dtype.itemsize)
    for start in range(0, len(array), step):
        yield array[start : start + step]


def finish(raw: Raw, options: Options) -> Array:
    """The pictures as uint8 with the size and channels asked for.

    Floats become bytes by rounding: 255·x from [0, 1], 255·(x + 1)/2 from [−1, 1], the latter if any value is below 0.
    Then pictures are resized (`resize`) and their channels changed (`to_channels`). What needs none of these and is an
    array already is returned as it is. Results up to 64 MiB are made in memory, larger ones in the cache folder, and
    those of an array in memory always in memory.

    Raises:
        ValueError: floats that are not finite, or outside both ranges.
    """
    count, height, width, channels = raw.shape
    wanted = (*(options.image_size or (height, width)), options.channels or channels)
    same = raw.dtype == np.uint8 and wanted == (height, width, channels)
    if same and raw.array is not None:
        return raw.array
    shape = (count, *wanted)
    size = int(np.prod(shape, dtype=object))
    if size > IN_MEMORY and raw.identity is not None:
        source = (raw.identity[0] if isinstance(raw.identity, tuple) else raw.identity, raw.name, wanted)
        return decoded(options.cache(), source, raw.identity, lambda: (shape, _converted(raw, wanted))).images
    finished, done = np.empty(shape, np.uint8), 0
    for chunk in _converted(raw, wanted):
        finished[done : done + len(chunk)] = chunk
        done += len(chunk)
    return finished


def _converted(raw: Raw, wanted: tuple[int, int, int]) -> Iterator[Array]:
    pixel_range = None if raw.dtype == np.uint8 else float_range(raw)
    for chunk in raw.chunks():
        if pixel_range is not None:
            # half precision has 11 bits, too few to scale in; longer floats than double gain nothing
            exact = np.float32 if chunk.dtype.itemsize <= 4 else np.float64
            chunk = to_bytes(chunk.astype(exact), pixel_range)
        yield to_channels(resize(chunk, wanted[:2]), wanted[2])


def float_range(raw: Raw) -> str:
    """The range of float pictures: "-1..1" if any value is below 0, else "0..1".

    Raises:
        ValueError: a value is not finite, or outside [−1, 1].
    """
    low, high = np.inf, -np.inf
    for chunk in raw.chunks():
        with np.errstate(invalid="ignore"):
            least, most = float(chunk.min()), float(chunk.max())
        if not (np.isfinite(least) and np.isfinite(most)):
            raise ValueError(f"{raw.name}: expected finite floats, got NaN or infinity")
        low, high = min(low, least), max(high, most)
    if low < -1 - TOLERANCE or high > 1 + TOLERANCE:
        advice = "; if these are 0 to 255, give images.round().astype(np.uint8)" if low >= 0 and high <= 255 else ""
        raise ValueError(f"{raw.name}: expected floats in [0, 1] or [−1, 1], got {low:.6g} to {high:.6g}{advice}")
    return "-1..1" if low < -TOLERANCE else "0..1"
