"""The classifier of labelled data: trained once, kept in the cache folder, found again by evaluations on the same data."""

from __future__ import annotations

import hashlib
import inspect
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_np.data.cache import cache_folder
from gan_np.data.dataset import Dataset
from gan_np.files import write_atomically
from gan_np.models import Classifier, classifier
from gan_np.runs import CheckpointError, load_classifier, train_classifier

FORMAT = 1
_STEPS, _BATCH = (inspect.signature(train_classifier).parameters[name].default for name in ("steps", "batch_size"))


def has_classes(data: Dataset) -> bool:
    """Tell whether a classifier can be trained on these: labelled images of at least two classes."""
    return not data.are_vectors and data.labels is not None and len(np.unique(data.labels)) > 1


def refuse_without_classes(data: Dataset) -> None:
    """Refuse features of a classifier where these data cannot train one.

    Raises:
        ValueError: they are no labelled images of several classes; the message says what may be given instead.
    """
    if has_classes(data):
        return
    if data.are_vectors:
        what, others = "are vectors", "pixels, which of vectors are their numbers"
    else:
        what = "have no labels" if data.labels is None else "have labels of one class only"
        others = "pixels, a classifier's file (.safetensors) or FILE.onnx[:OUTPUT]"
    raise ValueError(
        f"features: a classifier is trained on labelled images, and the data {data.name} {what}; expected {others}, got "
        f"{'classifier'!r}"
    )


def kept_classifier(
    train: Dataset,
    test: Dataset | None = None,
    *,
    device: str = "cpu",
    progress: bool = False,
    tell: Callable[[str], None] | None = None,
) -> tuple[Classifier, Path]:
    """The classifier of labelled images (see `has_classes`) and the file in the cache folder that keeps it.

    Trained with the defaults of `gan_np.train_classifier` where none is kept of the same images, labels, names of classes,
    test images and settings; the file appears whole or not at all, and a damaged one is made again.

    test: images to measure its accuracy on. progress: a bar while it is trained. tell: is told in a sentence what is going
    to be trained, and after the first steps how long that takes.
    """
    assert train.labels is not None
    measured = None if test is None or test.labels is None else test.of_classes(train.labels)
    file = cache_folder() / "classifiers" / f"{_key(train, measured)}.safetensors"
    if file.exists():
        try:
            return load_classifier(file, device=device), file
        except (CheckpointError, OSError) as error:
            warnings.warn(f"a classifier that was kept is trained again: {error}", stacklevel=2)
    if tell is not None:
        tell(
            f"first a classifier is trained, whose features are compared: on {len(train):,} labelled images of "
            f"{train.name}, {_STEPS:,} steps of {_BATCH}; it is kept for the next time in {file} "
            "(without one: --features pixels)"
        )
    made = train_classifier(
        train.images,
        train.labels,
        test=measured,
        class_names=train.class_names,
        name=Path(train.name).stem,
        out=file,
        device=device,
        progress=progress,
        announce=tell,
    )
    return made, file


def copy_to(file: Path, place: Path) -> None:
    """A copy of a kept classifier beside what it belongs to."""
    write_atomically(place, file.read_bytes())


def _key(train: Dataset, test: tuple[np.ndarray, np.ndarray] | None) -> str:
    """A digest of all that a classifier depends on."""
    settings = {
        f"{function.__name__}.{name}": repr(parameter.default)
        for function in (train_classifier, classifier)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty
    }
    measured = None if test is None else Dataset(*test).fingerprint()
    said = [FORMAT, train.fingerprint(), train.class_names, Path(train.name).stem, measured, settings]
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()
