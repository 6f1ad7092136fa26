"""Bytes of images as floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module


class Images:
    """Images of a batch as floats: gathered, mirrored, scaled and shifted in turn."""

    def forward(
        self,
        images: Array,
        index: Array | None,
        mirrored: Array | None,
        low: float,
        high: float,
        dtype: np.dtype[Any],
    ) -> Array:
        """Return low + (high − low)·byte/255, with both bounds rounded to `dtype`."""
        chosen = images if index is None else images[index]
        if mirrored is not None:
            chosen = array_module(chosen).where(mirrored[:, None, None, None] != 0, chosen[:, :, ::-1], chosen)
        floats = chosen.astype(dtype)
        floats *= floats.dtype.type((high - low) / 255)
        if low:
            floats += floats.dtype.type(low)
        return floats
