"""Arrays of images on the way to (N, H, W, C), uint8 or float32, in chunks, so that they may be larger than memory."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array, DType
from gan_np.checks import ShapeError
from gan_np.printable import printable

from . import ranges
from .cache import decoded
from .channels import to_channels
from .dataset import Dataset, check_shape
from .extent import Extent, extent_of
from .options import Options
from .ranges import Scale
from .resize import resize

CHUNK_BYTES = 1 << 22
IN_MEMORY = 1 << 26
"""Bytes: larger results of a conversion go to the cache folder and are memory-mapped."""


@dataclass(frozen=True)
class Raw:
    """Images as their source holds them.

    name: for messages.
    shape: (N, H, W, C).
    dtype: of bytes, other integers or floats.
    chunks: gives all images in order, as arrays (n, H, W, C), each time it is called.
    array: all images, where that costs no reading (an array, or one that is memory-mapped).
    identity: tells this content from others without reading it (path, size, time), or None; its `repr` is used.
    beside: the other parts of the same data set, whose values have a say in what its range is.
    """

    name: str
    shape: tuple[int, int, int, int]
    dtype: DType
    chunks: Callable[[], Iterator[Array]]
    array: Array | None = None
    identity: object = None
    beside: tuple[Raw, ...] = ()

    @staticmethod
    def of(array: Array, name: str, identity: object = None, layout: str | None = None) -> Raw:
        """Of an array (N, H, W, C), or (N, H, W) for grey images; with layout "NCHW" of one (N, C, H, W)."""
        array = channels_last(array, layout, name)
        array = array.reshape(image_shape(array.shape, name, sure=layout is not None))
        check_dtype(array.dtype, name)
        return Raw(name, array.shape, array.dtype, lambda: _slices(array), array, identity)


def channels_last(array: Array, layout: str | None, name: str) -> Array:
    """A view (N, H, W, C) of images (N, C, H, W) where the layout is "NCHW"; otherwise the array itself.

    Raises:
        ShapeError: NCHW, of an array without four sizes.
    """
    if layout != "NCHW":
        return array
    if array.ndim != 4:
        raise ShapeError(f"{name}: layout NCHW expects images (N, channels, height, width), got {array.shape}")
    return array.transpose(0, 2, 3, 1)


def image_shape(shape: tuple[int, ...], name: str, *, sure: bool = False) -> tuple[int, int, int, int]:
    """(N, H, W, C) of an array of images; (N, H, W) is grey, unless it looks like one coloured image (H, W, C).

    sure: the caller said that channels come last. Otherwise a shape that looks as if they came first, since the first of
    three sizes is 1 to 4 and the last is not, or the last two agree and the first does not, is not guessed at.

    Raises:
        ShapeError, ValueError: it is not that of images, or of none, or it may be (N, C, H, W).
    """
    if len(shape) == 3 and not 1 <= shape[2] <= 4:
        shape = (*shape, 1)
    if len(shape) == 4 and not sure and shape[3] > 4 and (1 <= shape[1] <= 4 or shape[1] != shape[2] == shape[3]):
        raise ShapeError(
            f"{name}: shape {shape} may have its channels first; say which it is with layout='NCHW' (channels first) or "
            "layout='NHWC' (channels last)"
        )
    return check_shape(shape, name)


def check_dtype(dtype: DType, name: str) -> None:
    """Refuse all but integers and floats."""
    if dtype.kind in "iuf":
        return
    advice = "; give images * np.uint8(255)" if dtype.kind == "b" else ""
    raise TypeError(f"{name}: expected uint8, other integers or floats, got {dtype}{advice}")


def per_chunk(shape: tuple[int, ...], itemsize: int = 1) -> int:
    """How many images of shape (N, H, W, C) make a chunk, at least 1."""
    return max(1, CHUNK_BYTES // max(1, int(np.prod(shape[1:], dtype=object)) * itemsize))


def _slices(array: Array) -> Iterator[Array]:
    step = per_chunk(array.shape, array.dtype.itemsize)
    for start in range(0, len(array), step):
        yield array[start : start + step]


@dataclass(frozen=True)
class Finished:
    """Images (N, H, W, C), uint8 or float32, and what was decided on the way, in sentences (see `Dataset`)."""

    images: Array
    decided: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()

    def dataset(self, labels: Array | None, class_names: tuple[str, ...] | None, name: str) -> Dataset:
        """Return a data set of these images, with their labels and names."""
        return Dataset(self.images, labels, class_names, name, self.decided, self.warned)


def finish(raw: Raw, options: Options) -> Finished:
    """The images with the dtype, size and channels asked for.

    Bytes stay as they are unless the caller names a range. All else becomes bytes by rounding 255·(x − low)/(high − low),
    where low..high is the caller's range, or what `ranges.decide` finds in the whole data set. With dtype "float32" all
    become (x − low)/(high − low), cut to 0…1; bytes are divided by 255.
    Then images are resized (`resize`) and their channels changed (`to_channels`). What needs none of these and is an
    array already is returned as it is (not a file in Fortran order: each batch would read all of it). Results up to 64 MiB
    are made in memory, larger ones in the cache folder, and those of an array in memory always in memory.

    Raises:
        ValueError: floats that are not finite, or values whose range cannot be told.
    """
    count, height, width, channels = raw.shape
    wanted = (*(options.image_size or (height, width)), options.channels or channels)
    unscaled = raw.dtype == np.uint8 and options.value_range is None and options.dtype == "uint8"
    readable = raw.array is not None and (raw.identity is None or raw.array.flags.c_contiguous)
    if unscaled and wanted == (height, width, channels) and readable:
        assert raw.array is not None
        return finished_with(raw.name, raw.array, [], options)
    shape = (count, *wanted)
    size = int(np.prod(shape, dtype=object)) * np.dtype(options.dtype).itemsize
    scales: list[Scale] = []
    chunks = _converted(raw, wanted, options, scales)
    if size > IN_MEMORY and raw.identity is not None:
        place = raw.identity[0] if isinstance(raw.identity, tuple) else raw.identity
        source = (place, raw.name, wanted, options.value_range, *options.unusual())
        content = (raw.identity, *(other.identity for other in raw.beside))
        kept = decoded(
            options.cache(), source, content, lambda: (shape, chunks), lambda: kept_as(scales), options.dtype
        )
        return finished_with(raw.name, kept.images, scales_of(kept.notes), options)
    finished, done = np.empty(shape, options.dtype), 0
    for chunk in chunks:
        finished[done : done + len(chunk)] = chunk
        done += len(chunk)
    return finished_with(raw.name, finished, scales, options)


def _converted(raw: Raw, wanted: tuple[int, int, int], options: Options, scales: list[Scale]) -> Iterator[Array]:
    """Chunks of finished images; `scales` gets what was decided about their values, if anything was."""
    scale = None
    if raw.dtype != np.uint8 or options.value_range is not None:
        scale = _scale(raw, options)
        scales.append(scale)
    bytes_as_floats = Scale("i", (0.0, 255.0), Extent(0.0, 255.0)) if options.dtype != "uint8" else None
    for chunk in raw.chunks():
        own = scale or bytes_as_floats
        images = chunk if own is None else own.scaled(chunk, options.dtype)
        fitted = resize(images, wanted[:2], options.fit)
        yield to_channels(fitted if options.dtype == "uint8" else fitted.clip(0, 1), wanted[2])


def _scale(raw: Raw, options: Options) -> Scale:
    kind, seen = ranges.kind_of(raw.dtype), _extent(raw)
    if options.value_range is not None:
        return Scale(kind, options.value_range, seen, asked=True)
    whole = seen
    for other in raw.beside:
        if other.dtype != np.uint8 and ranges.kind_of(other.dtype) == kind:
            with contextlib.suppress(ValueError):  # a part that cannot be read is no reason to refuse another
                whole |= _extent(other)
    return ranges.decide(printable(raw.name), kind, whole, options.advise_range())


def _extent(raw: Raw) -> Extent:
    found = Extent(np.inf, -np.inf)
    for chunk in raw.chunks():
        found |= extent_of(chunk, printable(raw.name))
    return found


def finished_with(name: str, images: Array, scales: list[Scale], options: Options) -> Finished:
    """Finished images with what was decided about their values, and a warning where little of the range is in use."""
    name, advice = printable(name), options.advise_range()
    decided: list[str] = []
    warned: list[str] = []
    for scale in scales:
        (warned if scale.doubtful or scale.cut else decided).append(scale.said(name, advice))
    narrow = ranges.narrow(name, images, scales, advice)
    return Finished(images, tuple(decided), (*warned, *([narrow] if narrow else [])))


def kept_as(scales: list[Scale]) -> dict[str, Any]:
    """Scales as notes of the cache (`scales_of` reads them)."""
    return {"scales": [dataclasses.asdict(scale) for scale in scales]}


def scales_of(notes: dict[str, Any]) -> list[Scale]:
    """Return the scales that `kept_as` wrote into the cache's notes."""
    return [Scale(**kept) for kept in notes["scales"]]
