"""The sliced Wasserstein distance between patches of Laplacian pyramids (Karras et al. 2018, Progressive growing of GANs).

Each image becomes a Laplacian pyramid; from each level 7×7 patches ("descriptors") are cut at random places. A coarse
level says whether large structures are right, the finest whether edges and noise are. The distance of a level is

    1000 · mean over random directions of  W₁(projections of the real patches, projections of the generated ones)

with W₁ along a line = the mean difference of equal ranks. 0 for equal sets.

As in the paper: patches of 7×7, W₁, directions of unit length, ×1000, channels normalised. Departures: the pyramid is this
library's (means of 2×2 and bilinear enlargement instead of a 5×5 Gaussian); each channel's mean and deviation are those of
the real patches, for both sets, where the authors' code takes each set's own, which hides a difference in contrast and
divides by 0 for a constant image; 16 patches an image and 128 directions (paper: 128 and 512 on 16,384 images). So
figures compare with each other, not with the paper's. Biased upwards by few images: compare at equal sizes. Needs 1,000.
"""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import ShapeError, integer
from gan_np.data.extent import check_unit
from gan_np.data.images import to_float
from gan_np.models import laplacian

from .distances import finite

PATCH = 7
PATCHES = 16
PROJECTIONS = 128
COARSEST = 2 * PATCH
_CHUNK = 512


def pyramid_levels(height: int, width: int) -> int:
    """How often images are halved: while both sides are even and the halves at least 14 (28 → 14; 64 → 32 → 16)."""
    levels = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= COARSEST:
        height, width, levels = height // 2, width // 2, levels + 1
    return levels


def patch_descriptors(images: Array, *, patches: int = PATCHES, seed: int = 0) -> list[Array]:
    """For each level, finest first, `patches` patches of each image: float32 (N, patches, 7·7·C), channels last.

    images: (N, H, W, C), uint8 or floats from 0 to 1, sides at least 7.

    Raises:
        TypeError, ShapeError: they are not.
    """
    integer("patches", patches, 1)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise TypeError(f"images: expected uint8, or floats from 0 to 1, got {images.dtype}")
    if images.ndim != 4 or not len(images) or min(images.shape[1:3]) < PATCH:
        raise ShapeError(
            f"images: expected (N, height, width, channels), sides of at least {PATCH}, got {images.shape}"
        )
    check_unit(images, "images")
    levels = pyramid_levels(*images.shape[1:3])
    rng = generator(seed)
    found: list[list[Array]] = [[] for _ in range(levels + 1)]
    for start in range(0, len(images), _CHUNK):
        floats = to_float(np.ascontiguousarray(images[start : start + _CHUNK]), "0..1", np.dtype(np.float32))
        pyramid = laplacian.build(floats, levels) if levels else [floats]
        for level, maps in enumerate(pyramid):
            found[level].append(_cut(maps, patches, rng))
    return [np.concatenate(parts) for parts in found]


def _cut(maps: Array, patches: int, rng: np.random.Generator) -> Array:
    count, height, width, channels = maps.shape
    windows = np.lib.stride_tricks.sliding_window_view(maps, (PATCH, PATCH), axis=(1, 2))  # (N, y, x, C, 7, 7)
    rows = rng.integers(0, height - PATCH + 1, (count, patches))
    columns = rng.integers(0, width - PATCH + 1, (count, patches))
    cut = windows[np.arange(count)[:, None], rows, columns]
    return np.ascontiguousarray(cut.transpose(0, 1, 3, 4, 2)).reshape(count, patches, PATCH * PATCH * channels)


def sliced_wasserstein_of_patches(
    real: Array, generated: Array, *, channels: int, projections: int = PROJECTIONS, seed: int = 0
) -> float:
    """1000·(mean W₁ over directions) between descriptors (N, patches, 49·channels) of as many images each, of one level.

    Raises:
        ShapeError: of different shapes, or not of patches of so many channels.
    """
    integer("projections", projections, 1)
    for name, part in (("real", real), ("generated", generated)):
        finite(name, part)
    if real.shape != generated.shape or real.ndim != 3 or real.shape[2] != PATCH * PATCH * channels:
        raise ShapeError(
            f"generated: expected descriptors (N, patches, {PATCH * PATCH * channels}) as real, {real.shape}, "
            f"got {generated.shape}"
        )
    # The real patches' mean would be taken from both sets alike, and a distance does not see that.
    deviation = real.reshape(-1, channels).std(axis=0)
    # Images lie in 0…1: less than this is the rounding of constant ones, and nothing to divide by.
    scale = np.where(deviation > 4 * np.finfo(real.dtype).eps, deviation, 1).astype(real.dtype)
    directions = generator(seed, 1).standard_normal((PATCH * PATCH * channels, projections)).astype(real.dtype)
    directions /= np.linalg.norm(directions, axis=0)
    sorted_ranks = []
    for part in (real, generated):
        flat = (part.reshape(-1, channels) / scale).reshape(-1, directions.shape[0])
        sorted_ranks.append(np.sort(directions.T @ flat.T, axis=1))
    return float(1000 * np.abs(sorted_ranks[0] - sorted_ranks[1]).mean(dtype=np.float64))


def sliced_wasserstein_on_pyramids(real: Array, generated: Array, *, seed: int = 0) -> list[float]:
    """The distance of each level, finest first, between as many uint8 images (N, H, W, C) each.

    >>> images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    >>> sliced_wasserstein_on_pyramids(images, images)
    [0.0, 0.0]

    Raises:
        TypeError, ShapeError: not uint8 images of one shape and number.
    """
    if real.shape != generated.shape:
        raise ShapeError(f"generated: expected the shape of real, {real.shape}, got {generated.shape}")
    parts = zip(patch_descriptors(real, seed=seed), patch_descriptors(generated, seed=seed), strict=True)
    return [sliced_wasserstein_of_patches(one, other, channels=real.shape[3], seed=seed) for one, other in parts]
