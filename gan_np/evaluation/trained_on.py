"""The images that a run was trained on, found again, and others whose labels are to mean the same."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from gan_np.data.dataset import Dataset
from gan_np.data.hold_out import divided
from gan_np.data.labels import LabelTable
from gan_np.models import Model
from gan_np.runs.config import Config
from gan_np.runs.data import open_data, open_test_data
from gan_np.runs.fingerprints import check_fingerprints
from gan_np.runs.opened import description_of_data
from gan_np.runs.training_data import had_labels


def data_of_run(
    run: str | Path, config: Config, *, moved: bool = False, unseen: bool = True
) -> tuple[Dataset, Dataset | None]:
    """The data that a run was trained on, if they are still those, and data of the same source that it was not: what it
    holds out, or the test part, or None where there is neither, or they are not wanted (unseen).

    moved: the configuration names a place that the user gave instead of the run's own.

    Raises:
        FileNotFoundError: they are not where they were, or the run has no checkpoint.
        ValueError: others are there now.
    """
    found, description = open_data(config, None if moved else run), description_of_data(run)
    check_fingerprints(description, found.data, found.labels, run)
    if config.hold_out:
        training, held_out = divided(found, config.hold_out, by_label=had_labels(description))
        return training, held_out if unseen else None
    return found, open_test_data(config) if unseen else None


def training_data(run: str | Path, config: Config, *, moved: bool = False) -> Dataset:
    """The data that a run was trained on; arguments and errors as in `data_of_run`."""
    return data_of_run(run, config, moved=moved, unseen=False)[0]


def with_labels_of(model: Model, data: Dataset) -> None:
    """Tell a conditional model of an older checkpoint, which does not say it, what its training data's labels are."""
    if model.classes is not None and model.label_table is None and data.labels is not None:
        model.learn_labels(data.labels, data.class_names)


def relabelled(data: Dataset, training: Dataset) -> Dataset:
    """Other data with their labels as the training data number classes of the same name.

    Labels of classes that training does not have mean nothing here: then there are none, and a warning says so.
    """
    if data.labels is None or data.class_names is None or training.labels is None:
        return data  # numbers without names mean the same number
    own, theirs = (LabelTable.of(part.labels, part.class_names) for part in (data, training) if part.labels is not None)
    unknown = [name for name in own.names if name not in theirs.names]
    if unknown:
        warnings.warn(
            f"{data.name}: its labels are not used; training has no class {', '.join(unknown[:10])}", stacklevel=4
        )
        return Dataset(data.data, name=data.name)
    label_of = np.array([theirs.values[theirs.names.index(name)] for name in own.names], np.int64)
    return Dataset(data.data, label_of[own.classes_of(data.labels)], training.class_names, data.name)
