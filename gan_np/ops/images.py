"""Bytes of images as floats."""

from __future__ import annotations

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, on_host
from gan_np.kernels import Problem


def bytes_to_floats(
    images: Array,
    low: float,
    high: float,
    dtype: np.dtype[np.floating],
    *,
    index: Array | None = None,
    mirrored: Array | None = None,
) -> Array:
    """x = low + (high − low)·byte/255 for uint8 images (N, H, W, C), as an array of `dtype`.

    index: int64 (n,), the numbers of the wanted images; None: all in order.
    mirrored: uint8 (n,), not 0 for images whose left and right are exchanged; None: none. Both lie where the images do.

    Raises:
        TypeError: the images are not uint8.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"images: expected uint8, got {images.dtype}")
    wanted = np.dtype(dtype)
    shape = images.shape if index is None else (len(index), *images.shape[1:])
    kernel = kernels.select("images", Problem("cpu" if on_host(images) else "cuda", wanted, shape))
    floats: Array = kernel.forward(images, index, mirrored, low, high, wanted)
    return floats
