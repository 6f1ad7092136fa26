"""The data and labels that a gan is trained on, checked before anything is built."""

from __future__ import annotations

from collections.abc import Sequence

from gan_np.arrays import Array, on_host
from gan_np.checks import ShapeError, as_array
from gan_np.data import dataset
from gan_np.models import GAN


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


def check_labels(
    labels: Array | None, images: Array, gan: GAN, class_names: Sequence[str] | None = None
) -> Array | None:
    """The class of each image, int64 (N,) from 0 to classes − 1, for a conditional gan, which learns what its labels are;
    None for another, whatever was given.

    class_names: the name of label k at position k.

    Raises:
        ShapeError: not N integers.
        ValueError: none are given, or they are not labels of the gan's classes (see `LabelTable.of`).
    """
    if gan.classes is None:
        return None  # an unconditional gan does not look at them
    if labels is None:
        raise ValueError(f"labels: this gan is conditional on {gan.classes} classes, it needs one label for each image")
    labels = as_array("labels", labels)
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        many = labels.ndim == 2 and labels.shape[0] == len(images)
        one_hot = "; for one-hot labels give labels.argmax(axis=1)" if many else ""
        raise ShapeError(f"labels: expected {len(images)} integers, got {labels.dtype} {labels.shape}{one_hot}")
    return gan.learn_labels(dataset.check_labels(labels, len(images), "labels"), class_names)
