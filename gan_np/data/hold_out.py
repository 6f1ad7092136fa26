"""A part of a data set that is kept back from training: seeded, and by label where there are labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import number

from .cache import cache_folder, decoded
from .dataset import Dataset, digest
from .raw import IN_MEMORY, per_chunk

LARGEST_SHARE = 0.9
_SEED, _STREAM = 0, 1 << 27


@dataclass(frozen=True)
class HeldOut:
    """The part of the data that a training does not see.

    count: how many. fingerprints: of the whole data, with their labels if these had a say in what is held out; checkpoints
    keep them in place of those of the part that is trained on.
    """

    count: int
    fingerprints: Mapping[str, Any]


def rows_held_out(count: int, share: float, labels: Array | None = None) -> Array:
    """The numbers of those of `count` that are held out, in ascending order: a share, rounded, and at least one.

    labels: int64 (N,); then each label has its share of those held out, to the nearest whole number that makes the sum
    right, and at least one of each is left to train on.

    The draw depends on these arguments alone, not on the seed of a training: trainings of other seeds hold out the same, and
    are compared on the same.

    >>> labels = np.repeat([0, 1], [80, 20])
    >>> rows = rows_held_out(100, 0.1, labels)
    >>> len(rows), int((labels[rows] == 0).sum())
    (10, 8)

    Raises:
        ValueError: a share outside (0, 0.9]; fewer than two, or no label that occurs twice.
    """
    number("hold_out", share, 0.0, LARGEST_SHARE)
    if share == 0:
        raise ValueError("hold_out: expected a share above 0")
    if count < 2:
        raise ValueError(f"hold_out: of {count} nothing can be held out; expected at least 2")
    rng = generator(_SEED, _STREAM)
    total = max(1, round(share * count))
    if labels is None:
        return np.sort(rng.permutation(count)[: min(total, count - 1)])
    places = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    most = np.array([len(of_label) - 1 for of_label in places])
    if not most.any():
        raise ValueError(
            f"hold_out: each of {count:,} labels occurs once, so none can be held out and trained on; give data without "
            "labels"
        )
    shares = share * (most + 1)
    held = np.minimum(shares.astype(np.int64), most)
    # What rounding down left: to the labels whose shares lost most by it, among equal ones in an order that is drawn.
    order = rng.permutation(len(places))
    order = order[np.argsort(-(shares - held)[order], kind="stable")]
    for one in [place for place in order if held[place] < most[place]][: max(0, total - int(held.sum()))]:
        held[one] += 1
    return np.sort(np.concatenate([of_label[:size] for of_label, size in zip(places, held, strict=True)]))


def divided(data: Dataset, share: float, *, by_label: bool = True) -> tuple[Dataset, Dataset]:
    """Return the data to train on, and those that are held out.

    by_label: whether labels have a say, where there are labels.

    Raises:
        ValueError: as `rows_held_out`.
    """
    held = rows_held_out(len(data), share, data.labels if by_label else None)
    kept = np.setdiff1d(np.arange(len(data)), held, assume_unique=True)
    return _part(data, kept), _part(data, held)


def _part(data: Dataset, rows: Array) -> Dataset:
    labels = None if data.labels is None else data.labels[rows]
    return replace(data, data=taken(data.data, rows), labels=labels, decided=(), warned=())


def taken(data: Array, rows: Array) -> Array:
    """Some rows, in ascending order: in memory, or of a memory-mapped file in the cache folder where they are much."""
    each = data[:1].nbytes
    if not isinstance(data, np.memmap) or each * len(rows) <= IN_MEMORY:
        return np.ascontiguousarray(data[rows])
    dtype = str(data.dtype.newbyteorder("="))
    step = per_chunk(data.shape, data.dtype.itemsize)

    def chunks() -> Iterator[Array]:
        for start in range(0, len(rows), step):
            yield np.asarray(data[rows[start : start + step]], dtype)

    said = ("rows", str(getattr(data, "filename", None)), digest(rows))
    return decoded(
        cache_folder(), said, digest(data), lambda: ((len(rows), *data.shape[1:]), chunks()), dtype=dtype
    ).images
