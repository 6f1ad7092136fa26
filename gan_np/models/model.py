"""What every model is: trained stage by stage, opened, shown and sampled through one protocol.

A stage is a GAN that Algorithm 1 trains. A `GAN` is a model of one stage, itself; a model of several (`Stages`) says here
what each of them is trained on and how images come from all of them together. Whoever trains, opens, shows or measures a
model asks these questions and never for its class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import integer
from gan_np.data.encoding import Encoding
from gan_np.data.labels import LabelTable
from gan_np.ranks import ALONE, Ranks

from .truncation import Truncation

STREAMED, ROUNDED_UP = 64, 16
"""Samples of a part of `stream`; the last part is filled up to a multiple of what a GAN makes at once."""


class Model(ABC):
    """A model: what `gn.train`, a run folder, the command line and an evaluation ask of it.

    independent: whether its stages may be trained in any order, also beside each other. A model whose stages build on one
        another sets it to False; they are then trained in their order, each after `begin_stage`.
    recipe: the call that made it, see `GAN`.
    """

    independent: ClassVar[bool] = True
    recipe: Mapping[str, Any]

    @property
    @abstractmethod
    def stages(self) -> tuple[Any, ...]:
        """The GANs that are trained, in their order. The z of the first one is the z of the model."""

    @property
    @abstractmethod
    def data_shape(self) -> tuple[int, ...]:
        """(height, width, channels) of finished images, or (m,) of vectors."""

    @property
    @abstractmethod
    def encoding(self) -> Encoding:
        """The encoding of the data, and so of samples (`gan_np.data.encoding`)."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of finished images.

        Raises:
            ValueError: the model gives vectors.
        """
        if len(self.data_shape) != 3:
            raise ValueError(f"gan: this one gives vectors of {self.data_shape[0]} numbers, images are needed here")
        height, width, channels = self.data_shape
        return height, width, channels

    @property
    @abstractmethod
    def classes(self) -> int | None:
        """Of a model conditional on labels, how many there are."""

    @property
    @abstractmethod
    def label_table(self) -> LabelTable | None:
        """The table of its labels, once training has given it."""

    @property
    @abstractmethod
    def labels(self) -> LabelTable | None:
        """`label_table`, or what is assumed without one; None for a model without labels."""

    @abstractmethod
    def learn_labels(self, labels: Array, class_names: Sequence[str] | None = None) -> Any:
        """Take labels (N,) of data, and their names, as those of this model's classes."""

    @abstractmethod
    def sample(self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True) -> Array:
        """`count` finished images of a seed, (count, H, W, C), or vectors, (count, m), on the host."""

    def sample_part(
        self,
        start: int,
        count: int,
        seed: int,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: Truncation | None = None,
    ) -> Array:
        """Samples start … start+count−1 of a seed, on the host: what `sample` and `stream` are made of.

        labels: one for all, or one for each of these. truncation: of everything that is drawn for a sample.
        """
        raise NotImplementedError(f"{type(self).__name__} has no sample_part: its samples are drawn by sample alone")

    def sample_rows(
        self,
        start: int,
        stop: int,
        seed: int,
        *,
        labels: Array | None = None,
        average: bool = True,
        truncation: Truncation | None = None,
    ) -> Array:
        """Samples start … stop−1 of a seed, to the bit as among any other number of them, except up to four alone.

        labels: those of all samples of the seed, from number 0 on, as values of the data.
        """
        size = stop - start
        whole = -(-size // ROUNDED_UP) * ROUNDED_UP
        chosen = None if labels is None else np.resize(labels[start:stop], whole)
        return self.sample_part(start, whole, seed, labels=chosen, average=average, truncation=truncation)[:size]

    def stream(
        self,
        count: int,
        seed: int = 0,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: float = 1.0,
        truncation_bound: float | None = None,
        ranks: Ranks = ALONE,
    ) -> Iterator[Array]:
        """The samples of `sample`, in parts of at most 64, so that any count of them takes the memory of one part.

        ranks: processes of which each yields every N-th part only, beginning with the one of its number.

        >>> import gan_np as gn
        >>> gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=16)
        >>> [len(images) for images in gan.stream(100, seed=1)]
        [64, 36]
        """
        integer("count", count, 1)
        changed, table = Truncation(truncation, truncation_bound), self.labels
        self._check_parts()
        if table is None and labels is not None:
            raise ValueError("labels: this model is not conditional, it takes none")
        asked = None if table is None or labels is None else np.broadcast_to(table.asked(labels), (count,))
        turns = None if table is None else table.in_turn()

        def parts() -> Iterator[Array]:
            for number, start in enumerate(range(0, count, STREAMED)):
                size = min(STREAMED, count - start)
                whole = -(-size // ROUNDED_UP) * ROUNDED_UP  # so that a sample is the same to the bit in any count
                chosen = None
                if table is not None and turns is not None:
                    part = np.fromiter(islice(turns, size), np.int64) if asked is None else asked[start : start + size]
                    chosen = table.labels_of(np.resize(part, whole))
                if number % ranks.size == ranks.rank:
                    made = self.sample_part(start, whole, seed, labels=chosen, average=average, truncation=changed)
                    yield made[:size]

        return parts()

    def of_seeds(
        self,
        seeds: Iterable[int],
        *,
        labels: Any = None,
        average: bool = True,
        truncation: float = 1.0,
        truncation_bound: float | None = None,
    ) -> Iterator[Array]:
        """The first sample of each seed, (1, H, W, C) or (1, m): that of a seed is the same whatever is beside it.

        labels: one for all; None: of a conditional model the class is drawn from the seed too, as often as the data have
        it (`label_of_seed`).

        >>> import gan_np as gn
        >>> gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=16)
        >>> [images.shape for images in gan.of_seeds([3, 7])]
        [(1, 8, 8, 1), (1, 8, 8, 1)]
        """
        changed, numbers = Truncation(truncation, truncation_bound), list(seeds)
        self._check_parts()
        for number in numbers:
            integer("seeds", number, 0)
        if self.labels is None and labels is not None:
            raise ValueError("labels: this model is not conditional, it takes none")
        if self.labels is not None and labels is not None:
            self.labels.asked(labels)
        return (
            self.sample_part(
                0,
                1,
                number,
                labels=self.label_of_seed(number) if labels is None else labels,
                average=average,
                truncation=changed,
            )
            for number in numbers
        )

    def label_of_seed(self, seed: int) -> int | None:
        """The label that a seed stands for where none is asked for: drawn from it, as often as the data have it."""
        if self.labels is None:
            return None
        shares = np.cumsum(self.labels.counts) / np.sum(self.labels.counts)
        place = int(np.searchsorted(shares, generator(seed, 0, 2).random(), side="right"))
        return self.labels.values[min(place, len(shares) - 1)]

    @property
    def draws_parts(self) -> bool:
        """True if its `sample_part` goes with its `sample`: a class that has a `sample` of its own needs both."""
        made = next(made for made in type(self).__mro__ if {"sample", "sample_part"} & set(vars(made)))
        return "sample_part" in vars(made) and made is not Model

    def _check_parts(self) -> None:
        if not self.draws_parts:
            raise ValueError(
                f"gan: {type(self).__name__} draws samples in a way of its own; for truncation, seeds and samples in parts "
                "it needs a method sample_part too"
            )

    @abstractmethod
    def decode(self, z: Array, *, labels: Any = None, average: bool = True, seed: int = 0) -> Array:
        """The images (N, H, W, C) or vectors (N, m) of points z (N, k), all else being held.

        seed: of what is drawn beside z, which is the same for all images.
        """

    @abstractmethod
    def summary(self) -> str:
        """All networks as tables."""

    @property
    def draw_steps(self) -> int:
        """In how many steps an image is drawn; 1 for a model that draws it at once."""
        return 1

    def series(self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True) -> list[Array]:
        """The samples as they are after each of `draw_steps` steps, the finished ones last: uint8 (count, H_k, W_k, C).

        Sizes of earlier steps may be smaller, by whole factors.
        """
        return [self.sample(count, seed, labels=labels, average=average)]

    def decode_series(self, z: Array, *, labels: Any = None, average: bool = True, seed: int = 0) -> list[Array]:
        """As `series`, of given points z (N, k), all else being held as in `decode`."""
        return [self.decode(z, labels=labels, average=average, seed=seed)]

    @property
    def judge(self) -> Any:
        """The GAN whose discriminator is shown finished images as they are, or None if there is none."""
        return self.stages[0] if len(self.stages) == 1 else None

    def stage_images(self, number: int, images: Array) -> Array:
        """The data that stage `number` is trained on, made of real images (N, H, W, C): as many, in the same order."""
        return images

    def stage_name(self, number: int) -> str:
        """The name of a stage, and of its folder in a run: `stage-0-8x8`."""
        shape = self.stages[number].data_shape
        return f"stage-{number}-{'x'.join(map(str, shape[:-1] or shape))}"

    def begin_stage(self, number: int) -> None:  # noqa: B027 (most models have nothing to do here)
        """Called before stage `number` takes its first step, when those before it are trained.

        Only of a model whose stages are not `independent`. A model that grows takes over weights here.
        """
