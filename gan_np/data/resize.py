"""Images of another size, by one of three rules (`FITS`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import choice, pair

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]
"""Height and width in pixels."""

LARGEST = 4096

FITS = ("crop", "pad", "stretch")
"""What is done with images of other proportions than the size asked for.

crop scales an image until it covers the size, and cuts what sticks out on both sides alike; pad scales it until it fits in,
and fills both sides alike with 0 (black, and transparent where there is alpha); stretch scales height and width each as
needed."""


def size_of(name: str, value: object) -> Size:
    """Height and width in pixels. of a side, a pair, or text such as "64" or "48x32" (height first).

    Raises:
        TypeError, ValueError: it is none of these; the message names the argument.
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d{1,5})\s*(?:[x×]\s*(\d{1,5})\s*)?", value)
        if found is None:
            raise ValueError(f"{name}: expected a side or HEIGHTxWIDTH, as in 64 or 48x32, got {value!r}")
        value = int(found[1]), int(found[2] or found[1])
    height, width = pair(name, value, 1)
    if max(height, width) > LARGEST:
        raise ValueError(f"{name}: expected sides of at most {LARGEST}, got {height}×{width}")
    return height, width


def written_size(name: str, value: object) -> int | str:
    """A size as a configuration keeps it: a side of squares, or the text HEIGHTxWIDTH. Raises as `size_of`."""
    height, width = size_of(name, value)
    return height if height == width else f"{height}x{width}"


def resized(image: Image.Image, size: Size, fit: str = "crop") -> Image.Image:
    """A Pillow image (modes L, LA, RGB, RGBA, F) with the size asked for, by one of the rules `FITS`.

    Lanczos filter of Pillow, whose support grows with the reduction, so that nothing aliases; colours are weighted with
    alpha (in 8 bits: under a small alpha they lose precision, which does not show on any background). An image that has
    the size already is returned unchanged.
    """
    from PIL import Image, ImageOps

    height, width = size
    if image.size == (width, height):
        return image
    lanczos = Image.Resampling.LANCZOS
    if fit == "stretch":
        return image.resize((width, height), lanczos)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), method=lanczos, centering=(0.5, 0.5))
    scale = min(width / image.width, height / image.height)
    inside = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    sheet = Image.new(image.mode, (width, height))
    sheet.paste(image.resize(inside, lanczos), ((width - inside[0]) // 2, (height - inside[1]) // 2))
    return sheet


FILTERS = ("bicubic", "bilinear", "lanczos", "box")
"""Pillow's filters; the support of each grows with the reduction, so that nothing aliases."""


def resize_floats(images: Array, size: Size, filter: str = "bicubic") -> Array:
    """Images (N, H, W, C) as float32 (N, height, width, C), height and width each scaled as needed, each channel by itself.

    filter: one of `FILTERS`, as Pillow's `Image.resize` has them: antialiased, but in floats, so that nothing is rounded to
    bytes in between (Parmar et al. 2022, On aliased resizing and surprising subtleties in GAN evaluation). Bicubic and
    Lanczos overshoot at edges, a little beyond the range that there was.

    >>> resize_floats(np.array([0, 255, 0, 255], np.uint8).reshape(1, 1, 4, 1), (1, 2), "box").ravel().tolist()
    [127.5, 127.5]

    Raises:
        ValueError: no such filter.
    """
    from PIL import Image

    chosen = Image.Resampling[choice("filter", filter, FILTERS).upper()]
    height, width = size
    made = np.empty((len(images), height, width, images.shape[3]), np.float32)
    for index, pixels in enumerate(images):
        for channel in range(images.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(pixels[:, :, channel], np.float32))
            made[index, :, :, channel] = np.asarray(plane.resize((width, height), chosen))
    return made


def resize(images: Array, size: Size, fit: str = "crop") -> Array:
    """Images (N, H, W, C), uint8 or float32, as (N, height, width, C), each by `resized`.

    uint8 images with 1 to 4 channels are grey, grey and alpha, RGB and RGBA; with more, and of floats, each channel is
    resized by itself.
    """
    from PIL import Image

    if images.shape[1:3] == size:
        return images
    made = np.empty((len(images), *size, images.shape[3]), images.dtype)
    together = images.dtype == np.uint8 and images.shape[3] in (2, 3, 4)
    for index, pixels in enumerate(images):
        if together:
            made[index] = np.asarray(resized(Image.fromarray(np.ascontiguousarray(pixels)), size, fit))
            continue
        for channel in range(images.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(pixels[:, :, channel]))
            made[index, :, :, channel] = np.asarray(resized(plane, size, fit))
    return made
