"""Samples as images of several steps: grids with a row for each sample, and animations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.images import save_animation, save_grid
from gan_np.models import Model


def save_series(
    gan: Model, path: str | Path, count: int, seed: int, *, labels: Any = None, average: bool = True
) -> Path:
    """A grid with a row for each sample: its image after each step of drawing, all shown at the finished one's size."""
    shown = enlarged(gan.series(count, seed, labels=labels, average=average))
    return save_grid(shown.reshape(-1, *gan.image_shape), path, columns=shown.shape[1])


def save_drawing(gan: Model, path: str | Path, count: int, seed: int) -> Path | None:
    """Samples as they are drawn, step by step, as a GIF; None for a model that draws at once."""
    return None if gan.draw_steps == 1 else save_animation(enlarged(gan.series(count, seed)), path)


def enlarged(series: list[Array]) -> Array:
    """Images of several sizes, finished last, all at the finished size by repeating pixels: (N, len(series), H, W, C)."""
    height, width = series[-1].shape[1:3]
    return np.stack(
        [
            images.repeat(height // images.shape[1], axis=1).repeat(width // images.shape[2], axis=2)
            for images in series
        ],
        axis=1,
    )
