"""The data that a training sees: all that it was given, or without the part that it holds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import as_array
from gan_np.data.dataset import check_labels
from gan_np.data.hold_out import rows_held_out, taken

from .config import Config
from .fingerprints import LABELS, fingerprints


@dataclass(frozen=True)
class HeldOut:
    """What a training holds out.

    count: how many. fingerprints: of the whole data, with their labels if these had a say in what is held out; checkpoints
    keep them in place of those of the part that is trained on.
    """

    count: int
    fingerprints: Mapping[str, str | None]


class TrainingData(NamedTuple):
    """images, labels: to train on. held_out: what is kept back, or None."""

    images: Array
    labels: Array | None
    held_out: HeldOut | None = None


def training_part(images: Array, labels: Array | None, config: Config, *, by_label: bool = True) -> TrainingData:
    """The part of whole data that a training with this configuration sees.

    by_label: whether labels, where there are some, have a say in what is held out; for a run that goes on, see `had_labels`.

    Raises:
        ValueError, TypeError: see `rows_held_out`; labels that are not one integer for each image.
    """
    if not config.hold_out:
        return TrainingData(images, labels)
    images = as_array("images", images)
    numbers = None if labels is None else check_labels(labels, len(images), "labels")
    deciding = numbers if by_label else None
    held = rows_held_out(len(images), config.hold_out, deciding)
    kept = np.setdiff1d(np.arange(len(images)), held, assume_unique=True)
    held_out = HeldOut(len(held), fingerprints(images, deciding))
    return TrainingData(taken(images, kept), None if numbers is None else numbers[kept], held_out)


def had_labels(description: Mapping[str, Any]) -> bool:
    """Whether labels had a say in what the run holds out whose checkpoint is described so. (An array may have been given
    without its labels, and be opened again with them.)"""
    return description.get(LABELS) is not None
