"""Images as one PNG that the page cuts up again."""

from __future__ import annotations

import io

import numpy as np

from gan_np.arrays import Array
from gan_np.data.images import as_bytes, pillow_image


def to_show(images: Array) -> Array:
    """Images (N, H, W, C) as uint8 of 1, 3 or 4 channels; of other numbers the channels beside each other, in grey."""
    made = as_bytes(images)
    count, height, width, channels = made.shape
    if channels in (1, 3, 4):
        return made
    return made.transpose(0, 1, 3, 2).reshape(count, height, channels * width, 1)


def sheet_of(images: Array, columns: int) -> Array:
    """Images (N, H, W, C) edge to edge, row after row: (rows·H, columns·W, C); the rest of the last row is black."""
    count, height, width, channels = images.shape
    across = min(columns, count)
    rows = -(-count // across)
    sheet = np.zeros((rows * across, height, width, channels), np.uint8)
    sheet[:count] = images
    return (
        sheet.reshape(rows, across, height, width, channels).swapaxes(1, 2).reshape(rows * height, across * width, -1)
    )


def png(image: Array) -> bytes:
    """One uint8 image (H, W, C) as a PNG, packed as fast as can be."""
    written = io.BytesIO()
    pillow_image(image).save(written, "PNG", compress_level=1)
    return written.getvalue()
