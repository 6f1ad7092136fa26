"""Whether a run has memorised: its samples beside their nearest training images, and the test for copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gan_np.arrays import Array
from gan_np.data.dataset import Dataset
from gan_np.metrics.copying import CELL_COUNT, Copying, copying_test
from gan_np.metrics.measure import draw_samples
from gan_np.metrics.neighbours import nearest_neighbours
from gan_np.models import Model
from gan_np.ranks import ALONE, Ranks
from gan_np.runs.folder import read_config

from .held_out import NothingHeldOut, held_out_images, some_of
from .trained_on import data_of_run, relabelled, with_labels_of
from .trunk import BATCH, trunk_features

FLOAT64 = np.dtype(np.float64)

Features = Callable[[Array, Array | None], Array]
"""(uint8 images (N, H, W, C), their labels (N,) or None) → features (N, F)."""


@dataclass(frozen=True)
class Memory:
    """What `memory_of` found.

    shown: the first samples. training: the training images. found: for each search, by its name, the training
    images nearest to those samples (show, nearest). tests: the test of each search; empty where there are no images that
    training has not seen, and untested says so. seen: how many images that were meant as held out are training images, and
    were left out.
    """

    shown: Array
    training: Array
    found: Mapping[str, Array]
    tests: Mapping[str, Copying]
    seen: int
    untested: str | None = None


def memory_of(
    run: str | Path,
    model: Model,
    *,
    count: int = 500,
    show: int = 12,
    nearest: int = 4,
    seed: int = 0,
    held_out: str | None = None,
    held_out_count: int = 1000,
    skip_broken: bool = False,
    shift: int = 1,
    cells: int = 10,
    trunk: bool = True,
    data: str | None = None,
    features: Mapping[str, Features] | None = None,
    ranks: Ranks = ALONE,
) -> Memory:
    """Search the training data of a run for those nearest to its samples, in pixels (of vectors in columns) and in features.

    run: a run folder; model: its model. held_out: images that training has not seen, see `held_out_images`; at most
    held_out_count of them, drawn at random. skip_broken: leave out those whose files cannot be read. trunk: search in
    the features of the run's own discriminator too, where the model has one that is shown finished images (`Model.judge`).
    data: where the run's own data are now, if they were moved. features: more searches by name, say {"classifier": lambda
    images, labels: …}. The rest as in `copying_test`; mirrored images count as copies where the run was trained with flips.
    ranks: processes that were all given the same: each draws, reads and searches for a part, all find the same.

    Raises:
        ValueError: the data is not what the run was trained on; all images that are meant as held out, or all but a few, are
            training images.
    """
    config = read_config(run).going_on(data=data)
    training, own = ranks.first_here(lambda: data_of_run(run, config, moved=data is not None, unseen=held_out is None))
    with_labels_of(model, training)
    unseen, seen, untested = None, 0, None
    try:
        fresh, seen = held_out_images(config, training.data, held_out, own=own, skip_broken=skip_broken)
        _require_enough(fresh, seen)
        unseen = _part(relabelled(fresh, training), some_of(held_out_count, len(fresh)))
    except NothingHeldOut as error:
        untested = str(error)
    table = model.labels
    labels = None if table is None else table.labels_of(table.drawn(count))
    samples = draw_samples(model, count, seed, labels=labels, ranks=ranks)
    tests: dict[str, Copying] = {}
    if training.are_vectors:
        encode = model.encoding.encode
        known, ours = encode(training.data, FLOAT64), encode(samples, FLOAT64)
        first = "columns"
        found = {first: nearest_neighbours(ours[:show], known, nearest).indices}
        if unseen is not None:
            tests[first] = copying_test(known, encode(unseen.data, FLOAT64), ours, cells=cells, seed=seed, ranks=ranks)
    else:
        first = "pixels"
        found = {first: nearest_neighbours(samples[:show], training.data, nearest).indices}
        if unseen is not None:
            tests[first] = copying_test(
                training.data,
                unseen.data,
                samples,
                shift=shift,
                mirror=config.flip,
                cells=cells,
                seed=seed,
                ranks=ranks,
            )
    searches: dict[str, Features] = {}
    judge = model.judge
    if trunk and judge is not None:
        searches["discriminator"] = lambda images, labels: trunk_features(judge, images, labels)
    for name, function in {**searches, **(features or {})}.items():

        def of(images: Array, labels: Array | None, function: Features = function) -> Array:
            def read(rows: slice) -> tuple[Array, ...]:
                return (function(images[rows], None if labels is None else labels[rows]),)

            return ranks.by_shares(read, len(images), BATCH)[0]

        known = of(training.data, training.labels)
        ours = of(samples, labels)
        found[name] = nearest_neighbours(ours[:show], known, nearest).indices
        if unseen is None:
            continue
        of_features = copying_test(known, of(unseen.data, unseen.labels), ours, cells=cells, seed=seed, ranks=ranks)
        # What is of another source in pixels is so everywhere, also where a network does not tell the two apart.
        source = min(of_features.source, tests[first].source, key=lambda found: found.p)
        tests[name] = replace(of_features, source=source)
    return Memory(samples[:show], training.data, found, tests, seen, untested)


def _require_enough(fresh: Dataset, seen: int) -> None:
    """Refuse fewer held-out images than the test needs, and say where the others went."""
    if len(fresh) >= CELL_COUNT:
        return
    things = "vectors" if fresh.are_vectors else "images"
    left_out = f" of {len(fresh) + seen}: the other {seen} are training {things} too and were left out" if seen else ""
    raise ValueError(
        f"held-out: the test needs at least {CELL_COUNT} {things}, there are {len(fresh)}{left_out}; "
        "give others that were not trained on (--held-out), or hold out more when training (--hold-out)"
    )


def _part(dataset: Dataset, rows: Array) -> Dataset:
    labels = None if dataset.labels is None else dataset.labels[rows]
    return Dataset(np.ascontiguousarray(dataset.data[rows]), labels, dataset.class_names, dataset.name)
