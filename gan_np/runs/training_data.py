"""The data that a training sees: all that it was given, or without the part that it holds out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gan_np.checks import as_array
from gan_np.data.dataset import check_labels
from gan_np.data.hold_out import HeldOut, rows_held_out
from gan_np.training.sources import Source

from .config import Config
from .fingerprints import LABELS, fingerprints


def training_part(source: Source, config: Config, *, by_label: bool = True) -> Source:
    """The part of whole data that a training with this configuration sees.

    by_label: whether labels, where there are some, have a say in what is held out; for a run that goes on, see `had_labels`.

    Raises:
        ValueError, TypeError: see `rows_held_out`; labels that are not one integer for each image; batches of an iterable,
            of which nobody knows how many there are.
    """
    if not config.hold_out:
        return source
    if source.count is None:
        raise ValueError(
            "hold_out: a part is held out of data whose number is known, and these are batches of an iterable; hold some "
            "back where they are made"
        )
    given = None if source.labels is None else as_array("labels", source.labels)
    deciding = check_labels(given, source.count, "labels") if by_label and given is not None else None
    held = rows_held_out(source.count, config.hold_out, deciding)
    part = source.part(np.setdiff1d(np.arange(source.count), held, assume_unique=True))
    part.held_out = HeldOut(len(held), fingerprints(source, deciding))
    return part


def had_labels(description: Mapping[str, Any]) -> bool:
    """Whether labels had a say in what the run holds out whose checkpoint is described so. (An array may have been given
    without its labels, and be opened again with them.)"""
    return description.get(LABELS) is not None
