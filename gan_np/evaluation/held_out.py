"""Images that training has not seen."""

from __future__ import annotations

import hashlib

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.data.dataset import Dataset
from gan_np.printable import printable
from gan_np.runs.config import Config
from gan_np.runs.data import open_other, open_test_data


class NothingHeldOut(ValueError):
    """A run was trained on all that its data are."""


def held_out_images(
    config: Config,
    training: Array,
    source: str | None = None,
    *,
    own: Dataset | None = None,
    skip_broken: bool = False,
) -> tuple[Dataset, int]:
    """Images of the kind that a run was trained on and that it was not trained on, and how many were left out.

    source: where from, the test part if there is one; None for what the run holds out, or the test part of its own data.
    own: these, if they are open already. skip_broken: leave out files of `source` that cannot be read. Images that are equal
    to a training image, byte by byte, are left out: what training saw is not held out.

    Raises:
        NothingHeldOut: the run holds nothing out and its data have no test part (say where from).
        ValueError: nothing is left.
    """
    if source is None:
        found = own if own is not None else open_test_data(config)
    else:
        found = open_other(config, source, "held-out", training.shape[1:], skip_broken=skip_broken)
    if found is None:
        raise NothingHeldOut(
            "held-out: the test needs images that training has not seen, and the run took all of "
            f"{config.data!r}, which has no test part: give some with --held-out DATA, or train with --hold-out 0.1, which "
            "keeps a tenth of the data for it"
        )
    if found.data_shape != training.shape[1:]:
        raise ValueError(f"held-out: expected data of {training.shape[1:]} as in training, got {found.data_shape}")
    seen = {_digest(image) for image in training}
    fresh = np.array([_digest(image) not in seen for image in found.data])
    if not fresh.any():
        raise ValueError(f"held-out: every image of {printable(found.name)} was seen in training")
    if fresh.all():
        return found, 0
    labels = None if found.labels is None else found.labels[fresh]
    return Dataset(found.data[fresh], labels, found.class_names, found.name), int((~fresh).sum())


def some_of(count: int, total: int, seed: int = 0) -> Array:
    """`count` of `total` numbers at random, or all, in order: a set may be sorted by class."""
    return np.sort(generator(seed, 7).permutation(total)[:count])


def _digest(image: Array) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
