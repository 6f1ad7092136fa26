"""Iterables of batches: generators, functions that return one, PyTorch's loaders, Hugging Face's `iter(batch_size)`."""

from __future__ import annotations

import copy
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import shown
from gan_np.models import Model

from .reading import Form
from .source import Batch, Count, DataEndedError, Order, Source
from .transform import rng_of_batch

KEPT = 1024
"""Examples of the first batches that are kept for all that needs some: figures, vectors' mean and deviation."""
KEPT_BYTES = 1 << 26


class StreamSource(Source):
    """Batches as an iterable gives them, cut and joined to those of the training; see `Form.rows` for what they may be.

    data: an iterable, or a function without arguments that returns one. One that can be gone through again is, when it has
        ended. The first `KEPT` examples (of large ones fewer) are read at the start and kept, and trained on like others.

    Raises:
        TypeError, ValueError: a function that returns no iterable; an iterable that gives nothing.
    """

    kind = "stream"

    def __init__(self, data: Any, form: Form, prefetch: int = 2) -> None:
        self.data, self.form, self.prefetch = data, form, prefetch
        self.name = " ".join(dict.fromkeys([type(data).__name__, getattr(data, "__name__", type(data).__name__)]))
        self.again = not hasattr(data, "__next__")
        """Whether it can be gone through again."""
        self._given_dtype: str | None = None
        self._given = [0, 0]
        """Batches and examples that came of the present pass."""
        self._rest = self._chunks()
        self._kept: list[Batch] = []
        self._fill()
        self._fresh = True
        first = self.some(1, np.random.default_rng(0)).images
        self._shape, self._dtype = first.shape[1:], str(first.dtype)

    @property
    def data_shape(self) -> tuple[int, ...]:
        """(H, W, C) of each image, or (m,) of each vector."""
        return self._shape

    @property
    def dtype(self) -> str:
        """Return the dtype of the images or vectors, float32, float64 or uint8."""
        return self._dtype

    @property
    def count(self) -> None:
        """Return None: nobody knows how many examples an iterable gives."""
        return

    @property
    def available(self) -> int:
        """Return the number of examples that are kept from the beginning."""
        return sum(len(chunk.images) for chunk in self._kept)

    @property
    def transform_name(self) -> str | None:
        """Return the name of the function that changes each image; None where there is none."""
        return None if self.form.transform is None else self.form.transform.name

    @property
    def inexact(self) -> str:
        """It has no position to go back to."""
        return (
            f"images: batches of an iterable ({self.name}) have no place to go back to: a resumed training begins them "
            "anew, with weights and noise as they were (data with len and items are resumed exactly)"
        )

    def order(self, batch_size: int, seed: int) -> Count:
        """Return a count of batches, all that is known of the order of an iterable."""
        return Count(batch_size, seed)

    def batches(self, order: Order) -> Iterator[Batch]:
        """Batches as they come, numbered from where `order` is: from the first on at the first call, then anew."""
        chunks: Iterator[Batch | None]
        if self._fresh:
            chunks = itertools.chain(list(self._kept), self._rest)
        else:
            chunks = self._chunks() if self.again else self._rest
        self._fresh = False
        return (batch.rows(order.part) for batch in self._joined(chunks, order.batch_size, order.seed, order.position))

    def some(self, count: int, rng: np.random.Generator) -> Batch:
        """Drawn from those that are kept."""
        chosen = np.sort(rng.permutation(self.available)[:count])
        rows = [image for chunk in self._kept for image in chunk.images]
        kept = _labels(self._kept)
        images = [rows[number][None] for number in chosen]
        found = self._finished(images, lambda: rng, lambda place: f"images: image {chosen[place]}")
        return Batch(found, None if kept is None else kept[chosen])

    def of_stage(self, model: Model, number: int) -> StreamSource:
        """The same iterable, gone through for each stage.

        Raises:
            ValueError: a model of several stages, and the iterable can be gone through only once.
        """
        if len(model.stages) == 1:
            return self
        if not self.again:
            raise ValueError(
                f"images: the {len(model.stages)} stages of this model go through the data one after another, and a "
                f"{self.name} can be gone through once; {_ADVICE}"
            )
        other = copy.copy(self)
        other.form, other._fresh, other._given = self.form.of_stage(partial(model.stage_images, number)), False, [0, 0]
        first = other.some(1, np.random.default_rng(0)).images
        other._shape, other._dtype = first.shape[1:], str(first.dtype)
        return other

    def fingerprint(self) -> str:
        """Return a constant, which says that it is an iterable: nobody knows what comes of it."""
        return STREAM

    def fingerprint_of_items(self) -> str:
        """Return the same: nothing can be said of the items of an iterable."""
        return STREAM

    def _fill(self) -> None:
        """Keep the first examples; of one pass at most, or they would be there twice."""
        for chunk in self._rest:
            if chunk is None:
                break
            self._kept.append(chunk)
            if self.available >= KEPT or sum(kept.images.nbytes for kept in self._kept) >= KEPT_BYTES:
                break
        if not self._kept:
            raise self._nothing()

    def _chunks(self) -> Iterator[Batch | None]:
        """What the iterable gives, as arrays; None behind each pass. Of one that cannot be gone through again one pass."""
        while True:
            given = self._opened()
            self._given = [0, 0]
            try:
                for value in given:
                    chunk = self._chunk(value, f"images: batch {self._given[0] + 1}")
                    self._given[0] += 1
                    self._given[1] += len(chunk.images)
                    yield chunk
            finally:
                if self.again and hasattr(given, "close"):
                    given.close()
            if not self.again:
                return
            if not self._given[0]:
                raise self._nothing()
            yield None

    def _opened(self) -> Iterator[Any]:
        """Its start, or where one stands that cannot be gone through again."""
        if not self.again:
            return iter(self.data)
        found = self.data if isinstance(self.data, Iterable) else self.data()
        if not isinstance(found, Iterable):
            raise TypeError(f"images: {self.name} was called and gave {shown(found)}, expected an iterable of batches")
        return iter(found)

    def _nothing(self) -> ValueError:
        again = " when it was gone through again" if self._kept else ""
        return ValueError(f"images: {self.name} gave no batch{again}; {_ADVICE}")

    def _chunk(self, value: Any, where: str) -> Batch:
        given, label = self.form.parts(value, where)
        images = self.form.rows(given, where)
        if self.form.transform is None:
            images = self.form.checked(images, where)
            self._given_dtype = self._given_dtype or str(images.dtype)
            if images.dtype != self._given_dtype:
                raise TypeError(
                    f"{where}: is {images.dtype}, the first one was {self._given_dtype}; expected one dtype"
                )
        labels = self.form.labels(label, len(images), where) if self.form.labelled else None
        return Batch(images, labels)

    def _joined(self, chunks: Iterator[Batch | None], size: int, seed: int, number: int) -> Iterator[Batch]:
        """Batches of `size` examples, in the order in which they come, over the ends of passes too."""
        waiting, count = deque[Batch](), 0
        for chunk in chunks:
            if chunk is None:
                continue
            waiting.append(chunk)
            count += len(chunk.images)
            while count >= size:
                parts, count = _taken(waiting, size), count - size
                draw = partial(rng_of_batch, seed, number)
                images = self._finished([part.images for part in parts], draw, lambda place: f"images: image {place}")
                yield Batch(images, _labels(parts))
                number += 1
        batches, examples = self._given
        raise DataEndedError(
            f"images: the {self.name} ended after {examples:,} examples in {batches:,} batches, and the training goes on; "
            f"{_ADVICE}"
        )

    def _finished(self, parts: list[Array], draw: Any, where: Any) -> Array:
        """Parts of a batch, which are checked already where nothing transforms them, as one."""
        if self.form.transform is None:
            return self.form.staged(np.concatenate(parts) if len(parts) > 1 else parts[0])
        return self.form.finished([image for part in parts for image in part], draw, where)


STREAM = "stream:"
"""The fingerprint of any iterable."""

_ADVICE = (
    "give a function that returns a new one, as in gn.train(gan, batches) for `def batches(): yield …`, or a loader, which "
    "can be gone through again"
)


def _taken(waiting: deque[Batch], size: int) -> list[Batch]:
    """The next `size` examples; what is left of a chunk stays."""
    parts = []
    while size:
        chunk = waiting.popleft()
        images, labels = chunk.images[:size], None if chunk.labels is None else chunk.labels[:size]
        if len(chunk.images) > size:
            left = None if chunk.labels is None else chunk.labels[size:]
            waiting.appendleft(Batch(chunk.images[size:], left))
        parts.append(Batch(images, labels))
        size -= len(images)
    return parts


def _labels(parts: list[Batch]) -> Array | None:
    found = [part.labels for part in parts if part.labels is not None]
    return np.concatenate(found) if found else None
