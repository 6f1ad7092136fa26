"""Properties of images that need no labels and no network: how bright, how large, where, how slanted."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

APPEARANCE = ("brightness", "contrast", "place across", "place down", "width", "height", "slant")
COLOUR = "colour"


def appearance(images: Array) -> tuple[Array, tuple[str, ...]]:
    """Properties of each image (N, H, W, C), uint8, or floats of any range: (N, F) float64, and their F names.

    brightness: the mean of all values. contrast: their deviation. colour, of images of 3 channels or 4: the mean difference
    of the largest and the smallest of red, green and blue.

    The others are moments of what stands out from the background b, the median of the image's border: of pixel (y, x) the
    weight w = |mean over channels − b|, Σw = 1. With x̄ = Σw·x and ȳ = Σw·y:

        place across = x̄,  place down = ȳ,  width² = Σw·(x − x̄)²,  height² = Σw·(y − ȳ)²
        slant = −Σw·(x − x̄)(y − ȳ) / height²,   positive where the top leans to the right

    x and y run from 0 to 1 over the image. An image of one colour has its middle as its place, and no size and slant.

    >>> import numpy as np
    >>> image = np.zeros((1, 9, 9, 1), np.uint8)
    >>> image[0, 2:7, 4] = 255  # an upright stroke
    >>> values, names = appearance(image)
    >>> found = dict(zip(names, (values[0].round(2) + 0).tolist()))
    >>> found["slant"], found["place across"]
    (0.0, 0.5)

    Raises:
        ShapeError: not images (N, H, W, C).
    """
    if images.ndim != 4 or 0 in images.shape:
        raise ShapeError(f"images: expected (N, H, W, C), got {images.shape}")
    floats = images.astype(np.float64)
    grey = floats[..., : min(3, images.shape[3])].mean(axis=3)
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    weights = np.abs(grey - np.median(border, axis=1)[:, None, None])
    total = weights.sum(axis=(1, 2))
    shares = np.where(total[:, None, None] > 0, weights / np.maximum(total, 1e-300)[:, None, None], 1 / grey[0].size)
    x, y = (np.linspace(0, 1, side) if side > 1 else np.full(1, 0.5) for side in (grey.shape[2], grey.shape[1]))
    across, down = shares.sum(axis=1), shares.sum(axis=2)  # the shares of columns (N, W) and of rows (N, H)
    x_mean, y_mean = across @ x, down @ y
    x_off, y_off = x - x_mean[:, None], y - y_mean[:, None]
    x_variance, y_variance = (across * x_off**2).sum(axis=1), (down * y_off**2).sum(axis=1)
    together = np.einsum("nyx,ny,nx->n", shares, y_off, x_off)
    stands_out = total > 0
    found = [
        floats.mean(axis=(1, 2, 3)),
        floats.std(axis=(1, 2, 3)),
        x_mean,
        y_mean,
        np.where(stands_out, np.sqrt(x_variance), 0.0),
        np.where(stands_out, np.sqrt(y_variance), 0.0),
        np.where(stands_out & (y_variance > 0), -together / np.maximum(y_variance, 1e-300), 0.0),
    ]
    names: tuple[str, ...] = APPEARANCE
    if images.shape[3] in (3, 4):
        colours = floats[..., :3]
        found.append((colours.max(axis=3) - colours.min(axis=3)).mean(axis=(1, 2)))
        names = (*names, COLOUR)
    return np.stack(found, axis=1), names
