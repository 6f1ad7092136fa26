"""What every model is: trained stage by stage, opened, shown and sampled through one protocol.

A stage is a GAN that Algorithm 1 trains. A `GAN` is a model of one stage, itself; a model of several (`Stages`) says here
what each of them is trained on and how images come from all of them together. Whoever trains, opens, shows or measures a
model asks these questions and never for its class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gan_np.arrays import Array
from gan_np.data.encoding import Encoding
from gan_np.data.labels import LabelTable


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
        """How the data, and so samples, are encoded (`gan_np.data.encoding`)."""

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
        """What its labels are, once training has said it."""

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

    @property
    def judge(self) -> Any:
        """The GAN whose discriminator is shown finished images as they are, or None if there is none."""
        return self.stages[0] if len(self.stages) == 1 else None

    def stage_images(self, number: int, images: Array) -> Array:
        """What stage `number` is trained on, of real images (N, H, W, C): as many, in the same order."""
        return images

    def stage_name(self, number: int) -> str:
        """What a stage is called, and its folder in a run: `stage-0-8x8`."""
        shape = self.stages[number].data_shape
        return f"stage-{number}-{'x'.join(map(str, shape[:-1] or shape))}"

    def begin_stage(self, number: int) -> None:  # noqa: B027 (most models have nothing to do here)
        """Called before stage `number` takes its first step, when those before it are trained.

        Only of a model whose stages are not `independent`. A model that grows takes over weights here.
        """
