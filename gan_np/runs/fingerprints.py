"""Whether data are those that a run was trained on: digests that checkpoints keep, and the one place that compares them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.dataset import digest
from gan_np.training.sources import ArraySource, Source

IMAGES, LABELS = "data", "data_labels"
"""Where the digests stand in the description of a checkpoint."""
READ = "data_read"
"""Where it stands how data were read that are no plain array: {"kind": …, "transform": …}."""


def fingerprints(images: Array | Source, labels: Array | None = None) -> dict[str, Any]:
    """For the description of a checkpoint. labels: those that the training used, as the data have them.

    Of a part of data, with something held out, they are those of the whole.

    An array is known by all its numbers. Data with len and items by the length and a few items, evenly spaced, or by the
    length alone where items change when they are read again; an iterable by nothing.
    """
    if isinstance(images, Source) and images.held_out is not None:
        return dict(images.held_out.fingerprints)
    found = {IMAGES: digest(images) if not isinstance(images, Source) else images.fingerprint()}
    how = how_read(images) if isinstance(images, Source) else _PLAIN
    read = {} if how == _PLAIN else {READ: how}
    return {**found, LABELS: None if labels is None else _of_labels(labels), **read}


_PLAIN = {"kind": "array", "transform": None}


def how_read(source: Source) -> dict[str, str | None]:
    """The kind of a source, and what its transform is called."""
    return {"kind": source.kind, "transform": source.transform_name}


def check_read(description: Mapping[str, Any], source: Source, run: str | Path) -> None:
    """Refuse to go on with data that are read otherwise than those of the run whose checkpoint is described so.

    Raises:
        ValueError: batches of an iterable where a run had none, or none where it had; a transform that is missing, or that
            the run had not.
    """
    recorded = description.get(READ, _PLAIN)
    before, now = recorded.get("transform"), source.transform_name
    if before is not None and now is None:
        raise ValueError(f"transform: {run} was trained with one ({before}); give it again")
    if before is None and now is not None:
        raise ValueError(f"transform: {run} was trained without one, got {now}; train a new run with it")
    if recorded.get("kind") == "array" and source.kind == "items":
        raise ValueError(f"images: {run} was trained on an array, got data with len and items; give it the array")
    was, given = recorded.get("kind") == "stream", source.kind == "stream"
    if was != given:
        kinds = ("batches of an iterable", "data with len")
        raise ValueError(
            f"images: {run} was trained on {kinds[not was]}, got {kinds[not given]}; give it what it was trained on"
        )


def is_known(description: Mapping[str, Any]) -> bool:
    """Tell whether the data of the run whose checkpoint is described so are known by all their numbers, as arrays are."""
    recorded = description.get(IMAGES)
    return isinstance(recorded, str) and not recorded.startswith((_ITEMS, _STREAM))


def check_fingerprints(
    description: Mapping[str, Any], images: Array | Source, labels: Array | None, run: str | Path
) -> None:
    """Refuse data that are not those of the run whose checkpoint is described so.

    Labels are compared where the training used them and the checkpoint says which; older ones do not.

    Raises:
        ValueError: other images, or other labels for the same images.
    """
    source = images if isinstance(images, Source) else ArraySource(images)
    held_out = source.held_out
    agree = (
        description.get(IMAGES) == held_out.fingerprints[IMAGES]
        if held_out
        else _agree(description.get(IMAGES), source)
    )
    if not agree:
        raise ValueError(f"data: not the images that {run} was trained on (their fingerprint differs)")
    recorded = description.get(LABELS)
    if recorded is None:
        return
    found = None if labels is None else _of_labels(labels)
    if held_out is not None:
        found = held_out.fingerprints[LABELS]
    if found is None:
        raise ValueError(f"labels: {run} was trained with labels, it needs one label for each image, there are none")
    if recorded != found:
        raise ValueError(
            f"labels: not those that {run} was trained on (their fingerprint differs, the images are the same); train a new "
            "run on other labels"
        )


def _agree(recorded: Any, source: Source) -> bool:
    if not isinstance(recorded, str) or not recorded.startswith((_ITEMS, _STREAM)):
        return bool(recorded == source.fingerprint())
    if recorded.startswith(_STREAM) or source.kind == "stream":
        return recorded.startswith(_STREAM)  # of batches of an iterable nothing is known
    mine = source.fingerprint_of_items()
    # Where items change from one reading to the next, then or now, their number is all that there is to compare.
    changing = not recorded.rpartition(":")[2] or not mine.rpartition(":")[2]
    return recorded.split(":")[1] == mine.split(":")[1] if changing else recorded == mine


_ITEMS, _STREAM = "items:", "stream:"


def _of_labels(labels: Array) -> str:
    return digest(labels.astype(np.int64))
