"""The Laplacian pyramid: a picture as a coarse one and the detail that each enlargement lacks (Burt and Adelson 1983).

    I_{k+1} = d(I_k),   h_k = I_k − u(I_{k+1}),   h_K = I_K;      back:  I_k = u(I_{k+1}) + h_k

d halves a picture (mean of 2×2), u doubles it (bilinear). Whatever d and u are, the way back gives I_k again, since the
same u(I_{k+1}) is taken away and added.
"""

from __future__ import annotations

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import ShapeError, integer


def reduce(pictures: Array) -> Array:
    """d: (N, H, W, C) floats to (N, H/2, W/2, C), the mean of each 2×2.

    Raises:
        ShapeError: a side is odd.
    """
    if pictures.shape[1] % 2 or pictures.shape[2] % 2:
        raise ShapeError(f"pictures: sides must be even to be halved, got {pictures.shape[1]}×{pictures.shape[2]}")
    return ops.average_pool(pictures, 2, wrt=False)[0]


def expand(pictures: Array) -> Array:
    """u: (N, H, W, C) floats to (N, 2H, 2W, C), bilinear."""
    return ops.upsample_bilinear(pictures, 2, wrt=False)[0]


def low_pass(pictures: Array) -> Array:
    """u(d(I)): what the next coarser level knows of a picture, at its size."""
    return expand(reduce(pictures))


def sizes(height: int, width: int, levels: int) -> list[tuple[int, int]]:
    """The sides of each level, finest first: `levels` halvings.

    Raises:
        ShapeError: they do not halve evenly that often.
    """
    integer("levels", levels, 1)
    if height % 2**levels or width % 2**levels:
        raise ShapeError(
            f"levels: a picture of {height}×{width} cannot be halved evenly {levels} times; resize it to multiples of "
            f"{2**levels}, or take fewer levels"
        )
    return [(height >> level, width >> level) for level in range(levels + 1)]


def build(pictures: Array, levels: int) -> list[Array]:
    """[h_0, …, h_{K−1}, I_K] for K = `levels` halvings of float pictures (N, H, W, C)."""
    sizes(pictures.shape[1], pictures.shape[2], levels)
    pyramid = []
    for _ in range(levels):
        smaller = reduce(pictures)
        pyramid.append(pictures - expand(smaller))
        pictures = smaller
    return [*pyramid, pictures]


def invert(pyramid: list[Array]) -> Array:
    """The pictures that `build` made a pyramid of."""
    pictures = pyramid[-1]
    for detail in reversed(pyramid[:-1]):
        pictures = expand(pictures) + detail
    return pictures
