"""Packing: D judges m images at once, so that a generator with little variety is found out (PacGAN, Lin et al. 2018)."""

from __future__ import annotations

from gan_np.arrays import Array
from gan_np.checks import ShapeError


def pack(images: Array, count: int) -> Array:
    """(N·m, H, W, C) to (N, H, W, m·C): m images that follow each other become the channels of one."""
    if count == 1:
        return images
    total, height, width, channels = images.shape
    if total % count:
        raise ShapeError(f"images: {total} of them cannot be packed {count} at a time")
    grouped = images.reshape(total // count, count, height, width, channels)
    packed: Array = grouped.transpose(0, 2, 3, 1, 4).reshape(total // count, height, width, count * channels)
    return packed


def unpack(packed: Array, count: int) -> Array:
    """The inverse of `pack`, and its adjoint: it only moves numbers."""
    if count == 1:
        return packed
    total, height, width, channels = packed.shape
    grouped = packed.reshape(total, height, width, count, channels // count)
    images: Array = grouped.transpose(0, 3, 1, 2, 4).reshape(total * count, height, width, channels // count)
    return images
