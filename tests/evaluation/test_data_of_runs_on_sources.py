"""A run on items or an iterable does not say where its data are: an evaluation asks for them, and takes what it is given."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.evaluation.trained_on import training_data
from gan_np.runs.folder import read_config

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)


class Items:
    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, number: int) -> np.ndarray:
        return IMAGES[number]


def test_asked_for_and_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "others.npy", IMAGES[::-1])
    for name, data in (("items", Items()), ("stream", lambda: iter([IMAGES]))):
        run = tmp_path / name
        gn.train(gn.models.mlp((8, 8, 1), 4, hidden=4), data, out=run, steps=1, batch_size=8, animation=False)
        config = read_config(run)
        with pytest.raises(ValueError, match="--data PLACE"):
            training_data(run, config)
        moved = dataclasses.replace(config, data=str(tmp_path / "images.npy"))
        np.testing.assert_array_equal(training_data(run, moved, moved=True).data, IMAGES)
    others = dataclasses.replace(config, data=str(tmp_path / "others.npy"))
    with pytest.raises(ValueError, match="fingerprint"):
        training_data(tmp_path / "items", others, moved=True)
