"""The data and labels that a gan is trained on, checked before anything is built."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from gan_np.arrays import Array, generator, on_host
from gan_np.checks import ShapeError, as_array
from gan_np.data import dataset
from gan_np.data.labels import LabelTable
from gan_np.models import GAN

from .sources import Batch, Source


def check_images(images: Array, gan: GAN) -> None:
    """Data (N, …) on the host, each of the gan's shape, N ≥ 1; what numbers they have is asked by `GAN.learn_encoding`.

    Raises:
        TypeError: on a GPU.
        ShapeError: another shape.
    """
    if not on_host(images):
        raise TypeError("images: expected a NumPy array, got one on a GPU (training sends it there)")
    if images.ndim == 1 + len(gan.data_shape) and images.shape[1:] == gan.data_shape and len(images):
        return
    if len(gan.data_shape) == 1:
        raise ShapeError(
            f"images: expected vectors (N, {gan.data_shape[0]}), N ≥ 1, as this gan makes them, got {images.shape}"
        )
    expected = "×".join(map(str, gan.data_shape))
    raise ShapeError(f"images: expected (N, height, width, channels) of {expected}, N ≥ 1, got {images.shape}")


def check_source(source: Source, gan: GAN) -> None:
    """As `check_images`, of data that need not lie in one array.

    Raises:
        TypeError, ShapeError: as there.
    """
    if source.whole is not None:
        check_images(source.whole, gan)
    elif source.data_shape != gan.data_shape:
        raise ShapeError(f"images: expected {gan.data_shape}, as this gan makes them, got {source.data_shape}")


def warn_of_degenerate(source: Source, batch: int, *, standardised: bool) -> None:
    """Warn of data of which nothing can be learnt: a single example, or all of them the same; and of a batch that is larger
    than the data.

    batch: examples in a batch. standardised: whether mean and deviation of vectors were taken, which warns of columns that
    never change.
    """
    count, vectors = source.count, len(source.data_shape) == 1
    if count is None:
        return
    things = "vectors" if vectors else "images"
    if count == 1:
        warnings.warn(
            f"images: there is only one, so the generator can learn only to reproduce it; expected many {things}",
            stacklevel=3,
        )
    elif source.whole is not None and not (vectors and standardised) and _all_the_same(source.whole):
        warnings.warn(f"images: all {count:,} {things} are the same; were they read correctly?", stacklevel=3)
    if batch > count > 1:
        warnings.warn(
            f"batch_size: a batch of {batch:,} is larger than the data ({count:,} {things}), so each batch contains some of "
            f"them more than once; expected at most {count:,}",
            stacklevel=3,
        )


def _all_the_same(images: Array) -> bool:
    """Whether all examples are equal; mostly the first few tell, and no more are read."""
    first, start, many = images[:1], 1, 16
    while start < len(images):
        if (images[start : start + many] != first).any():
            return False
        start, many = start + many, 4096
    return True


def check_labels(
    labels: Array | None, count: int | None, gan: GAN, class_names: Sequence[str] | None = None
) -> Array | None:
    """The class of each image, int64 (N,) from 0 to classes − 1, for a conditional gan, which learns what its labels are;
    None for another, whatever was given.

    count: N; None where images bring their labels, which are then 0 to classes − 1, equally frequent for all one knows.

    class_names: the name of label k at position k.

    Raises:
        ShapeError: not N integers.
        ValueError: none are given, or they are not labels of the gan's classes (see `LabelTable.of`).
    """
    if gan.classes is None:
        return None  # an unconditional gan does not look at them
    if labels is None and count is None:
        if gan.label_table is None and class_names is not None:
            if len(class_names) != gan.classes:
                raise ValueError(f"class_names: expected {gan.classes}, as the gan has classes, got {len(class_names)}")
            equal = LabelTable.equal(gan.classes)
            gan.label_table = LabelTable(equal.values, tuple(class_names), equal.counts)
        return None
    if labels is None or count is None:
        raise ValueError(f"labels: this gan is conditional on {gan.classes} classes, it needs one label for each image")
    labels = as_array("labels", labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        many = labels.ndim == 2 and labels.shape[0] == count
        one_hot = "; for one-hot labels give labels.argmax(axis=1)" if many else ""
        raise ShapeError(f"labels: expected {count} integers, got {labels.dtype} {labels.shape}{one_hot}")
    return gan.learn_labels(dataset.check_labels(labels, count, "labels"), class_names)


def classes_of(gan: GAN, batch: Batch, labels: Array | None) -> Array | None:
    """The class of each image of a batch, for a conditional gan; None for another.

    labels: the class of every image there is, where that is known.

    Raises:
        ValueError: a label that the gan does not know.
    """
    table = gan.labels
    if table is None:
        return None
    if labels is not None:
        found: Array = labels[batch.numbers]
        return found
    assert batch.labels is not None
    return table.classes_of(batch.labels)


def prepare(gan: GAN, source: Source, labels: Array | None) -> None:
    """Show a gan the real data, as `GAN.prepare` has it: all, or of those that do not lie in one array a sample."""
    if source.whole is not None:
        gan.prepare(source.whole, labels)
    elif type(gan).prepare is not GAN.prepare:  # reading costs time, and most gans keep nothing
        sample = source.some(SAMPLE, generator(0))
        gan.prepare(sample.images, classes_of(gan, sample, labels))


SAMPLE = 1024
"""Examples that a gan is shown which keeps some."""
