"""A network that reads factors from images: the ruler for what a direction of z changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array, to_host
from gan_np.checks import ShapeError, integer
from gan_np.data import Shuffler, to_float
from gan_np.layers import Conv2d, Dense, Flatten, He, Layer, Wrt
from gan_np.metrics.distances import finite
from gan_np.networks import Network, Sequential
from gan_np.optimizers import Adam
from gan_np.schedules import Linear

BATCH = 256
SMALLEST = 7


@dataclass(frozen=True)
class FactorReader:
    """Reads factors (N, F) from images; `train_reader` makes it.

    network: float images in [−1, 1] → standardised factors. mean, deviation (F,): of the factors it was trained on.
    """

    network: Network
    mean: Array
    deviation: Array

    def __call__(self, images: Array) -> Array:
        """Factors (N, F), float64, of uint8 images."""
        parts, network = [], self.network.check_finite("the reader of factors")
        for start in range(0, len(images), BATCH):
            floats = to_float(np.asarray(images[start : start + BATCH]), "-1..1", network.dtype)
            parts.append(to_host(network(floats)).astype(np.float64))
        return np.concatenate(parts) * self.deviation + self.mean

    def explained(self, images: Array, factors: Array) -> Array:
        """R² = 1 − E(f − f̂)²/Var f of every factor, (F,), on images that it was not trained on."""
        errors = ((self(images) - factors) ** 2).mean(axis=0)
        return np.asarray(1 - errors / factors.astype(np.float64).var(axis=0))


def train_reader(
    images: Array,
    factors: Array,
    *,
    width: int = 16,
    steps: int = 1500,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> FactorReader:
    """A convolutional regression of factors (N, F) on images uint8 (N, H, W, C).

    Minimises E‖r(x) − f‖², factors standardised, by Adam with a rate that falls linearly to 0. Convolutions 4×4 of
    stride 2 with `width`, 2·width, … channels while the shorter side is at least 7, a dense layer of 128, one value for
    each factor. A factor of several kinds goes in as one column of 0 and 1 for each.

    Raises:
        ShapeError: not one row of factors for each image. ValueError: a factor that is always the same, NaN or infinite.
    """
    if images.ndim != 4 or factors.ndim != 2 or len(factors) != len(images):
        raise ShapeError(f"factors: expected one row for each of the images {images.shape}, got {factors.shape}")
    integer("steps", steps, 1)
    finite("factors", factors)
    mean, deviation = factors.mean(axis=0, dtype=np.float64), factors.std(axis=0, dtype=np.float64)
    if not (deviation > 0).all():
        raise ValueError(f"factors: column {int((deviation == 0).argmax())} is the same in every image")
    targets = ((factors - mean) / deviation).astype(np.float32)
    network = Network(_structure(images.shape[1:3], width, factors.shape[1]), images.shape[1:], seed=seed)
    adam = Adam(Linear(learning_rate, 0.0, steps), beta1=0.9)
    order = Shuffler(len(images), batch_size, seed)
    for _ in range(steps):
        rows = next(order)
        found, pullback = network.forward(
            to_float(images[rows], "-1..1", network.dtype), training=True, wrt=Wrt(False, True)
        )
        pullback(np.float32(2 / len(rows)) * (found - targets[rows]))
        adam.step(network.parameters, network.gradient)
    return FactorReader(network, mean, deviation)


def _structure(sides: tuple[int, ...], width: int, columns: int) -> Sequential:
    shorter, channels = min(sides), integer("width", width, 1)
    layers: list[Layer] = []
    while shorter >= SMALLEST:
        layers.append(Conv2d(channels, 4, stride=2, padding=1, activation="leaky_relu", weight_initializer=He()))
        shorter, channels = shorter // 2, 2 * channels
    return Sequential(*layers, Flatten(), Dense(128, activation="leaky_relu", weight_initializer=He()), Dense(columns))
