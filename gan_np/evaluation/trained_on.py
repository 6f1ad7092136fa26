"""The pictures that a run was trained on, found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gan_np.data.dataset import Dataset, digest
from gan_np.training.checkpoint import describe_file, find
from gan_np.training.config import Config
from gan_np.training.levels import is_lapgan
from gan_np.training.run_data import open_data


def training_pictures(run: str | Path, config: Config) -> Dataset:
    """The data that the run's configuration names, if they are still those.

    Of a LAPGAN no fingerprint of the whole pictures is kept (each level was trained on smaller ones), so none is
    compared.

    Raises:
        FileNotFoundError: they are not where they were, or the run has no checkpoint.
        ValueError: others are there now.
    """
    found = open_data(config, run)
    if not is_lapgan(Path(run)):
        recorded: Any = describe_file(find(run)).get("data")
        if recorded != digest(found.images):
            raise ValueError(f"data: not the pictures that {run} was trained on (their fingerprint differs)")
    return found
