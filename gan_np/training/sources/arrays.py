"""Data that lie in one array, in memory or memory-mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import as_array
from gan_np.data.dataset import digest
from gan_np.data.hold_out import taken
from gan_np.data.sampler import Shuffler
from gan_np.models import GAN, Model

from .reading import Form
from .source import Batch, Order, Source
from .spaced import spaced_digest
from .transform import rng_of_batch


class ArraySource(Source):
    """Images (N, H, W, C) or vectors (N, m) in the seeded order of a `Shuffler`.

    form: what is done to a batch of them; None: nothing.
    """

    kind = "array"

    def __init__(self, data: Array, labels: object = None, form: Form | None = None, prefetch: int = 0) -> None:
        self.data, self.labels, self.prefetch = data, labels, prefetch
        self.form = None if form is None or form.plain else form
        self.name = "array"
        self._first = None if self.form is None else self.some(1, np.random.default_rng(0)).images

    @property
    def whole(self) -> Array | None:
        """The array, where nothing is done to what is read of it."""
        return self.data if self.form is None else None

    @property
    def data_shape(self) -> tuple[int, ...]:
        """(H, W, C) of each image, or (m,) of each vector."""
        shape: tuple[int, ...] = self.data.shape[1:] if self._first is None else self._first.shape[1:]
        return shape

    @property
    def dtype(self) -> str:
        """Return the dtype of the images or vectors, float32, float64 or uint8."""
        return str(self.data.dtype if self._first is None else self._first.dtype)

    @property
    def count(self) -> int:
        """Return the number of all examples."""
        return len(self.data)

    @property
    def available(self) -> int:
        """Return the number of all examples."""
        return len(self.data)

    @property
    def transform_name(self) -> str | None:
        """Return the name of the function that changes each image; None where there is none."""
        return None if self.form is None or self.form.transform is None else self.form.transform.name

    def order(self, batch_size: int, seed: int) -> Shuffler:
        """Each epoch a fresh permutation."""
        return Shuffler(len(self.data), batch_size, seed)

    def batches(self, order: Order) -> Iterator[Batch]:
        """Batches without end, from where `order` is."""
        assert isinstance(order, Shuffler)
        numbered = enumerate(order.at(order.position), start=order.position)
        seed = order.seed
        return (self._batch(index, order.part, partial(rng_of_batch, seed, number)) for number, index in numbered)

    def some(self, count: int, rng: np.random.Generator) -> Batch:
        """Return some examples, drawn from all."""
        chosen = np.sort(rng.permutation(len(self.data))[:count])
        return Batch(self._read(chosen, lambda: rng), None, chosen)

    def part(self, rows: Array) -> ArraySource:
        """In memory, or of a memory-mapped file in the cache folder where they are much."""
        labels = None if self.labels is None else as_array("labels", self.labels)[rows]
        return ArraySource(taken(self.data, rows), labels, self.form, self.prefetch)

    def of_stage(self, model: Model, number: int) -> ArraySource:
        """What the stage makes of all of them, or of each batch."""
        if self.form is None:
            made = ArraySource(model.stage_images(number, self.data), self.labels, None, self.prefetch)
        elif len(model.stages) == 1:
            return self
        else:
            form = self.form.of_stage(partial(model.stage_images, number))
            made = ArraySource(self.data, self.labels, form, self.prefetch)
        made.held_out = self.held_out
        return made

    def fingerprint(self) -> str:
        """Of shape, dtype and numbers, as they lie in the array."""
        return digest(self.data)

    def fingerprint_of_items(self) -> str:
        """Return a fingerprint of a few examples, evenly spaced."""
        return spaced_digest(len(self.data), lambda index: list(self.data[index]))

    def teach(self, gan: GAN, *, standardise: bool) -> None:
        """Let the model learn the encoding from all examples."""
        if self.form is not None:
            super().teach(gan, standardise=standardise)
            return
        gan.learn_encoding(self.data, standardise=standardise)

    def _batch(self, index: Array, part: slice, rng: Callable[[], np.random.Generator]) -> Batch:
        """Those rows of a batch that are read here; all are read where their images draw one after another."""
        if self.form is not None and self.form.draws:
            return Batch(self._read(index, rng)[part], None, index[part])
        return Batch(self._read(index[part], rng), None, index[part])

    def _read(self, index: Array, rng: Callable[[], np.random.Generator]) -> Array:
        images: Array = self.data[index]
        if self.form is None:
            return images
        form = self.form
        scaled = form.scaled(np.ascontiguousarray(images), f"images: one of the images {index[0]}, …")
        return form.finished(scaled, rng, lambda place: f"images: image {index[place]}")
