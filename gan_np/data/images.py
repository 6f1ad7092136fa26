"""Images as arrays: ranges, grids, files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, array_module, to_host
from gan_np.checks import ShapeError, choice, integer
from gan_np.files import write_atomically

from .extent import ROUNDING, check_unit

USUAL = (".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff")
"""Endings of images that people use; Pillow writes more."""
RANGES = {"-1..1": (-1.0, 1.0), "0..1": (0.0, 1.0)}
"""Ranges of float images: [−1, 1] for tanh, [0, 1] for sigmoid."""


def to_float(
    images: Array,
    pixel_range: str,
    dtype: np.dtype[np.floating],
    *,
    index: Array | None = None,
    mirrored: Array | None = None,
) -> Array:
    """Images as floats in a range: x = low + (high − low)·v, with v = byte/255 for uint8 and v itself for floats in [0, 1].

    A change of range shifts likelihoods: by 784·ln 2 on MNIST between the two.

    index: int64 (n,), the numbers of those that are wanted; None: all.
    mirrored: uint8 (n,), not 0 for those that are mirrored left to right; None: none. Both lie where the images do.

    Raises:
        TypeError: neither uint8 nor floats.
    """
    low, high = RANGES[choice("pixel_range", pixel_range, RANGES)]
    if images.dtype.kind != "f":
        return ops.bytes_to_floats(images, low, high, dtype, index=index, mirrored=mirrored)
    wanted = images if index is None else images[index]
    if mirrored is not None:
        wanted = array_module(images).where(mirrored[:, None, None, None] != 0, wanted[:, :, ::-1], wanted)
    floats: Array = (wanted * images.dtype.type(high - low) + images.dtype.type(low)).astype(dtype)
    return floats


def as_bytes(images: Array) -> Array:
    """Images of a data set, uint8 or floats from 0 to 1, as uint8: as files and screens have them."""
    return images if images.dtype == np.uint8 else to_bytes(images, "0..1")


def to_bytes(images: Array, pixel_range: str) -> Array:
    """Float images as uint8, rounded; values outside the range are cut to it."""
    return scaled_to_bytes(images, *RANGES[choice("pixel_range", pixel_range, RANGES)])


def scaled_to_bytes(floats: Array, low: float, high: float) -> Array:
    """Floats as uint8, low as 0 and high as 255, rounded; values outside are cut."""
    xp = array_module(floats)
    scaled = (floats - floats.dtype.type(low)) * floats.dtype.type(255 / (high - low))
    return xp.clip(xp.rint(scaled), 0, 255).astype("uint8")


def grid(images: Array, columns: int | None = None, *, margin: int = 2, background: int = 255) -> Array:
    """Images (N, H, W, C) side by side, row after row: one uint8 image (height, width, C).

    images: uint8, or floats from 0 to 1. Of images with 2 or more than 4 channels, for which there is no colour, each
    channel is drawn as a grey image, one beside the other: (height, width, 1).
    columns: as near to a square as possible if None.

    Raises:
        ShapeError, TypeError, ValueError: not images, or floats that are NaN, infinite or outside [0, 1].
    """
    images = to_host(images)
    if images.ndim != 4 or not len(images):
        raise ShapeError(f"images: expected (N, height, width, channels) with N ≥ 1, got {images.shape}")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise TypeError(f"images: expected uint8, or floats from 0 to 1, got {images.dtype}")
    check_unit(images, "images", room=ROUNDING)
    images = _channels_apart(as_bytes(images))
    count, height, width, channels = images.shape
    across = math.ceil(math.sqrt(count)) if columns is None else integer("columns", columns, 1)
    rows = math.ceil(count / across)
    shape = (rows * (height + margin) + margin, across * (width + margin) + margin, channels)
    sheet = np.full(shape, background, np.uint8)
    for index, image in enumerate(images):
        top, left = (
            margin + place * (size + margin) for place, size in zip(divmod(index, across), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    return sheet


def _channels_apart(images: Array) -> Array:
    """Images that have a colour as they are; of others the channels beside each other, (N, H, C·W, 1)."""
    count, height, width, channels = images.shape
    if channels in (1, 3, 4):
        return images
    return images.transpose(0, 1, 3, 2).reshape(count, height, channels * width, 1)


def save_image(image: Array, path: str | Path) -> Path:
    """One uint8 image (height, width, channels) as a file; the format follows the name (.png, .jpg, .gif, …).

    1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGBA. Missing folders are made.
    """
    return _save(pillow_image(image), path)


def pillow_image(image: Array) -> Any:
    """One uint8 image (height, width, channels) as Pillow's, channels as in `save_image`."""
    from PIL import Image

    image = np.ascontiguousarray(to_host(image))
    if image.ndim != 3 or image.shape[2] not in (1, 2, 3, 4) or image.dtype != np.uint8:
        raise ShapeError(f"image: expected uint8 (height, width, 1…4), got {image.dtype} {image.shape}")
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def save_grid(images: Array, path: str | Path, *, columns: int | None = None, zoom: int | None = None) -> Path:
    """Images (N, H, W, C) as one image file, drawn as `grid` draws them.

    path: the file, of the format that its ending names. columns: as in `grid`.
    zoom: each pixel as zoom × zoom pixels; None enlarges small images so that the grid can be seen.

    Raises:
        ShapeError, TypeError, ValueError: as of `grid`; a name that does not end like an image's.
    """
    return save_image(enlarged(grid(images, columns), zoom), path)


def save_animation(series: Array, path: str | Path, *, columns: int | None = None, zoom: int | None = None) -> Path:
    """Images (N, steps, H, W, C) as a GIF of grids, one for each step; `columns` and `zoom` as in `save_grid`."""
    from PIL import Image

    frames = []
    for step in range(series.shape[1]):
        sheet = enlarged(grid(series[:, step], columns), zoom)
        image = Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet)
        frames.append(image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE))
    return save_frames(frames, path, 600)


def save_frames(frames: list[Any], path: str | Path, milliseconds: int) -> Path:
    """Pillow's images as a GIF that goes round, the last one shown for two seconds."""
    durations = [milliseconds] * (len(frames) - 1) + [2000]
    return _save(frames[0], path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def is_image_name(path: str | Path) -> bool:
    """Whether a name ends like that of an image that can be written."""
    from PIL import Image

    return Image.registered_extensions().get(Path(path).suffix.lower()) in Image.SAVE


def check_image_name(path: str | Path, name: str = "path", others: Sequence[str] = ()) -> None:
    """Refuse the name of a file that does not end like an image's, before the image is made.

    name: the argument that it was. others: endings that are taken beside, for the message.

    Raises:
        ValueError: it does not; the message lists the endings.
    """
    if not is_image_name(path):
        known = ", ".join((*others, *USUAL))
        raise ValueError(f"{name}: {str(path)!r}: expected a name that ends in {known} or the like")


def encoded(image: Any, suffix: str, **options: Any) -> bytes:
    """Pillow's image as the bytes of a file whose name ends so."""
    from PIL import Image

    written = io.BytesIO()
    image.save(written, Image.registered_extensions()[suffix.lower()], **options)
    return written.getvalue()


def _save(image: Any, path: str | Path, **options: Any) -> Path:
    """Pillow's image as a file that is there whole or not at all; the format follows the name."""
    check_image_name(path)
    return write_atomically(path, encoded(image, Path(path).suffix, **options))


def enlarged(sheet: Array, zoom: int | None = None) -> Array:
    """A grid with each pixel as zoom × zoom pixels; None enlarges a small one to some 512 pixels."""
    factor = max(1, 512 // max(sheet.shape[:2])) if zoom is None else integer("zoom", zoom, 1)
    larger: Array = sheet.repeat(factor, axis=0).repeat(factor, axis=1)
    return larger
