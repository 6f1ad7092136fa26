"""Real images on the GPU (`sources/real_images.cu`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

from .alignment import BYTES
from .grids import image_blocks
from .launcher import Large, contiguous, launch, new


class Images:
    """Real images, found, mirrored and made into floats in one pass."""

    def forward(
        self,
        images: Array,
        index: Array | None,
        mirrored: Array | None,
        low: float,
        high: float,
        dtype: np.dtype[Any],
    ) -> Array:
        """Return low + (high − low)·byte/255; the data set may be longer than what 32 bits index."""
        images = contiguous(images)
        count, (_, height, width, channels) = len(images) if index is None else len(index), images.shape
        size, pack = height * width * channels, BYTES // dtype.itemsize
        floats = new(images, (count, height, width, channels), dtype)
        pointer: int = images.data.ptr  # type: ignore[attr-defined]
        aligned = size % pack == 0 and pointer % pack == 0
        given = (Large(images), *(None if array is None else contiguous(array) for array in (index, mirrored)))
        numbers = (size, width, channels, aligned, float(low), float((high - low) / 255))
        grid, block = image_blocks(count, size, pack if aligned else 1)
        launch("real_images.cu", "forward", grid, block, (*given, floats, *numbers), dtype=dtype)
        return floats
