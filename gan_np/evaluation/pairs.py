"""Samples beside their nearest training images, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.data import save_grid


def neighbour_sheet(samples: Array, training: Array, found: Sequence[Array]) -> tuple[Array, int]:
    """Images row after row, and how many are in a row: a sample, then for each search an empty cell and what it
    found.

    samples: uint8 (N, H, W, C). training: uint8 (M, H, W, C). found: for each search, indices (N, k) of training
    images.
    """
    if samples.shape[1:] != training.shape[1:]:
        raise ShapeError(f"training: expected images of {samples.shape[1:]}, got {training.shape[1:]}")
    empty = np.full_like(samples[:1], 255)
    rows = []
    for number, sample in enumerate(samples):
        row = [sample[None]]
        for indices in found:
            row += [empty, training[indices[number]]]
        rows.append(np.concatenate(row))
    return np.concatenate(rows), len(rows[0])


def save_neighbours(samples: Array, training: Array, found: Sequence[Array], path: str | Path) -> Path:
    """The sheet as an image file."""
    images, columns = neighbour_sheet(samples, training, found)
    return save_grid(images, path, columns=columns)
