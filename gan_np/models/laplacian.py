"""The Laplacian pyramid: an image as a coarse one and the detail that each enlargement lacks (Burt and Adelson 1983).

    I_{k+1} = d(I_k),   h_k = I_k − u(I_{k+1}),   h_K = I_K;      back:  I_k = u(I_{k+1}) + h_k

d halves an image (mean of 2×2), u doubles it (bilinear). Whatever d and u are, the way back gives I_k again, since the
same u(I_{k+1}) is taken away and added.
"""

from __future__ import annotations

import numpy as np

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer
from gan_np.data.images import to_bytes, to_float

PIECE = 4096
"""Images that are halved together."""


def reduce(images: Array) -> Array:
    """d: (N, H, W, C) floats to (N, H/2, W/2, C), the mean of each 2×2.

    Raises:
        ShapeError: a side is odd.
    """
    if images.shape[1] % 2 or images.shape[2] % 2:
        raise ShapeError(f"images: sides must be even to be halved, got {images.shape[1]}×{images.shape[2]}")
    return ops.average_pool(images, 2, wrt=False)[0]


def reduced(images: Array, halvings: int) -> Array:
    """Images halved that often, bytes rounded once at the end; in pieces, so that memory stays bounded."""
    if not halvings:
        return images
    pieces = []
    for start in range(0, len(images), PIECE):
        floats = to_float(np.ascontiguousarray(images[start : start + PIECE]), "0..1", np.dtype(np.float32))
        for _ in range(halvings):
            floats = reduce(floats)
        pieces.append(to_bytes(floats, "0..1") if images.dtype == np.uint8 else floats.astype(images.dtype))
    return np.concatenate(pieces)


def expand(images: Array) -> Array:
    """u: (N, H, W, C) floats to (N, 2H, 2W, C), bilinear."""
    return ops.upsample_bilinear(images, 2, wrt=False)[0]


def low_pass(images: Array) -> Array:
    """u(d(I)): what the next coarser level knows of an image, at its size."""
    return expand(reduce(images))


def sizes(height: int, width: int, levels: int) -> list[tuple[int, int]]:
    """The sides of each level, finest first: `levels` halvings.

    Raises:
        ShapeError: they do not halve evenly that often.
    """
    integer("levels", levels, 1)
    if height % 2**levels or width % 2**levels:
        raise ShapeError(
            f"levels: an image of {height}×{width} cannot be halved evenly {levels} times; resize it to multiples of "
            f"{2**levels}, or take fewer levels"
        )
    return [(height >> level, width >> level) for level in range(levels + 1)]


def build(images: Array, levels: int) -> list[Array]:
    """[h_0, …, h_{K−1}, I_K] for K = `levels` halvings of float images (N, H, W, C)."""
    sizes(images.shape[1], images.shape[2], levels)
    pyramid = []
    for _ in range(levels):
        smaller = reduce(images)
        pyramid.append(images - expand(smaller))
        images = smaller
    return [*pyramid, images]


def invert(pyramid: list[Array]) -> Array:
    """The images that `build` made a pyramid of."""
    images = pyramid[-1]
    for detail in reversed(pyramid[:-1]):
        images = expand(images) + detail
    return images
