"""What is known of the training images, and a network that learns to read it: factors in their file, or their labels."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.data.labels import LabelTable
from gan_np.evaluation import FactorReader, train_reader
from gan_np.networks import Network
from gan_np.runs.data import open_data
from gan_np.runs.folder import read_config
from gan_np.runs.saved import load, save

MOST_IMAGES = 8000
KEPT_BACK = 500
"""Images that the reader is not trained on: they say how well it reads."""
STEPS = 800


@dataclass(frozen=True)
class Known:
    """images (N, H, W, C), uint8; values (N, F), float32; the F names: "pose", or "class=7" and "class=8" of one factor."""

    images: Array
    values: Array
    names: tuple[str, ...]


def known_of(run: Path) -> Known:
    """What is known of a run's training images.

    Data in an .npz file may have `factors_train` (N, F) and `factor_names` (F,), as `examples/cartoon_faces.py` writes them;
    other data, their labels.

    Raises:
        ValueError: nothing is known, or the factors are not those of the images. FileNotFoundError: the data are not where
            they were.
    """
    config = read_config(run)
    data = open_data(config, run)
    images = np.asarray(data.data)
    found = _factors_in(Path(config.data), len(images))
    if found is None and data.labels is not None and len(np.unique(data.labels)) > 1:
        table = LabelTable.of(data.labels, data.class_names)
        classes = table.classes_of(data.labels)
        one_hot = (classes[:, None] == np.arange(len(table))).astype(np.float32)
        found = one_hot, tuple(f"class={name}" for name in table.names)
    if images.ndim != 4 or images.dtype != np.uint8 or found is None:
        raise ValueError("factors: the training data are no images with labels, and no .npz file with factors_train")
    values, names = found
    rows = np.random.default_rng(0).permutation(len(images))[: MOST_IMAGES + KEPT_BACK]
    varies = [column for column in range(len(names)) if np.ptp(values[rows, column]) > 0]
    return Known(images[rows], values[rows][:, varies], tuple(names[column] for column in varies))


def has_factors(run: Path) -> bool:
    """Whether the file of a run's training images has their factors in it."""
    try:
        return _factors_in(Path(read_config(run).data), None) is not None
    except (ValueError, TypeError, OSError):
        return False


def _factors_in(path: Path, count: int | None) -> tuple[Array, tuple[str, ...]] | None:
    if path.suffix.lower() != ".npz" or not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        if not {"factors_train", "factor_names"} <= set(file.files):
            return None
        values, names = np.asarray(file["factors_train"], np.float32), tuple(map(str, file["factor_names"]))
    if values.shape != (len(values) if count is None else count, len(names)) or not np.isfinite(values).all():
        raise ValueError(f"factors_train: expected ({count}, {len(names)}) finite numbers, got {values.shape}")
    return values, names


def learn(run: str, folder: str, steps: int = STEPS) -> dict[str, Any]:
    """Train a reader of what is known of a run's images and write its network into a folder.

    Returns "names", "mean", "deviation" of the factors, and "explained", the share of each factor's variance that it reads
    on images that it was not trained on.
    """
    known = known_of(Path(run))
    back = min(KEPT_BACK, len(known.images) // 5)
    reader = train_reader(known.images[back:], known.values[back:], steps=steps)
    save(reader.network, Path(folder) / "reader.safetensors")
    spread = known.values[:back].std(axis=0) > 0
    explained = np.zeros(len(known.names))
    if back and spread.all():
        explained = reader.explained(known.images[:back], known.values[:back])
    return {
        "names": known.names,
        "mean": reader.mean,
        "deviation": reader.deviation,
        "explained": [round(float(value), 3) for value in explained],
    }


def give_way() -> None:
    """Whoever trains or draws beside this process goes first."""
    if hasattr(os, "nice"):
        os.nice(10)


def learn_apart(run: str) -> tuple[FactorReader, tuple[str, ...], list[float]]:
    """The reader, its factors' names, and how well it reads each, learnt in a process of its own: images are made meanwhile.

    Raises:
        ValueError, FileNotFoundError: see `known_of`.
    """
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), give_way) as apart:
            found = apart.submit(learn, run, folder).result()
        network = load(Path(folder) / "reader.safetensors", Network)
    return FactorReader(network, found["mean"], found["deviation"]), found["names"], found["explained"]
