"""Packing: D judges m images at once, so that a generator with little variety is found out (PacGAN, Lin et al. 2018)."""

from __future__ import annotations

from gan_np.arrays import Array
from gan_np.checks import ShapeError


def pack(data: Array, count: int) -> Array:
    """(N·m, …, C) to (N, …, m·C): m images (or vectors) that follow each other become the channels (or entries) of one."""
    if count == 1:
        return data
    total, *places, channels = data.shape
    if total % count:
        raise ShapeError(f"images: {total} of them cannot be packed {count} at a time")
    grouped = data.reshape(total // count, count, -1, channels)
    packed: Array = grouped.transpose(0, 2, 1, 3).reshape(total // count, *places, count * channels)
    return packed


def unpack(packed: Array, count: int) -> Array:
    """The inverse of `pack`, and its adjoint: it only moves numbers."""
    if count == 1:
        return packed
    total, *places, channels = packed.shape
    grouped = packed.reshape(total, -1, count, channels // count)
    data: Array = grouped.transpose(0, 2, 1, 3).reshape(total * count, *places, channels // count)
    return data
