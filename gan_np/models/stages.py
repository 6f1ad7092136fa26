"""Models of several stages: GANs that are trained one by one and draw images together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gan_np.arrays import Array
from gan_np.checks import integer, shown
from gan_np.data.encoding import Encoding
from gan_np.data.labels import LabelTable
from gan_np.registry import attributes_of

from .gan import GAN, MOST_SAMPLES
from .model import Model
from .truncation import Truncation


class Stages(Model):
    """A base for models of several stages; a subclass says how images come from them (`decode`).

    stages: the GANs, in the order in which they are trained.

    Registered with `@gan_np.models.register()`, it is trained with `gn.train` into a run folder, which has one for each
    stage, and opened again. Arguments of its constructor beside `stages` are its structure: plain values, kept as
    attributes of their names. What is said here holds for a model whose last stage draws the finished images and whose
    stages are all conditional, or none; see `gan_np.models.model.Model` for what else may be said.

    >>> import gan_np as gn, numpy as np
    >>> class Mean(gn.models.Stages):
    ...     '''Two GANs that are trained on the same images; a sample is the mean of what both draw from one z.'''
    ...     def decode(self, z, *, labels=None, average=True, seed=0):
    ...         drawn = [stage.decode(z, average=average) for stage in self.stages]
    ...         return np.mean(drawn, axis=0).astype(np.uint8)
    >>> made = Mean([gn.models.dense_gan((2, 2, 1), 3, hidden=4, seed=seed) for seed in (0, 1)])
    >>> trainer = gn.train(made, np.zeros((8, 2, 2, 1), np.uint8), steps=1, batch_size=4, progress=False)
    >>> made.sample(5).shape
    (5, 2, 2, 1)

    Raises:
        TypeError, ValueError: not two GANs or more.
    """

    def __init__(self, stages: Iterable[GAN]) -> None:
        self._stages = tuple(stages)
        self.recipe: dict[str, Any] = {}
        for stage in self._stages:
            if not isinstance(stage, GAN):
                raise TypeError(f"stages: expected GANs, got {shown(stage)}")
        if len(self._stages) < 2:
            raise ValueError(f"stages: expected at least two, got {len(self._stages)}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(map(self.stage_name, range(len(self.stages))))}>"

    def arguments(self) -> dict[str, Any]:
        """Its structure: the constructor's arguments without the stages, which have checkpoints of their own."""
        return {name: value for name, value in attributes_of(self).items() if name != "stages"}

    def with_stages(self, stages: Iterable[GAN]) -> Stages:
        """The same model of other stages."""
        made = type(self)(stages=tuple(stages), **self.arguments())
        made.recipe = self.recipe
        return made

    @property
    def stages(self) -> tuple[GAN, ...]:
        """The GANs, in the order in which they are trained."""
        return self._stages

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Of the last stage."""
        return self.stages[-1].data_shape

    @property
    def encoding(self) -> Encoding:
        """Of the last stage."""
        return self.stages[-1].encoding

    @property
    def classes(self) -> int | None:
        """Of the first stage, as all that is said of labels."""
        return self.stages[0].classes

    @property
    def label_table(self) -> LabelTable | None:
        """See the property or method of this name of `GAN`."""
        return self.stages[0].label_table

    @property
    def labels(self) -> LabelTable | None:
        """See the property or method of this name of `GAN`."""
        return self.stages[0].labels

    def learn_labels(self, labels: Array, class_names: Sequence[str] | None = None) -> None:
        """As in `GAN`, at every stage that is conditional on labels."""
        for stage in self.stages:
            if stage.classes is not None:
                stage.learn_labels(labels, class_names)

    def chosen_labels(self, labels: Any, count: int) -> Array | None:
        """See the property or method of this name of `GAN`."""
        return self.stages[0].chosen_labels(labels, count)

    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: float = 1.0,
        truncation_bound: float | None = None,
    ) -> Array:
        """The images of the first stage's z of a seed; what is drawn beside z is that of the same seed. Truncation as in
        `GAN.sample`."""
        integer("count", count, 1, MOST_SAMPLES)
        changed = Truncation(truncation, truncation_bound)
        return self.sample_part(0, count, seed, labels=labels, average=average, truncation=changed)

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
        """As in `Model`."""
        first = self.stages[0]
        z = first.prior.of_seed(seed, count, first.generator.dtype, start=start, truncation=truncation)
        return self.decode(z, labels=labels, average=average, seed=seed)

    def _repr_html_(self) -> str:
        return "".join(stage._repr_html_() for stage in self.stages)

    def summary(self) -> str:
        """The networks of every stage as tables."""
        return "\n\n".join(f"{self.stage_name(k)}\n{stage.summary()}" for k, stage in enumerate(self.stages))
