"""Which source serves what a user gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array, from_dlpack, is_array
from gan_np.checks import ShapeError, as_array, choice, integer, shown
from gan_np.data.dataset import Dataset
from gan_np.data.ranges import checked
from gan_np.data.raw import channels_last
from gan_np.models import Model

from .arrays import ArraySource
from .items import ItemSource
from .reading import Form, keys_of
from .source import Source
from .stream import StreamSource
from .transform import Transform

DEPTH = 2
"""Batches that are read ahead where reading costs time and nothing else was asked for."""


def as_source(
    data: Any,
    gan: Model,
    *,
    labels: Any = None,
    layout: str | None = None,
    value_range: Any = None,
    transform: Callable[..., Any] | None = None,
    keys: Any = None,
    prefetch: int | None = None,
) -> Source:
    """What a gan can be trained on, as a source of batches. `gan_np.train` makes one of what it is given.

    data: an array or a tensor (by DLPack) of images or vectors; a `gan_np.data.Dataset`; data with `len` and items, each an
        image, a pair (image, label) or a mapping of both; an iterable of batches of these, or a function that returns one.
    labels: integers, one for each image, of arrays and of data with `len`.
    layout: "NCHW" for images whose channels come first.
    value_range: (low, high), the values that are black and white; None: bytes are 0…255, and floats lie in [0, 1].
    transform: a function of an image (H, W, C), in bytes or from 0 to 1, that returns the image to train on; if it has an
        argument `rng` it is given a seeded NumPy generator.
    keys: of mappings, (image, label), where they are called by other names than the usual ones.
    prefetch: how many batches a thread reads ahead; None: 2 where reading costs time, 0 of arrays without a transform.

    >>> import numpy as np, gan_np as gn
    >>> gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    >>> pairs = [(np.full((8, 8), shade, np.uint8), 0) for shade in range(50)]
    >>> trainer = gn.training.Trainer(gan, gn.training.as_source(pairs, gan), batch_size=8)
    >>> trainer.step().number
    1

    Raises:
        TypeError: none of these. ShapeError, ValueError: of another shape or range than the gan's.
    """
    if isinstance(data, Source):
        given = {"labels": labels, "transform": transform, "keys": keys, "prefetch": prefetch}
        others = [name for name, value in given.items() if value is not None]
        if others:
            raise ValueError(f"{others[0]}: is for data, and images is a source that was made of some already")
        return data
    if prefetch is not None:
        integer("prefetch", prefetch, 0, 1 << 16)
    if isinstance(data, Dataset):
        labels, data, layout, value_range = data.labels if labels is None else labels, data.data, None, None
    if layout is not None:
        choice("layout", layout, ("NHWC", "NCHW"))
    form = Form(
        gan.data_shape,
        labelled=gan.classes is not None and labels is None,
        layout=layout,
        value_range=checked("value_range", value_range),
        transform=None if transform is None else Transform(transform),
        keys=keys_of(keys),
    )
    array = _array(data, form)
    if array is not None:
        if keys is not None:
            raise ValueError("keys: are of mappings, and images is an array")
        oriented = array if form.vectors else channels_last(array, layout, "images")
        costly = 0 if transform is None else DEPTH
        if not form.plain:
            oriented = _grey(oriented, form)
        return ArraySource(oriented, labels, form, costly if prefetch is None else prefetch)
    depth = DEPTH if prefetch is None else prefetch
    if _has_items(data):
        if labels is not None:
            labels = as_array("labels", labels)
            if len(labels) != len(data):
                raise ShapeError(f"labels: expected one for each of {len(data)} items, got {len(labels)}")
        return ItemSource(data, form, labels, depth)
    if labels is not None:
        raise ValueError("labels: of an iterable of batches come with them, as pairs (images, labels); expected None")
    return StreamSource(data, form, depth)


def _array(data: Any, form: Form) -> Array | None:
    """What is an array already, or a tensor, or a list of numbers or of arrays that makes one; None for all else.

    Raises:
        TypeError: something that no source serves.
    """
    if is_array(data):
        found: Array = data
        return found
    if hasattr(data, "__dlpack__"):
        try:
            return from_dlpack(data)
        except (BufferError, RuntimeError) as error:
            raise TypeError(f"images: this {type(data).__name__} cannot be read as an array: {error}") from error
    if isinstance(data, list | tuple):
        if data and _are_items(data, form):
            return None
        listed: Array = as_array("images", data)
        return listed
    if isinstance(data, Mapping):
        raise TypeError(f"images: expected data, got a mapping of {shown(list(data))}; give one of its values")
    if isinstance(data, str | bytes) or not (_has_items(data) or isinstance(data, Iterable) or callable(data)):
        hint = "; give its .images" if hasattr(data, "images") else ""
        if isinstance(data, str):
            hint = "; gan_np.data.load(place) reads what lies there"
        raise TypeError(
            f"images: expected a NumPy array, got {type(data).__name__}{hint} (or a tensor, data with len and items, an "
            "iterable of batches, or a function that returns one)"
        )
    return None


def _are_items(data: Sequence[Any], form: Form) -> bool:
    """Whether a list holds items of a data set, or batches, rather than what makes one array."""
    first = data[0]
    if isinstance(first, Mapping) or hasattr(first, "convert"):
        return True
    if isinstance(first, list | tuple):
        return any(hasattr(part, "shape") or hasattr(part, "convert") for part in first)
    if not hasattr(first, "shape") or isinstance(first, np.generic):
        return False
    if form.transform is not None or not isinstance(first, np.ndarray):
        return True
    return form.layout is not None or form.value_range is not None


def _has_items(data: Any) -> bool:
    """Whether `len(data)` and `data[0]` are there. Some classes have the names and refuse."""
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        return False
    if not hasattr(data, "__iter__") or isinstance(data, list | tuple) or not len(data):
        return True
    try:
        data[0]
    except NotImplementedError:
        return False
    except KeyError as error:
        hint = "; give its .to_numpy()" if hasattr(data, "to_numpy") else ""
        raise TypeError(
            f"images: expected data whose items are numbered from 0, this {type(data).__name__} has no item 0{hint}"
        ) from error
    return True


def _grey(array: Array, form: Form) -> Array:
    """Grey images (N, H, W) as (N, H, W, 1)."""
    return array[..., None] if not form.vectors and array.ndim == 3 else array
