"""Images of another size: scaled until they cover it, then cut around the centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gan_np.arrays import Array

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]
"""(height, width)"""


def cover(image: Image.Image, size: Size) -> Image.Image:
    """A Pillow image (modes L, LA, RGB, RGBA) of `size`, aspect ratio kept: what sticks out is cut on both sides alike.

    Lanczos filter of Pillow, whose support grows with the reduction, so that nothing aliases; colours are weighted with
    alpha (in 8 bits: under a small alpha they lose precision, which does not show on any background). An image that has
    the size already is returned unchanged.
    """
    from PIL import Image, ImageOps

    height, width = size
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS, centering=(0.5, 0.5))


def resize(images: Array, size: Size) -> Array:
    """uint8 images (N, H, W, C), C from 1 to 4, as (N, height, width, C): each one by `cover`."""
    from PIL import Image

    if images.shape[1:3] == size:
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for index, pixels in enumerate(images):
        flat = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
        fitted = cover(Image.fromarray(np.ascontiguousarray(flat)), size)
        resized[index] = np.asarray(fitted).reshape(resized.shape[1:])
    return resized
