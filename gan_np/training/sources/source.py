"""What every source of real data answers, whatever it reads them from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import integer
from gan_np.data.hold_out import HeldOut
from gan_np.models import GAN, Model


class DataEndedError(ValueError):
    """An iterable of batches that cannot be gone through again has ended, and the training has not."""


class Batch(NamedTuple):
    """A batch of examples on the host, with their labels and numbers where these are known.

    images: (n, H, W, C), uint8 or floats from 0 to 1, or vectors (n, m). labels: as the data have them, int64 (n,), or None.
    numbers: which examples these are, int64 (n,), where they are numbered.
    """

    images: Array
    labels: Array | None = None
    numbers: Array | None = None

    def rows(self, part: slice) -> Batch:
        """Some of them."""
        return Batch(*(None if array is None else array[part] for array in self))  # type: ignore[arg-type]


class Order(Protocol):
    """Where a training stands in its data: how many batches of which size were used, and the seed of what is drawn.

    part: which rows of each batch are read here; the others are read by other processes.
    """

    batch_size: int
    seed: int
    part: slice

    @property
    def position(self) -> int:
        """Return how many batches were used."""

    def seek(self, position: int) -> None:
        """Go where `position` batches were used."""


class Count:
    """The order of a source that has none of its own: batches are counted."""

    def __init__(self, batch_size: int, seed: int = 0) -> None:
        self.batch_size, self.seed = integer("batch_size", batch_size, 1), integer("seed", seed, 0)
        self.part = slice(None)
        self._position = 0

    @property
    def position(self) -> int:
        """Return how many batches were used."""
        return self._position

    def seek(self, position: int) -> None:
        """Go where `position` batches were used."""
        self._position = integer("position", position, 0)

    def __repr__(self) -> str:
        return f"Count(batch_size={self.batch_size}) at position {self._position}"


class Source(ABC):
    """Real data of one shape, read batch by batch.

    kind: "array", "items" or "stream".
    name: what was given, for messages.
    labels: of all examples, as they were given beside them, or None.
    prefetch: how many batches are read ahead in a thread; 0: none.
    held_out: what was left out of these data, where they are a part.
    """

    kind: str
    name: str
    labels: Any = None
    prefetch: int = 0
    held_out: HeldOut | None = None

    def part(self, rows: Array) -> Source:
        """Some of the examples, by their numbers in ascending order.

        Raises:
            ValueError: they have no numbers.
        """
        raise ValueError(f"images: {self.counted} have no numbers, so no part can be taken")

    @property
    @abstractmethod
    def data_shape(self) -> tuple[int, ...]:
        """(H, W, C) of each image, or (m,) of each vector."""

    @property
    @abstractmethod
    def dtype(self) -> str:
        """Return the dtype of the images or vectors, float32, float64 or uint8."""

    @property
    @abstractmethod
    def count(self) -> int | None:
        """How many examples there are; None where nobody knows."""

    @property
    @abstractmethod
    def available(self) -> int:
        """How many examples `some` can give at most."""

    @property
    def whole(self) -> Array | None:
        """All examples as they are shown to a gan, where they lie in one array; None where they do not."""
        return None

    @property
    def transform_name(self) -> str | None:
        """Return the name of the function that changes each image; None where there is none."""
        return None

    @property
    def inexact(self) -> str:
        """Why a resumed training does not see what an uninterrupted one would, in a sentence; empty where it does."""
        return ""

    @abstractmethod
    def order(self, batch_size: int, seed: int) -> Order:
        """A new order of batches of this size."""

    @abstractmethod
    def batches(self, order: Order) -> Iterator[Batch]:
        """Batches without end, from where `order` is, of each the rows `order.part`; `order` itself stays there."""

    @abstractmethod
    def some(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` examples drawn at random, or all that are available if these are fewer; the same for the same `rng`."""

    @abstractmethod
    def of_stage(self, model: Model, number: int) -> Source:
        """What a stage of a model is trained on."""

    @abstractmethod
    def fingerprint(self) -> str:
        """What tells these data from others, see `gan_np.runs.fingerprints`."""

    @abstractmethod
    def fingerprint_of_items(self) -> str:
        """The same, as a data set with len and items of this content has it."""

    def teach(self, gan: GAN, *, standardise: bool) -> None:
        """Tell a gan how the data are encoded (`GAN.learn_encoding`)."""
        needed = VECTORS if len(gan.data_shape) == 1 else 1
        gan.learn_encoding(self.some(needed, np.random.default_rng(0)).images, standardise=standardise)

    @property
    def counted(self) -> str:
        """Return the number and kind of the examples in words."""
        things = "vectors" if len(self.data_shape) == 1 else "images"
        return f"batches of {things}" if self.count is None else f"{self.count:,} {things}"


VECTORS = 4096
"""Of so many vectors mean and deviation are taken where they are not all at hand."""


def some_of(data: Array | Source, count: int, rng: np.random.Generator) -> Array:
    """`count` images drawn at random from an array or a source, in their order there; all if these are fewer."""
    if isinstance(data, Source):
        return data.some(count, rng).images
    chosen = np.sort(rng.permutation(len(data))[:count])
    found: Array = data[chosen]
    return found


Then = Callable[[Array], Array]
"""What a stage of a model makes of a batch of images."""
