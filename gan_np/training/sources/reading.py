"""From what data sets and iterables give to arrays: images, pairs and mappings of anything that can be an array."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array, from_dlpack, to_host
from gan_np.checks import ShapeError, shown
from gan_np.data.extent import ROUNDING, extent_of
from gan_np.data.ranges import Range
from gan_np.data.ranges import shown as written

from .transform import Transform

IMAGE_KEYS = ("image", "images", "img", "pixel_values", "x", "data")
LABEL_KEYS = ("label", "labels", "y", "target", "targets")
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's names for numbers of channels."""


def as_numpy(value: Any, where: str) -> Array:
    """A NumPy array, a tensor by DLPack (from a GPU it is copied to the host), a Pillow image, or what has `__array__`.

    Memory may be shared with `value`.

    Raises:
        TypeError: none of these.
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
            return to_host(from_dlpack(value))
        if hasattr(value, "__array_interface__") or hasattr(value, "__array__"):
            return np.asarray(value)
    except (BufferError, RuntimeError, ValueError, TypeError) as error:
        raise TypeError(f"{where}: this {type(value).__name__} cannot be read as an array: {error}") from error
    raise TypeError(
        f"{where}: expected an array, a tensor or a Pillow image, got {type(value).__name__}"
        + (" (a pair is a tuple or list of an image and its label)" if isinstance(value, str | bytes) else "")
    )


@dataclass(frozen=True)
class Form:
    """How examples are read: what they are to become, and how they are given.

    data_shape: (H, W, C) of the images that come out, or (m,) of vectors.
    labelled: whether labels are read.
    layout: "NCHW" for images whose channels come first.
    value_range: the values that are black and white; None: bytes are 0…255, floats lie in [0, 1].
    transform: changes each image after that.
    keys: of mappings: of the image, and of its label or None.
    then: what a stage of a model makes of each batch.
    """

    data_shape: tuple[int, ...]
    labelled: bool = False
    layout: str | None = None
    value_range: Range | None = None
    transform: Transform | None = None
    keys: tuple[str, str | None] | None = None
    then: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        if self.vectors and (self.layout is not None or self.value_range is not None):
            name = "layout" if self.layout is not None else "value_range"
            raise ValueError(f"{name}: is for images, and this gan makes vectors; expected None")

    @property
    def vectors(self) -> bool:
        """Return whether the data are vectors."""
        return len(self.data_shape) == 1

    @property
    def plain(self) -> bool:
        """Whether an array of the right layout needs nothing done to it."""
        return self.value_range is None and self.transform is None and self.then is None

    @property
    def draws(self) -> bool:
        """Whether the images of a batch draw random numbers one after another."""
        return self.transform is not None and self.transform.takes_rng

    def of_stage(self, then: Callable[[Array], Array]) -> Form:
        """The same, with what a stage makes of a batch."""
        return dataclasses.replace(self, then=then)

    def parts(self, value: Any, where: str) -> tuple[Any, Any]:
        """The image (or batch of images) and the label (or labels) in what a data set gave; None where no label is read.

        Raises:
            TypeError, ValueError: neither an image, a pair nor a mapping with known keys; no label where one is read.
        """
        if isinstance(value, Mapping) or (hasattr(value, "keys") and hasattr(value, "__getitem__")):
            return self._of_mapping(value, where)
        if self.keys is not None:
            raise TypeError(f"keys: are of mappings, and {where.removeprefix('images: ')} is a {type(value).__name__}")
        if not isinstance(value, tuple | list):
            return value, self._need(None, where)
        if len(value) == 1:
            return value[0], self._need(None, where)
        if len(value) == 2:
            return value[0], self._need(value[1], where) if self.labelled else None
        raise TypeError(
            f"{where}: expected an image or a pair (image, label), got a {type(value).__name__} of {len(value)} parts; make "
            "mappings of them, as {'image': …, 'label': …}"
        )

    def _of_mapping(self, value: Any, where: str) -> tuple[Any, Any]:
        if self.keys is not None:
            image_key, label_key = self.keys
        else:
            image_key, label_key = self._key(value, IMAGE_KEYS, "image", where), None
            if self.labelled:
                label_key = self._key(value, LABEL_KEYS, "label", where)
        for key in (image_key, label_key if self.labelled else None):
            if key is not None and key not in value.keys():  # noqa: SIM118 (it need not be iterable)
                raise ValueError(f"keys: {where.removeprefix('images: ')} has no {key!r}, it has {_listed(value)}")
        image = value[image_key]
        image = np.asarray(image) if isinstance(image, list) and not _of_arrays(image) else image
        if isinstance(image, list):
            image = np.stack([as_numpy(one, where) for one in image])
        if not self.labelled:
            return image, None
        return image, self._need(None if label_key is None else value[label_key], where)

    def _key(self, value: Any, known: Sequence[str], what: str, where: str) -> str:
        found = [key for key in known if key in value.keys()]  # noqa: SIM118
        if len(found) == 1:
            return found[0]
        those = f"has {' and '.join(map(repr, found))}" if found else f"has none of {', '.join(map(repr, known))}"
        raise ValueError(
            f"{where}: a mapping of {_listed(value)} {those}; say which is the {what} with keys=(image, label), "
            "as in keys=('photo', 'species'), or keys='photo' where no labels are needed"
        )

    def _need(self, label: Any, where: str) -> Any:
        if self.labelled and label is None:
            raise ValueError(
                f"labels: this gan is conditional, and {where.removeprefix('images: ')} has no label; give pairs "
                "(image, label), mappings with a label, or for data with len labels="
            )
        return label

    def item(self, value: Any, where: str) -> Array:
        """One image (H, W, C), or vector (m,), in its range; a grey image may be (H, W)."""
        value = self._of_pillow(value)
        array = as_numpy(value, where)
        if not self.vectors:
            if array.ndim == 2:
                array = array[..., None]
            elif self.layout == "NCHW" and array.ndim == 3 and not _is_pillow(value):
                array = array.transpose(1, 2, 0)
        elif array.ndim != 1:
            raise ShapeError(f"{where}: expected a vector of {self.data_shape[0]} numbers, got shape {array.shape}")
        return self.scaled(array, where)

    def rows(self, value: Any, where: str) -> Array:
        """A batch (N, H, W, C), or (N, m), in its range, in memory of its own; grey images may be (N, H, W), and a single
        example is a batch of one."""
        value = self._of_pillow(value)
        if _is_pillow(value):
            return np.array(self.item(value, where)[None])
        array = as_numpy(value, where)
        rank = len(self.data_shape)
        if self.vectors:
            array = array[None] if array.ndim == 1 else array
        elif array.ndim == 2 or (array.ndim == rank and not self._grey_batch(array.shape)):
            return np.array(self.item(array, where)[None])
        elif array.ndim == rank:
            array = array[..., None]
        elif array.ndim == rank + 1 and self.layout == "NCHW":
            array = array.transpose(0, 2, 3, 1)
        if array.ndim != rank + 1 or not len(array):
            raise ShapeError(f"{where}: expected (N, {', '.join(map(str, self.data_shape))}), N ≥ 1, got {array.shape}")
        return np.array(self.scaled(array, where), order="C")

    def _grey_batch(self, shape: tuple[int, ...]) -> bool:
        """Whether three sizes are those of a batch of grey images, and not those of one image."""
        single = (*shape[1:], shape[0]) if self.layout == "NCHW" else shape
        if self.transform is None:
            return single != self.data_shape and self.data_shape == (*shape[1:], 1)
        return not 1 <= single[2] <= 4

    def _of_pillow(self, value: Any) -> Any:
        """A Pillow image whose mode has no array of its colours (a palette, bits, CMYK) in the channels of the gan."""
        if _is_pillow(value) and value.mode not in (*_MODES.values(), "F", "I", "I;16"):
            return value.convert(_MODES.get(self.data_shape[-1], "RGB"))
        return value

    def scaled(self, values: Array, where: str) -> Array:
        """Values of `value_range` as floats from 0 to 1; without one they are left as they are.

        Raises:
            ValueError: some lie outside it.
        """
        if self.value_range is None or (values.dtype == np.uint8 and self.value_range == (0.0, 255.0)):
            return values
        if values.dtype.kind not in "iuf":
            raise TypeError(f"{where}: expected integers or floats, got {values.dtype}")
        (low, high), seen = self.value_range, extent_of(values, where)
        room = ROUNDING * (high - low)
        if seen.least < low - room or seen.greatest > high + room:
            raise ValueError(
                f"{where}: values go from {seen}, outside value_range={written(self.value_range)}; give the range that "
                "black and white have"
            )
        exact = np.dtype(np.float32 if values.dtype.itemsize <= 2 or values.dtype == np.float32 else np.float64)
        unit: Array = (values.astype(exact) - exact.type(low)) / exact.type(high - low)
        return unit.clip(0, 1).astype(np.float64 if values.dtype == np.float64 else np.float32)

    def finished(
        self, images: Array | Sequence[Array], rng: Callable[[], np.random.Generator], where: Callable[[int], str]
    ) -> Array:
        """A batch as the gan's data are: each image transformed, all of one shape and dtype, checked.

        rng: gives the generator of the batch's transforms. where: what to call the image at a place of the batch.
        """
        if self.transform is not None:
            draw = rng() if self.transform.takes_rng else None
            images = [as_numpy(self.transform(image, draw), "transform: its result") for image in images]
        if not isinstance(images, np.ndarray):
            for place, image in enumerate(images):
                self._check_shape(image.shape, where(place))
                if image.dtype != images[0].dtype:
                    raise TypeError(
                        f"{where(place)}: is {image.dtype}, others are {images[0].dtype}; expected one dtype"
                    )
            images = np.stack(images)
        return self.staged(self.checked(images, where(0)))

    def staged(self, images: Array) -> Array:
        """What a stage makes of a batch that is checked."""
        return images if self.then is None else self.then(images)

    def checked(self, images: Array, where: str) -> Array:
        """A batch of the right shape, dtype and range.

        Raises:
            ShapeError, TypeError, ValueError: of another.
        """
        self._check_shape(images.shape[1:], where)
        known = ("float32", "float64") if self.vectors else ("uint8", "float32", "float64")
        if str(images.dtype) not in known:
            advice = "" if self.vectors else "; value_range=(low, high) makes floats from 0 to 1 of other numbers"
            raise TypeError(f"{where}: expected {' or '.join(known)}, got {images.dtype}{advice}")
        if images.dtype == np.uint8:
            return images
        seen = extent_of(images, where)
        if self.vectors or (seen.least >= 0 and seen.greatest <= 1):
            return images
        if seen.least < -ROUNDING or seen.greatest > 1 + ROUNDING:
            likely = "(-1, 1)" if -1.001 <= seen.least < 0 and seen.greatest <= 1.001 else "(low, high)"
            raise ValueError(
                f"{where}: floats are expected to lie in [0, 1], these go from {seen}; say what black and white are with "
                f"value_range={likely}"
            )
        return images.clip(0, 1)

    def _check_shape(self, shape: tuple[int, ...], where: str) -> None:
        if shape == self.data_shape:
            return
        advice = ""
        if not self.vectors and self.layout is None and len(shape) == 3 and (*shape[1:], shape[0]) == self.data_shape:
            advice = "; if its channels come first, say layout='NCHW'"
        elif not self.vectors and self.transform is None:
            advice = "; transform= may resize or convert it"
        raise ShapeError(
            f"{where}: expected {'×'.join(map(str, self.data_shape))}, as this gan makes them, got {shown(shape)}{advice}"
        )

    def labels(self, value: Any, count: int, where: str) -> Array:
        """Labels of a batch as int64 (count,).

        Raises:
            TypeError, ShapeError: not an integer for each image.
        """
        given = np.asarray(value) if isinstance(value, int | list) else as_numpy(value, f"labels: {where}")
        if given.dtype.kind not in "iu":
            raise TypeError(f"labels: {where.removeprefix('images: ')}: expected integers, got {given.dtype}")
        if given.size != count:
            one_hot = "; for one-hot labels give labels.argmax(axis=1)" if given.size > count else ""
            raise ShapeError(
                f"labels: {where.removeprefix('images: ')}: expected one for each of {count} images, got shape "
                f"{given.shape}{one_hot}"
            )
        return given.reshape(count).astype(np.int64)


def keys_of(keys: Any) -> tuple[str, str | None] | None:
    """The argument `keys`: of the image, or of the image and its label."""
    if keys is None:
        return None
    if isinstance(keys, str):
        return keys, None
    if isinstance(keys, tuple | list) and len(keys) == 2 and all(isinstance(key, str) for key in keys):
        return keys[0], keys[1]
    raise TypeError(f"keys: expected the key of the image, or (image, label), got {shown(keys)}")


def _is_pillow(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "PIL"


def _of_arrays(values: Sequence[Any]) -> bool:
    return bool(values) and (hasattr(values[0], "shape") or _is_pillow(values[0]))


def _listed(mapping: Any) -> str:
    return shown([str(key) for key in mapping.keys()])  # noqa: SIM118
