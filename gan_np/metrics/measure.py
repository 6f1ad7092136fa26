"""All figures of one set of images beside a set of real ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError
from gan_np.data.labels import LabelTable
from gan_np.models import Classifier

from . import classes
from .catalogue import METRICS, metric_of, sliced_key
from .frechet import frechet_distance
from .intervals import Estimate, jackknife
from .kernel_distance import kernel_distance
from .pixels import FeatureExtractor
from .precision_recall import precision_recall_density_coverage
from .pyramid import PATCH, PATCHES, patch_descriptors, sliced_wasserstein_of_patches
from .vendi import vendi_score


@dataclass(frozen=True)
class Features:
    """What the metrics read of a set of images, row for row.

    features: (N, F); probabilities: (N, classes) or None; descriptors: patches of each level of the pyramids, finest first.
    labels: the class of each image, or the one that was asked for, as a classifier numbers it; None if there is none.
    """

    features: Array
    probabilities: Array | None
    descriptors: tuple[Array, ...]
    sides: tuple[tuple[int, int], ...]
    labels: Array | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Array) -> Features:
        """Some of the images."""
        return dataclasses.replace(
            self,
            features=self.features[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            descriptors=tuple(part[rows] for part in self.descriptors),
            labels=None if self.labels is None else self.labels[rows],
        )


def extract_features(
    images: Array, reader: FeatureExtractor, labels: Array | None = None, *, patches: int = PATCHES, seed: int = 0
) -> Features:
    """A view of images (N, H, W, C) or vectors (N, m). Vectors, and images smaller than a patch, have no descriptors."""
    features, probabilities = reader.extract(images)
    height, width = images.shape[1:3] if images.ndim == 4 else (0, 0)
    descriptors = patch_descriptors(images, patches=patches, seed=seed) if min(height, width) >= PATCH else []
    sides = tuple((height >> level, width >> level) for level in range(len(descriptors)))
    return Features(features, probabilities, tuple(descriptors), sides, labels)


class Sampler(Protocol):
    """What samples are drawn from: any model of `gan_np.models`."""

    @property
    def data_shape(self) -> tuple[int, ...]: ...

    @property
    def classes(self) -> int | None: ...

    def sample(self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True) -> Array: ...


def features_of_samples(
    gan: Sampler,
    count: int,
    reader: FeatureExtractor,
    seed: int,
    *,
    average: bool = True,
    table: LabelTable | None = None,
) -> tuple[Features, Array]:
    """A view of `count` samples and the samples; of a conditional model with labels as frequent as in its training data.

    table: what those labels are, of a model that does not know.
    """
    if gan.classes is None:
        samples = gan.sample(count, seed, average=average)
        return extract_features(samples, reader, seed=seed), samples
    known = getattr(gan, "label_table", None) or table or LabelTable.equal(gan.classes)
    asked = known.labels_of(known.drawn(count))
    samples = gan.sample(count, seed, labels=asked, average=average)
    return extract_features(samples, reader, classes_read(reader, known, asked), seed=seed), samples


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
    """Every figure that these views allow, by key of the catalogue; as many images in each."""
    if len(real) != len(other):
        raise ShapeError(f"other: expected as many images as real, {len(real)}, got {len(other)}")
    found: dict[str, float] = precision_recall_density_coverage(real.features, other.features)._asdict()
    found["frechet_distance"] = frechet_distance(real.features, other.features)
    found["kernel_distance"] = kernel_distance(real.features, other.features)
    found["vendi_score"] = vendi_score(other.features)
    for sides, one, two in zip(real.sides, real.descriptors, other.descriptors, strict=True):
        found[sliced_key(*sides)] = sliced_wasserstein_of_patches(one, two, channels=one.shape[2] // PATCH**2)
    if other.probabilities is not None and real.probabilities is not None:
        shares, of_real = classes.class_shares(other.probabilities), classes.class_shares(real.probabilities)
        found["recognised"] = classes.recognised_share(other.probabilities)
        found["classifier_score"] = classes.classifier_score(other.probabilities)
        found["classes_covered"] = float(classes.classes_covered(shares, of_real))
        found["effective_classes"] = classes.effective_classes(shares)
        if other.labels is not None:
            found["accuracy"] = classes.classification_accuracy(other.probabilities.argmax(axis=1), other.labels)
    return found


def estimate_metrics(real: Features, other: Features, *, seed: int = 0) -> dict[str, Estimate]:
    """`compute_metrics`, each with its interval."""

    def of(rows: Array, other_rows: Array) -> dict[str, float]:
        return compute_metrics(real.take(rows), other.take(other_rows))

    metrics = [*METRICS, *(metric_of(sliced_key(*sides)) for sides in real.sides)]
    return jackknife(
        of,
        (len(real), len(other)),
        shares=[metric.key for metric in metrics if metric.share],
        positive=[metric.key for metric in metrics if metric.positive],
        seed=seed,
    )


def shown_classes(view: Features) -> Array | None:
    """Share of images of each class, as the classifier sees them; None without one."""
    return None if view.probabilities is None else np.asarray(classes.class_shares(view.probabilities))
