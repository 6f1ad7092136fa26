"""A function of the user's that changes each image as it is read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import shown

_STREAM = 1 << 26
"""The first stream number of `generator` that belongs to transforms."""


class Transform:
    """function(image) or function(image, rng=rng) → image.

    A function that has an argument called `rng` is given a NumPy generator: one for each batch, a function of the
    training's seed and of the batch's number alone, from which the images of the batch draw one after another. So there is
    no state to lose: a resumed training, and one that reads ahead, draw what an uninterrupted one does.

    Raises:
        TypeError: it cannot be called.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise TypeError(f"transform: expected a function of an image, got {shown(function)}")
        self.function = function
        try:
            self.takes_rng = "rng" in inspect.signature(function).parameters
        except ValueError:  # functions written in C do not say
            self.takes_rng = False

    def __call__(self, image: Array, rng: np.random.Generator | None) -> Any:
        """What the function makes of an image."""
        return self.function(image, rng=rng) if self.takes_rng else self.function(image)

    @property
    def name(self) -> str:
        """Return the name of the function."""
        return str(getattr(self.function, "__qualname__", type(self.function).__qualname__))


def rng_of_batch(seed: int, number: int) -> np.random.Generator:
    """The generator of the transforms of batch `number`, from 0."""
    return generator(seed, _STREAM, number)
