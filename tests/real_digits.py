"""MNIST from the folder beside the repository, where it is there."""

import functools
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    with np.load(PATH) as file:
        return file["x_train"][..., None], file["x_test"][..., None]


def real_digits() -> tuple[np.ndarray, np.ndarray]:
    """(60000, 28, 28, 1) for training and (10000, …) for tests, uint8, sorted by class; skips where they are not."""
    if not PATH.is_file():
        pytest.skip(f"needs the real digits in {PATH.relative_to(PATH.parents[2])} beside the repository")
    return _digits()
