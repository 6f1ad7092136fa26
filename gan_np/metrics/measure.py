"""All figures of one set of images beside a set of real ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.data.labels import LabelTable
from gan_np.models import Classifier, Model
from gan_np.models.classifier import BATCH
from gan_np.models.model import STREAMED
from gan_np.ranks import ALONE, Ranks

from . import classes
from .intervals import Estimate, jackknife
from .pixels import FeatureExtractor
from .pyramid import PATCH, PATCHES, patch_descriptors
from .registered import Metric, figures_of, metric_of


@dataclass(frozen=True)
class Features:
    """What the metrics read of a set of images, row for row.

    features: (N, F); probabilities: (N, classes) or None; descriptors: patches of each level of the pyramids, finest first.
    labels: the class of each image, or the one that was asked for, as a classifier numbers it; None if there is none.
    whole, rows: the images that these are some of, and which of them; None for all.
    """

    features: Array
    probabilities: Array | None
    descriptors: tuple[Array, ...]
    sides: tuple[tuple[int, int], ...]
    labels: Array | None = None
    whole: Array | None = None
    rows: Array | None = None

    @property
    def images(self) -> Array:
        """The images themselves, (N, H, W, C).

        Raises:
            ValueError: they were not kept.
        """
        if self.whole is None:
            raise ValueError("images: these features were made without their images")
        return self.whole if self.rows is None else self.whole[self.rows]

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Array) -> Features:
        """Return the features of some of the images."""
        return dataclasses.replace(
            self,
            features=self.features[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            descriptors=tuple(part[rows] for part in self.descriptors),
            labels=None if self.labels is None else self.labels[rows],
            rows=rows if self.rows is None else self.rows[rows],
        )


def extract_features(
    images: Array,
    reader: FeatureExtractor,
    labels: Array | None = None,
    *,
    patches: int = PATCHES,
    seed: int = 0,
    ranks: Ranks = ALONE,
) -> Features:
    """A view of images (N, H, W, C) or vectors (N, m). Vectors, and images smaller than a patch, have no descriptors.

    ranks: processes that read a part each; all have all images, and get the features of all.
    """

    def own(rows: slice) -> tuple[Array, ...]:
        read, probabilities = reader.extract(images[rows])
        return (read,) if probabilities is None else (read, probabilities)

    features, *others = ranks.by_shares(own, len(images), BATCH)
    probabilities = others[0] if others else None
    height, width = images.shape[1:3] if images.ndim == 4 else (0, 0)
    descriptors = patch_descriptors(images, patches=patches, seed=seed) if min(height, width) >= PATCH else []
    sides = tuple((height >> level, width >> level) for level in range(len(descriptors)))
    return Features(features, probabilities, tuple(descriptors), sides, labels, images)


class Sampler(Protocol):
    """What samples are drawn from: any model of `gan_np.models`."""

    @property
    def data_shape(self) -> tuple[int, ...]: ...

    @property
    def classes(self) -> int | None: ...

    def sample(self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True) -> Array: ...


def draw_samples(
    gan: Sampler, count: int, seed: int, *, labels: Array | None = None, average: bool = True, ranks: Ranks = ALONE
) -> Array:
    """`gan.sample(count, seed, …)`, of which each of several ranks draws a part and all get all.

    labels: one for each. A model with a `sample` of its own and no `sample_part` is sampled whole on each rank.
    """
    if ranks.size == 1 or not isinstance(gan, Model) or not gan.draws_parts:
        more = {} if labels is None else {"labels": labels}
        return gan.sample(count, seed, average=average, **more)

    def drawn(rows: slice) -> tuple[Array, ...]:
        return (gan.sample_rows(rows.start, rows.stop, seed, labels=labels, average=average),)

    (samples,) = ranks.by_shares(drawn, count, STREAMED)
    return samples


def features_of_samples(
    gan: Sampler,
    count: int,
    reader: FeatureExtractor,
    seed: int,
    *,
    average: bool = True,
    table: LabelTable | None = None,
    ranks: Ranks = ALONE,
) -> tuple[Features, Array]:
    """A view of `count` samples and the samples; of a conditional model with labels as frequent as in its training data.

    table: what those labels are, of a model that does not know. ranks: processes that draw and read a part each.
    """
    if gan.classes is None:
        samples = draw_samples(gan, count, seed, average=average, ranks=ranks)
        return extract_features(samples, reader, seed=seed, ranks=ranks), samples
    known = getattr(gan, "label_table", None) or table or LabelTable.equal(gan.classes)
    asked = known.labels_of(known.drawn(count))
    samples = draw_samples(gan, count, seed, labels=asked, average=average, ranks=ranks)
    return extract_features(samples, reader, classes_read(reader, known, asked), seed=seed, ranks=ranks), samples


def classes_read(reader: FeatureExtractor, table: LabelTable, labels: Array | None) -> Array | None:
    """The classes that a classifier should find for labels: those of the same names, or of the same numbers where names
    differ and there are as many; None where it cannot be told, or the reader is no classifier."""
    if labels is None or not isinstance(reader, Classifier) or not set(labels.tolist()) <= set(table.values):
        return None
    own, numbers = reader.names(), table.classes_of(labels)
    if set(table.names) <= set(own):
        found: Array = np.array([own.index(name) for name in table.names])[numbers]
        return found
    return numbers if len(own) == len(table) else None


def compute_metrics(real: Features, other: Features) -> dict[str, float]:
    """Every registered figure that these views allow, by key, in the order of the registry; as many images in each."""
    if len(real) != len(other):
        raise ShapeError(f"other: expected as many images as real, {len(real)}, got {len(other)}")
    return figures_of(real, other)


def estimate_metrics(real: Features, other: Features, *, seed: int = 0, ranks: Ranks = ALONE) -> dict[str, Estimate]:
    """`compute_metrics`, each with its interval. ranks: processes that share the parts of which the intervals are made."""

    def of(rows: Array, other_rows: Array) -> dict[str, float]:
        return compute_metrics(real.take(rows), other.take(other_rows))

    shares, positive = _Keys(lambda metric: metric.share), _Keys(lambda metric: metric.positive)
    return jackknife(of, (len(real), len(other)), shares=shares, positive=positive, seed=seed, ranks=ranks)


class _Keys(Container[str]):
    """Keys of figures of which something holds: which there are is known only when they are computed."""

    def __init__(self, holds: Callable[[Metric], bool]) -> None:
        self._holds = holds

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._holds(metric_of(key))


def shown_classes(view: Features) -> Array | None:
    """Share of images of each class, as the classifier sees them; None without one."""
    return None if view.probabilities is None else np.asarray(classes.class_shares(view.probabilities))
