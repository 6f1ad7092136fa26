"""Commands that several processes do together write and print what one process does; others are left to the first."""

import filecmp
import json
from pathlib import Path

import numpy as np
import pytest
from test_mpi import COMMAND, HERE, flags, mpiexec, needs_mpi, run
from typer.testing import CliRunner

import gan_np as gn
from benchmarks.__main__ import main as benchmark
from gan_np.cli import app
from gan_np.evaluation import evaluate
from gan_np.models import Classifier
from gan_np.ranks import ALONE, Ranks
from gan_np.runs.sample_files import save_samples
from gan_np.thread_ranks import in_threads


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("commands")
    images = np.random.default_rng(0).integers(0, 256, (120, 8, 8, 1), np.uint8)
    gn.train(
        gn.models.dcgan((8, 8, 1), 3, width=2),
        place / "images.npy" if np.save(place / "images.npy", images) else images,
        batch_size=12,
        steps=2,
        out=place / "run",
        progress=False,
    )
    return place / "run"
