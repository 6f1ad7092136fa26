"""Data sets with len and items: PyTorch's, Hugging Face's, lists, classes of one's own. They are known by what they do."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import as_array
from gan_np.data.sampler import Shuffler
from gan_np.models import Model

from .reading import Form
from .source import Batch, Order, Source
from .spaced import digest_of, named, spaced
from .transform import rng_of_batch


class _Some:
    """Some items of a data set."""

    def __init__(self, data: Any, rows: Array) -> None:
        self.data, self.rows = data, rows
        if hasattr(data, "__getitems__"):
            self.__getitems__ = lambda numbers: data.__getitems__([int(rows[number]) for number in numbers])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Any:
        return self.data[int(self.rows[number])]


class ItemSource(Source):
    """`data[i]` for i in the seeded order of a `Shuffler`: an image, a pair of an image and its label, or a mapping.

    Data that have `__getitems__`, as PyTorch's loaders ask for it, give a whole batch at once. One thread reads at a time.
    """

    kind = "items"

    def __init__(self, data: Any, form: Form, labels: object = None, prefetch: int = 2) -> None:
        self.data, self.form, self.labels, self.prefetch = data, form, labels, prefetch
        self.name = type(data).__name__
        self._count = len(data)
        if self._count < 1:
            raise ValueError(f"images: no items in it ({self.name} of length 0)")
        self._reading = threading.Lock()
        self._looked: tuple[str, bool] | None = None
        self._first = self._beginning()

    @property
    def data_shape(self) -> tuple[int, ...]:
        """(H, W, C) of each image, or (m,) of each vector."""
        shape: tuple[int, ...] = self._first.shape[1:]
        return shape

    @property
    def dtype(self) -> str:
        """Return the dtype of the images or vectors, float32, float64 or uint8."""
        return str(self._first.dtype)

    @property
    def count(self) -> int:
        """The data set's length."""
        return self._count

    @property
    def available(self) -> int:
        """The data set's length."""
        return self._count

    @property
    def transform_name(self) -> str | None:
        """Return the name of the function that changes each image; None where there is none."""
        return None if self.form.transform is None else self.form.transform.name

    @property
    def inexact(self) -> str:
        """Items that are not the same when they are read again; a few of them are, to find out."""
        if self._look()[1]:
            return ""
        return (
            f"images: items of this {self.name} are not the same when they are read again, so that a resumed training has "
            "the order, noise and weights of an uninterrupted one, but not its images (random changes made by transform=, "
            "which may take rng, are resumed exactly)"
        )

    def part(self, rows: Array) -> ItemSource:
        """The items of these numbers, read from the same data set."""
        labels = None if self.labels is None else as_array("labels", self.labels)[rows]
        return ItemSource(_Some(self.data, rows), self.form, labels, self.prefetch)

    def order(self, batch_size: int, seed: int) -> Shuffler:
        """Each epoch a fresh permutation."""
        return Shuffler(self._count, batch_size, seed)

    def batches(self, order: Order) -> Iterator[Batch]:
        """Batches without end, from where `order` is."""
        assert isinstance(order, Shuffler)
        numbered, seed = enumerate(order.at(order.position), start=order.position), order.seed
        return (self._part(index, order.part, partial(rng_of_batch, seed, number)) for number, index in numbered)

    def some(self, count: int, rng: np.random.Generator) -> Batch:
        """Drawn from all, and read."""
        chosen = np.sort(rng.permutation(self._count)[:count])
        return self._batch(chosen, lambda: rng)

    def of_stage(self, model: Model, number: int) -> ItemSource:
        """The same items, of which the stage makes something batch by batch."""
        if len(model.stages) == 1:
            return self
        other = copy.copy(self)
        other.form = self.form.of_stage(partial(model.stage_images, number))
        other._first = other._beginning()
        return other

    def fingerprint(self) -> str:
        """Return a fingerprint of the length, and of a few items where they are the same when read again."""
        return self._look()[0]

    def fingerprint_of_items(self) -> str:
        """Return the same fingerprint, since it is that of some items already."""
        return self.fingerprint()

    def _look(self) -> tuple[str, bool]:
        """The fingerprint, and whether items are the same when read again."""
        if self._looked is None:
            index = spaced(self._count)
            first, again = (digest_of(self._examples(index)[0]) for _ in range(2))
            steady = first == again
            self._looked = named(self._count, first if steady else ""), steady
        return self._looked

    def _beginning(self) -> Array:
        """The first item as a batch: what is wrong with all of them is found here."""
        return self._batch(np.zeros(1, np.int64), partial(rng_of_batch, 0, 0)).images

    def _part(self, index: Array, part: slice, rng: Any) -> Batch:
        """Those rows of a batch that are read here; all are read where their images draw one after another."""
        return self._batch(index, rng).rows(part) if self.form.draws else self._batch(index[part], rng)

    def _batch(self, index: Array, rng: Any) -> Batch:
        images, labels = self._examples(index)
        finished = self.form.finished(images, rng, lambda place: f"images: item {index[place]}")
        return Batch(finished, np.array(labels, np.int64) if self.form.labelled else None, index)

    def _examples(self, index: Array) -> tuple[list[Array], list[int]]:
        """The images with these numbers, and their labels where they are read."""
        numbers = [int(number) for number in index]
        images, labels = [], []
        with self._reading:
            for number, value in zip(numbers, self._get(numbers), strict=True):
                where = f"images: item {number}"
                image, label = self.form.parts(value, where)
                images.append(self.form.item(image, where))
                if self.form.labelled:
                    labels.append(int(self.form.labels(label, 1, where)[0]))
        return images, labels

    def _get(self, numbers: list[int]) -> Sequence[Any]:
        at_once = getattr(self.data, "__getitems__", None)
        if at_once is not None:
            found = list(at_once(numbers))
            if len(found) != len(numbers):
                raise ValueError(f"images: __getitems__ of this {self.name} gave {len(found)} items for {len(numbers)}")
            return found
        return [self._one(number) for number in numbers]

    def _one(self, number: int) -> Any:
        try:
            return self.data[number]
        except Exception as error:
            error.add_note(f"(while item {number} of the images was read, a {self.name} of {self._count:,})")
            raise
