"""A convolutional classifier: the network whose features, probabilities and decisions evaluation reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module, to_device, to_host
from gan_np.checks import ShapeError, choice, integer, number
from gan_np.checks import shape as checked_shape
from gan_np.data.extent import check_unit
from gan_np.data.images import RANGES, to_float
from gan_np.layers import BatchNorm, Conv2d, Dense, DiffAugment, Dropout, Flatten, He, Layer
from gan_np.networks import Fork, Identity, Network, Sequential
from gan_np.registry import Registry

from .augmentation import Augmentation
from .registered import register

BATCH = 256
"""Images are read in batches of this many, the last one filled up: a product of matrices rounds differently for another
number of rows, so what is said of an image does not depend on the others beside it."""

SMALLEST = 8
SHORTEST = 7


@dataclass(frozen=True)
class HeldOut:
    """The accuracy of a classifier on images that it was not trained on."""

    accuracy: float
    """Share of them given their label."""
    count: int
    """The number of these images."""
    source: str
    """Words that say which images they were."""


@Registry("classifier").register()
@dataclass
class Classifier:
    """A network that tells classes apart, and what is known about it.

    network: images (N, H, W, C) in `pixel_range` → (features (N, F), logits (N, classes)); the features are what the last
        layer reads.
    name: what figures that depend on its features are named after.
    held_out: its accuracy on images kept from training; None before training.
    recipe: the call that made it, for information.
    """

    network: Network
    pixel_range: str = "0..1"
    name: str = "classifier"
    class_names: tuple[str, ...] | None = None
    held_out: HeldOut | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        choice("pixel_range", self.pixel_range, RANGES)
        shapes = self.network.output_shape
        if len(shapes) != 2 or not all(isinstance(part, tuple) and len(part) == 1 for part in shapes):
            raise ShapeError(f"network: expected to give out ((features,), (classes,)), it gives {shapes}")
        if self.class_names is not None and len(self.class_names) != self.classes:
            raise ValueError(f"class_names: expected {self.classes} names, got {len(self.class_names)}")

    def arguments(self) -> dict[str, Any]:
        """Its structure, and what it and its classes are called."""
        return {name: getattr(self, name) for name in ("network", "pixel_range", "name", "class_names")}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images that it reads."""
        height, width, channels = self.network.input_shape
        return height, width, channels

    @property
    def classes(self) -> int:
        """The number of classes that it tells apart."""
        return int(self.network.output_shape[1][0])

    @property
    def feature_count(self) -> int:
        """The number F of features."""
        return int(self.network.output_shape[0][0])

    def names(self) -> tuple[str, ...]:
        """The name of each class: its number where none was given."""
        return self.class_names or tuple(map(str, range(self.classes)))

    def extractor_for(self, image_shape: tuple[int, ...]) -> Classifier:
        """Itself, if it reads images of this shape.

        Raises:
            ShapeError: it reads others.
        """
        if self.image_shape != image_shape:
            read, drawn = ("×".join(map(str, shape)) for shape in (self.image_shape, image_shape))
            raise ShapeError(f"classifier: {self.name} reads images of {read}, the gan draws {drawn}")
        return self

    def features(self, images: Array) -> Array:
        """Features (N, F) of uint8 images (N, H, W, C), floats on the host.

        Raises:
            ShapeError, TypeError: not uint8 images of `image_shape`.
        """
        return self.extract(images)[0]

    def probabilities(self, images: Array) -> Array:
        """p(class | image), (N, classes), rows adding up to 1."""
        return self.extract(images)[1]

    def predict(self, images: Array) -> Array:
        """The most likely class of each image, int64 (N,)."""
        best: Array = self.probabilities(images).argmax(axis=1)
        return best

    def extract(self, images: Array) -> tuple[Array, Array]:
        """(features, probabilities) in one pass."""
        if str(images.dtype) not in ("uint8", "float32", "float64"):
            raise TypeError(f"images: expected uint8, or floats from 0 to 1, got {images.dtype}")
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise ShapeError(f"images: this classifier reads (N, *{self.image_shape}), got {images.shape}")
        check_unit(images, "images")
        network = self.network.check_finite(f"the classifier {self.name}")
        features = np.empty((len(images), self.feature_count), network.dtype)
        probabilities = np.empty((len(images), self.classes), network.dtype)
        batch = np.zeros((BATCH, *self.image_shape), images.dtype)
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            batch[: len(part)] = part
            read, logits = network(to_float(to_device(batch, network.device), self.pixel_range, network.dtype))
            features[start : start + BATCH] = to_host(read)[: len(part)]
            probabilities[start : start + BATCH] = to_host(softmax(logits))[: len(part)]
        return features, probabilities


def softmax(logits: Array) -> Array:
    """exp(s)/Σexp(s) along the last axis, of logits of any finite size."""
    xp = array_module(logits)
    powers = xp.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


@register("classifier", hidden=True)
def classifier(
    image_shape: tuple[int, int, int],
    *,
    classes: int,
    width: int = 16,
    features: int = 128,
    dropout: float = 0.3,
    augment: Sequence[Augmentation] = ("translation",),
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> Classifier:
    """An untrained classifier; `gn.train_classifier` makes and trains one.

    image_shape: (height, width, channels) of any size from 8×8; classes: how many, at least 2.
    width: channels of the first layer; each further one has twice as many, up to 8·width.
    features: F, units of the last hidden layer.
    dropout: share of the features hidden in training.
    augment: how images are changed at random in training (`DiffAugment`); () for none.

    3×3 convolution, then 4×4 convolutions of stride 2 while the shorter side is at least 7, then a dense layer of F
    features, each with batch normalisation and ReLU; a dense layer gives the logits. One trunk with two heads:
    Sequential(…, Fork(Identity, Sequential(Dropout, Dense))). Weights as He et al. (2015).

    >>> import gan_np as gn
    >>> gn.models.classifier((28, 28, 1), classes=10, width=8).network
    <Network (28, 28, 1) → ((128,), (10,)), 118,594 parameters, float32 on cpu>

    Raises:
        ShapeError, ValueError, TypeError: an argument outside what is said above.
    """
    height, wide, channels = checked_shape("image_shape", image_shape, 3)
    if min(height, wide) < SMALLEST:
        raise ShapeError(f"image_shape: expected sides of at least {SMALLEST}, got {height}×{wide}")
    integer("classes", classes, 2)
    integer("width", width, 1)
    integer("features", features, 1)
    number("dropout", dropout, 0.0)
    layers: list[Layer] = [DiffAugment(*augment)] if augment else []
    layers += _normalised(Conv2d(width, 3, padding=1, bias=False, weight_initializer=He()))
    level, side = 0, min(height, wide)
    while side >= SHORTEST:
        level, side = level + 1, side // 2
        channels_out = min(2**level, 8) * width
        layers += _normalised(Conv2d(channels_out, 4, stride=2, padding=1, bias=False, weight_initializer=He()))
    layers += [Flatten(), *_normalised(Dense(features, bias=False, weight_initializer=He()))]
    head = Sequential(Dropout(dropout), Dense(classes))
    structure = Sequential(*layers, Fork(Identity(), head))
    network = Network(structure, (height, wide, channels), seed=seed, dtype=dtype, device=device)
    return Classifier(network)


def _normalised(layer: Layer) -> list[Layer]:
    return [layer, BatchNorm(activation="relu")]
