"""Images or vectors with their labels: what every source gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, as_array
from gan_np.printable import printable

HASHED_IN_FULL = 1 << 28
"""Bytes: larger arrays are hashed by evenly spaced images that amount to this much."""

MOST_LABELS = 1 << 27
"""Labels are held in memory, 8 bytes each: 1 GiB. (A file of a megabyte can claim a thousand times as many.)"""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Real images, or vectors, and what is known about them.

    data: images (N, H, W, C), uint8 or float32 from 0 to 1, or vectors (N, m), float32 or float64; N ≥ 1. An `np.memmap`
        (read-only) where they lie in a file.
    labels: int64 (N,), or None where nothing is known.
    class_names: the name of label k at position k, or None.
    name: of the source, for logs.
    decided: what was decided when the source was read (its parts, its range of values), in sentences.
    columns: of vectors, what their columns are called, or None.
    warned: what may not be what the caller expects (files passed over, a range that was guessed); `open` warns of it.

    Raises:
        TypeError: data are not an array of one of these dtypes, or labels are not integers.
        ShapeError: sizes that do not meet.
        ValueError: no data, or a label without a class name.
    """

    data: Array
    labels: Array | None = None
    class_names: tuple[str, ...] | None = None
    name: str = "array"
    decided: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.data, np.ndarray) and self.data.ndim == 2 and self.data.dtype.kind == "f":
            check_vectors(self.data, "data")
        else:
            check_images(self.data, "images")
            if self.data.dtype not in (np.uint8, np.float32):
                raise TypeError(f"images: expected uint8 or float32, got {self.data.dtype}")
        if self.columns is not None and (not self.are_vectors or len(self.columns) != self.data.shape[1]):
            raise ValueError(f"columns: expected a name for each column of {self.data.shape}, got {len(self.columns)}")
        if self.labels is not None:
            object.__setattr__(self, "labels", check_labels(self.labels, len(self.data), "labels"))
        if self.class_names is not None:
            if self.labels is None:
                raise ValueError("class_names: given without labels")
            low, high = int(self.labels.min()), int(self.labels.max())
            if low < 0 or high >= len(self.class_names):
                raise ValueError(
                    f"labels: expected 0 to {len(self.class_names) - 1} for {len(self.class_names)} class names, "
                    f"got {low} to {high}"
                )

    def __len__(self) -> int:
        return len(self.data)

    @property
    def are_vectors(self) -> bool:
        """Return whether the data are vectors (N, m), and not images."""
        return self.data.ndim == 2

    @property
    def images(self) -> Array:
        """The data, which are images.

        Raises:
            ValueError: they are vectors.
        """
        if self.are_vectors:
            raise ValueError(f"images: {self!r} has none")
        return self.data

    @property
    def data_shape(self) -> tuple[int, ...]:
        """(H, W, C) of every image, or (m,) of every vector."""
        return tuple(self.data.shape[1:])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image.

        Raises:
            ValueError: they are vectors.
        """
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    @property
    def classes(self) -> int | None:
        """How many classes the labels tell apart, which is how many different ones there are; None without labels."""
        return None if self.labels is None else len(np.unique(self.labels))

    def of_classes(self, labels: Array) -> tuple[Array, Array] | None:
        """The data whose labels occur in `labels`, and their labels, or None if there are none: a held-out part may have
        classes that the training part does not."""
        if self.labels is None:
            return None
        known = np.isin(self.labels, labels)
        if known.all():
            return self.data, self.labels
        return (self.data[known], self.labels[known]) if known.any() else None

    def fingerprint(self) -> str:
        """A digest of data and labels, 32 hexadecimal digits: another one means other data.

        BLAKE2b over shapes and bytes. Of more than 256 MiB of images only evenly spaced ones, the first and the last
        included, are read (256 MiB of them), so a change in a few images of a huge set can stay unseen.
        """
        hasher = hashlib.blake2b(digest(self.data).encode(), digest_size=16)
        if self.labels is not None:
            hasher.update(np.ascontiguousarray(self.labels).tobytes())
        return hasher.hexdigest()

    @property
    def counted(self) -> str:
        """Return the number and kind of the data in words, as in "5,000 images of 28×28×1"."""
        if self.are_vectors:
            return f"{len(self):,} vectors of {self.data_shape[0]} numbers"
        return f"{len(self):,} images of {'×'.join(map(str, self.data_shape))}"

    def __repr__(self) -> str:
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"Dataset({printable(self.name)}: {self.counted}{classes})"


def digest(images: Array) -> str:
    """BLAKE2b (32 hexadecimal digits) of an array's dtype, shape and bytes; sampled above `HASHED_IN_FULL`."""
    hasher = hashlib.blake2b(f"{images.dtype.str}{images.shape}".encode(), digest_size=16)
    count, each = len(images), max(1, images[:1].nbytes)
    if images.nbytes <= HASHED_IN_FULL:
        step = max(1, (1 << 22) // each)
        for start in range(0, count, step):
            hasher.update(np.ascontiguousarray(images[start : start + step]).data)
    else:
        for index in np.linspace(0, count - 1, max(2, HASHED_IN_FULL // each)).astype(np.int64):
            hasher.update(np.ascontiguousarray(images[index]).data)
    return hasher.hexdigest()


def check_vectors(data: Array, name: str) -> None:
    """Refuse what are not vectors (N, m), N ≥ 1 and m ≥ 1, of float32 or float64."""
    if str(data.dtype) not in ("float32", "float64"):
        raise TypeError(f"{name}: expected vectors of float32 or float64, got {data.dtype}")
    if data.ndim != 2 or not data.size:
        raise ShapeError(f"{name}: expected vectors (N, m), N ≥ 1 and m ≥ 1, got shape {data.shape}")


def check_images(images: Array, name: str) -> None:
    """Refuse what is not (N, H, W, C) with all of them at least 1."""
    if not isinstance(images, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array, got {type(images).__name__}")
    check_shape(images.shape, name)


def check_shape(shape: tuple[int, ...], name: str) -> tuple[int, int, int, int]:
    """`shape` if it is one of images, with advice if it is one of the usual others."""
    if len(shape) == 4:
        count, height, width, channels = shape
        if count == 0:
            raise ValueError(f"{name}: no images in it (shape {shape})")
        if min(height, width, channels) > 0:
            return count, height, width, channels
    advice = ""
    if len(shape) == 3:
        advice = "; if this is one image, give images[None]; if these are grey images, give images[..., None]"
    elif len(shape) == 2:
        advice = (
            "; if each row is a vector, give floats: data.astype('float32'); if each row is an image, reshape them: "
            "images.reshape(-1, height, width, channels)"
        )
    raise ShapeError(f"{name}: expected images (N, height, width, channels), got shape {shape}{advice}")


def check_labels(labels: Array, count: int, name: str) -> Array:
    """Integer labels (N,) or (N, 1), an array or a list, as int64 (N,)."""
    labels = as_array(name, labels)
    check_label_shape(labels.shape, labels.dtype, count, name)
    wide = labels.reshape(count).astype(np.int64, copy=False)
    if labels.dtype == np.uint64 and labels.size and int(labels.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: {int(labels.max())} does not fit int64")
    return wide


def check_label_shape(shape: tuple[int, ...], dtype: np.dtype[np.generic], count: int, name: str) -> None:
    """Refuse labels of another count than the images, one-hot labels, and labels that are not integers."""
    if shape not in ((count,), (count, 1)):
        one_hot = "; for one-hot labels give labels.argmax(axis=1)" if len(shape) == 2 and shape[0] == count else ""
        raise ShapeError(f"{name}: expected one label for each of {count} images, got shape {shape}{one_hot}")
    if dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {dtype}")
    if count > MOST_LABELS:
        raise ValueError(f"{name}: expected at most {MOST_LABELS:,} labels, which are held in memory, got {count:,}")
