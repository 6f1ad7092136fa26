"""Whether data are those that a run was trained on: digests that checkpoints keep, and the one place that compares them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.dataset import digest

IMAGES, LABELS = "data", "data_labels"
"""Where the digests stand in the description of a checkpoint."""


def fingerprints(images: Array, labels: Array | None = None) -> dict[str, str | None]:
    """For the description of a checkpoint. labels: those that the training used, as the data have them."""
    return {IMAGES: digest(images), LABELS: None if labels is None else _of_labels(labels)}


def check_fingerprints(description: Mapping[str, Any], images: Array, labels: Array | None, run: str | Path) -> None:
    """Refuse data that are not those of the run whose checkpoint is described so.

    Labels are compared where the training used them and the checkpoint says which; older ones do not.

    Raises:
        ValueError: other images, or other labels for the same images.
    """
    used = labels if description.get(LABELS) is not None else None
    check_recorded(description, fingerprints(images, used), run)


def check_recorded(description: Mapping[str, Any], found: Mapping[str, str | None], run: str | Path) -> None:
    """As `check_fingerprints`, with digests that are known (`fingerprints`)."""
    if description.get(IMAGES) != found[IMAGES]:
        raise ValueError(f"data: not the images that {run} was trained on (their fingerprint differs)")
    recorded = description.get(LABELS)
    if recorded is None:
        return
    if found[LABELS] is None:
        raise ValueError(f"labels: {run} was trained with labels, it needs one label for each image, there are none")
    if recorded != found[LABELS]:
        raise ValueError(
            f"labels: not those that {run} was trained on (their fingerprint differs, the images are the same); train a new "
            "run on other labels"
        )


def _of_labels(labels: Array) -> str:
    return digest(labels.astype(np.int64))
