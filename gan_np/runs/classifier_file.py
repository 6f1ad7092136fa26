"""Classifiers as files, in the format of checkpoints: two vectors and a description, digest checked, nothing executed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from gan_np.arrays import to_device, to_host
from gan_np.bounds import COUNT, each, fields, maybe, real, text, whole
from gan_np.files import write_atomically
from gan_np.models import Classifier, HeldOut
from gan_np.registry import describe

from .checkpoint import FORMAT_VERSION, build_described, described_by, read
from .tensor_file import CheckpointError, to_bytes

_ABOUT = fields(
    {
        "name": text(),
        "class_names": maybe(each(text())),
        "held_out": maybe(fields({"accuracy": real(0.0, 1.0), "count": whole(0, COUNT), "source": text()})),
    }
)
"""What a description says of a classifier beside its structure."""


def save_classifier(path: str | Path, made: Classifier) -> Path:
    """Write a classifier: its weights and statistics, its structure, its name, class names and accuracy.

    Raises:
        TypeError: a layer of it is not registered, so the file could not be opened again.
    """
    tensors = {name: np.ascontiguousarray(to_host(getattr(made.network, name).values)) for name in VECTORS}
    description = {
        "format_version": FORMAT_VERSION,
        "classifier": describe(made),
        "recipe": dict(made.recipe),
        "dtype": str(made.network.dtype),
        "name": made.name,
        "class_names": made.class_names,
        "held_out": None if made.held_out is None else dataclasses.asdict(made.held_out),
    }
    return write_atomically(path, to_bytes(description, tensors))


def load_classifier(path: str | Path, *, device: str = "cpu") -> Classifier:
    """Open the classifier in a file that `save_classifier` or `gan-np train-classifier` wrote.

    path: the file. device: where its arrays are to lie, "cpu" or "cuda".

    Raises:
        FileNotFoundError: nothing there.
        CheckpointError: not a classifier's file, damaged, or of another structure than it says.
    """
    file = Path(path)
    if file.is_dir():
        raise CheckpointError(f"{file}: expected the file of a classifier, this is a folder")
    if not file.exists():
        raise FileNotFoundError(f"classifier: there is no file {file}")
    tensors, description = read(file)
    with described_by(file):
        if "classifier" not in description:
            raise ValueError("not a classifier (the file of a GAN?)")
        _ABOUT("description", description)
        made = build_described("classifier", description, tensors, device, Classifier, "a classifier")
        for name in VECTORS:
            getattr(made.network, name).assign(to_device(tensors[name], device))
        names, held_out = description["class_names"], description["held_out"]
        return Classifier(
            made.network,
            made.pixel_range,
            description["name"],
            None if names is None else tuple(names),
            None if held_out is None else HeldOut(**held_out),
            dict(description.get("recipe", {})),
        )


VECTORS = ("parameters", "state")
"""What a network has numbers in, by the names of its tensors."""
