"""Training a classifier: softmax cross-entropy by minibatches, and its accuracy on images kept apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, array_module, generator, to_device
from gan_np.averaging import recompute_statistics
from gan_np.checks import ShapeError, integer, number
from gan_np.data.dataset import check_images, check_labels
from gan_np.data.extent import check_unit
from gan_np.data.images import to_float
from gan_np.data.labels import MOST_CLASSES, LabelTable
from gan_np.data.sampler import Shuffler
from gan_np.durations import time_in_words
from gan_np.layers import PARAMETERS
from gan_np.models import Classifier, HeldOut, classifier
from gan_np.networks import Network
from gan_np.optimizers import Adam
from gan_np.schedules import Linear
from gan_np.training.finite import check_loss

from .classifier_file import save_classifier

STATISTICS_BATCHES = 32
_HELD_OUT, _DROPOUT = 1, 2
_FIRST, _MEASURED = 5, 40
"""Steps whose time says how long all take: the very first ones compile kernels and fill caches."""


def train_classifier(
    images: Array,
    labels: Array,
    *,
    test: tuple[Array, Array] | None = None,
    held_out: float = 0.1,
    classes: int | None = None,
    class_names: Sequence[str] | None = None,
    name: str = "classifier",
    steps: int = 1500,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-4,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool = True,
    announce: Callable[[str], None] | None = None,
    **structure: Any,
) -> Classifier:
    """Train a convolutional classifier on labelled images.

    images, labels: uint8 (N, H, W, C) and integers (N,).
    test: images and labels to measure its accuracy on; without them a share `held_out` of each class is kept from training
        for that (0 keeps none, and the accuracy stays unknown).
    classes, class_names: how many classes there are, 0…classes−1, and what they are called; by default the different labels
        are the classes, in ascending order, and called by their numbers.
    name: what figures on its features are named after ("Fréchet distance on NAME features").
    steps, batch_size, learning_rate, weight_decay: of Adam (β₁ 0.9, β₂ 0.999), the rate falling to 0 along a line.
    seed: of the weights, the order, dropout and augmentation: same seed, same bits.
    out: a file to save it in (safetensors), see `save_classifier`.
    announce: is told after the first steps how long the rest of them takes, in a sentence.
    structure: arguments of `gn.models.classifier`: width, features, dropout, augment, device.

    Minimises the mean over a batch of −log softmax(logits)[label].

    >>> import numpy as np, gan_np as gn
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(0, 2, 200)
    >>> images = (rng.integers(0, 100, (200, 8, 8, 1)) + 150 * labels[:, None, None, None]).astype(np.uint8)
    >>> found = gn.train_classifier(images, labels, steps=30, batch_size=32, width=4, progress=False)
    >>> found.held_out.accuracy, found.features(images[:3]).shape
    (1.0, (3, 128))

    Raises:
        TypeError, ValueError, ShapeError: images, labels or options that do not fit; a class without images.
        NonFiniteError: the loss became NaN or infinite.
    """
    for what, value, least in (("steps", steps, 1), ("batch_size", batch_size, 2)):
        integer(what, value, least)
    labels = _checked(images, labels, "images", "labels")
    number("held_out", held_out, 0.0, 0.9)
    if classes is not None:
        _check_range(labels, integer("classes", classes, 2, MOST_CLASSES), "labels")
    table = LabelTable.of(labels, class_names, classes)
    count, absent = (
        len(table),
        [value for value, images_of in zip(table.values, table.counts, strict=True) if not images_of],
    )
    if absent or count < 2:
        raise ValueError(f"labels: expected images of every one of {count} ≥ 2 classes, there are none of {absent}")
    labels = table.classes_of(labels)
    if test is not None:
        measured, numbers = test
        numbers = _checked(measured, numbers, "test images", "test labels")
        try:
            numbers = table.classes_of(numbers)
        except ValueError as error:
            raise ValueError(f"test {error}") from error
        if measured.shape[1:] != images.shape[1:]:
            raise ShapeError(f"test: expected images of {images.shape[1:]}, got {measured.shape[1:]}")
        chosen, source = np.arange(len(images)), "test images"
    else:
        chosen, kept = split_by_class(labels, held_out, seed)
        measured, numbers = images[kept], labels[kept]
        source = "images of each class kept from training"
    made = classifier(images.shape[1:], classes=count, seed=seed, **structure)
    made.name = name
    made.class_names = None if table.plain else table.names
    optimizer = Adam(Linear(learning_rate, 0.0, steps), beta1=0.9, weight_decay=weight_decay)
    _fit(made, images, labels, chosen, optimizer, steps, batch_size, seed, progress, announce)
    if len(measured):
        made.held_out = HeldOut(float((made.predict(measured) == numbers).mean()), len(measured), source)
    if out is not None:
        save_classifier(out, made)
    return made


def split_by_class(labels: Array, share: float, seed: int) -> tuple[Array, Array]:
    """Positions to train on and positions kept: of each class the share, rounded, and at least one stays to train on."""
    rng = generator(seed, _HELD_OUT)
    kept = []
    for label in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == label))
        kept.append(places[: min(round(share * len(places)), len(places) - 1)])
    held = np.sort(np.concatenate(kept))
    return np.setdiff1d(np.arange(len(labels)), held), held


def _fit(
    made: Classifier,
    images: Array,
    labels: Array,
    chosen: Array,
    optimizer: Adam,
    steps: int,
    batch_size: int,
    seed: int,
    progress: bool,
    announce: Callable[[str], None] | None,
) -> None:
    from rich.console import Console
    from rich.progress import track

    network, order, rng = made.network, Shuffler(len(chosen), batch_size, seed), generator(seed, _DROPOUT)
    numbers = range(1, steps + 1)
    shown = track(numbers, "training a classifier", console=Console(stderr=True), disable=not progress)
    for number_of_step in shown:
        index = chosen[next(order)]
        floats = to_float(to_device(images[index], network.device), made.pixel_range, network.dtype)
        loss = _update(network, floats, to_device(labels[index], network.device), optimizer, rng)
        check_loss("the classifier", loss, number_of_step)
        if number_of_step == _FIRST:
            began = time.monotonic()
        elif number_of_step == _MEASURED and announce is not None:
            seconds = (time.monotonic() - began) / (_MEASURED - _FIRST) * (steps - _MEASURED)
            taking = time_in_words(seconds, estimated=True)
            announce(f"the classifier takes {taking} ({steps:,} steps, by the first {_MEASURED} of them)")
    # The running statistics lag behind the weights; those that count are of the weights as they are now.
    batches = (
        to_float(to_device(images[chosen[next(order)]], network.device), made.pixel_range, network.dtype)
        for _ in range(STATISTICS_BATCHES)
    )
    recompute_statistics(network, batches, seed)


def _update(network: Network, floats: Array, labels: Array, optimizer: Adam, rng: np.random.Generator) -> Array:
    """One step; returns the mean loss of the batch before it."""
    (_, logits), pullback = network.forward(floats, training=True, update_state=True, wrt=PARAMETERS, rng=rng)
    losses, of_losses = ops.softmax_cross_entropy(logits, labels)
    (d_logits,) = of_losses(array_module(losses).full(losses.shape, 1 / len(losses), losses.dtype))
    pullback((None, d_logits))
    optimizer.step(network.parameters, network.gradient)
    mean: Array = losses.mean()
    return mean


def _checked(images: Array, labels: Array, name: str, of_labels: str) -> Array:
    check_images(images, name)
    if str(images.dtype) not in ("uint8", "float32", "float64"):
        raise TypeError(f"{name}: expected uint8, or floats from 0 to 1, got {images.dtype}")
    check_unit(images, name)
    return check_labels(labels, len(images), of_labels)


def _check_range(labels: Array, classes: int, name: str) -> None:
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"{name}: expected 0 to {classes - 1}, got {labels.min()} to {labels.max()}")
