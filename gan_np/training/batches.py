"""Batches of real data, on the discriminator's device."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, to_device
from gan_np.data.flips import flip_horizontally
from gan_np.data.sampler import Shuffler
from gan_np.devices import CPU, cupy_for, scope
from gan_np.host import drawn
from gan_np.models import GAN

from .inputs import classes_of
from .sources import Batch, Order, Reader, Source

RESIDENT_SHARE = 0.25
"""A data set of up to this share of a GPU's free memory is kept there, as it is; of a larger one each batch is sent."""


class Batches:
    """`next()` gives the next batch as D sees it: encoded data and their context.

    Order and flips are drawn on the host, so that they are the same on any device. On a GPU the bytes lie there already, or
    are sent through pinned memory, and become floats there.

    labels: the class of each example, where that is known of all. flips: drawn from when a batch is used, not when it is
    read ahead. per_step: batches in a step.
    """

    def __init__(
        self,
        gan: GAN,
        source: Source,
        labels: Array | None,
        order: Order,
        flips: np.random.Generator | None,
        per_step: int = 1,
    ) -> None:
        self._gan, self._labels = gan, labels
        self._order, self._flips = order, flips
        self._device = gan.discriminator.device
        self.reader = Reader(source, order, per_step)
        self._batch: Batch | None = None
        images = source.whole
        self.resident = self._device != CPU and images is not None and self._fits(images)
        """Whether the data set lies on a GPU."""
        if self.resident and images is not None:
            self._images = to_device(np.ascontiguousarray(images), self._device)
            self._labels = None if labels is None else to_device(labels.astype(np.int64), self._device)

    def next(self) -> tuple[Array, Array | None]:
        """Real data and their context (None where there is none)."""
        if self.resident:
            return self._gan.shown(*self._gathered())
        if self._device == CPU:
            images = self._read()
            labels = self._read_labels()
        else:
            images = drawn(self._read, self._device)
            labels = None if self._gan.classes is None else drawn(self._read_labels_of_device, self._device)
        return self._gan.examples(images, labels)

    def _fits(self, images: Array) -> bool:
        cupy: Any = cupy_for(self._device)
        with scope(self._device):
            free, _ = cupy.cuda.Device().mem_info
        return bool(images.nbytes <= RESIDENT_SHARE * free)

    def _read(self) -> Array:
        """The next images, on the host."""
        self._batch = self.reader.next()
        images = self._batch.images
        return images if self._flips is None else flip_horizontally(images, self._flips)

    def _read_labels(self) -> Array | None:
        assert self._batch is not None
        return classes_of(self._gan, self._batch, self._labels)

    def _read_labels_of_device(self) -> Array:
        found = self._read_labels()
        assert found is not None
        return found.astype(np.int64)

    def _gathered(self) -> tuple[Array, Array | None]:
        """The next images, as floats, and labels, found on the device by their numbers."""
        index, mirrored = drawn(self._numbers, self._device), None
        if self._flips is not None:
            flips, count = self._flips, len(index)
            # As `flip_horizontally` draws them.
            mirrored = drawn(lambda: (flips.random(count) < 0.5).view(np.uint8), self._device)
        dtype = self._gan.discriminator.dtype
        floats = self._gan.encoding.encode(self._images, dtype, index=index, mirrored=mirrored)
        return floats, None if self._labels is None else self._labels[index]

    def _numbers(self) -> Array:
        """The numbers of the next images."""
        order = self._order
        assert isinstance(order, Shuffler)
        return next(order)[order.part]
