"""Is it good? A generator's samples beside real images, as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gan_np.arrays import Array, generator
from gan_np.checks import ShapeError, as_array, integer
from gan_np.data.dataset import check_labels
from gan_np.data.extent import check_unit
from gan_np.data.labels import LabelTable
from gan_np.metrics.intervals import GROUPS, Estimate
from gan_np.metrics.measure import (
    Features,
    Sampler,
    classes_read,
    estimate_metrics,
    extract_features,
    features_of_samples,
    shown_classes,
)
from gan_np.metrics.pixels import FeatureExtractor, features_called, plain_features
from gan_np.metrics.precision_recall import NEIGHBOURS
from gan_np.metrics.registered import metric_of
from gan_np.models import Classifier
from gan_np.ranks import ALONE, Ranks
from gan_np.runs.sample_images import draw_vectors

from .meaning import Words, meaning
from .parts import Bars, Figure, Section, Table
from .readers import facts_of
from .report import Report

COUNT = 5000
LEAST = max(2 * GROUPS, 2 * NEIGHBOURS + 2)
SHOWN = 64
_SEED_OF_REAL = 1 << 29


@dataclass(frozen=True)
class Real:
    """Real images of two disjoint sets: what samples are compared with, and what stands for a perfect generator.

    reference, baseline: as many uint8 images each; their labels where they are known; said: what they are, in words.
    """

    reference: Array
    baseline: Array
    said: str
    reference_labels: Array | None = None
    baseline_labels: Array | None = None

    @classmethod
    def choose(
        cls,
        train: Array,
        test: Array | None,
        count: int,
        seed: int = 0,
        *,
        train_labels: Array | None = None,
        test_labels: Array | None = None,
    ) -> Real:
        """A seeded draw: reference from the test images and baseline from the training images; without test images
        both from the training images, which share none. At most `count` each, and as many as there are; in random
        order, since data sets often lie sorted by class.

        Raises:
            ValueError: too few images.
        """
        rng = generator(seed, _SEED_OF_REAL)
        first, second = (rng.permutation(len(part)) for part in (train, train if test is None else test))
        if test is None:
            size = min(count, len(train) // 2)
            baseline, reference = first[:size], first[size : 2 * size]
            test, test_labels, said = (
                train,
                train_labels,
                f"training {_plural(train)} (there are no test {_plural(train)})",
            )
        else:
            size = min(count, len(train), len(test))
            baseline, reference, said = first[:size], second[:size], f"test {_plural(train)}"
        if size < LEAST:
            raise ValueError(
                f"real {_plural(train)}: expected at least {LEAST} of each of two disjoint sets, got {size}"
            )
        return cls(
            test[reference],
            train[baseline],
            f"{size:,} {said}",
            None if test_labels is None else test_labels[reference],
            None if train_labels is None else train_labels[baseline],
        )


def evaluate(
    gan: Sampler,
    images: Array,
    labels: Array | None = None,
    *,
    test: tuple[Array, Array | None] | Array | None = None,
    class_names: Sequence[str] | None = None,
    classifier: Classifier | None = None,
    features: FeatureExtractor | None = None,
    count: int = COUNT,
    seed: int = 0,
    average: bool = True,
    title: str = "Evaluation",
    facts: dict[str, Any] | None = None,
    ranks: Ranks = ALONE,
) -> Report:
    """Measure how good a gan's samples are beside real images: every registered figure, with its interval, in a report.

    gan: any model with `sample`.
    images, labels: the images (N, H, W, C) or vectors (N, m) that it was trained on, and their labels if known.
    class_names: the name of the class with label k at position k; they match labels with the classes of a classifier.
    test: images that it was not trained on, or (images, labels), to compare with. Without them one half of the training
        images is compared with, and the other half stands for real images.
    classifier: a classifier (`gn.train_classifier`), by whose features images are compared and by whose classes samples are
        recognised. None compares pixels, which say much less.
    features: something else that reads features, in place of the classifier: a network of an ONNX file (`OnnxFeatures`),
        say, or pixels.
    count: how many samples are drawn and how many real images of each set are used, if there are as many.
    seed: the seed of the samples and of the choice of real images.
    average: whether samples are drawn from the averaged weights.
    title: the heading of the report.
    facts: further lines of the report, by name.
    ranks: processes that were all given the same: each draws and reads a part, all get the same report as one process.

    Beside each figure stands the same figure of real training images, compared with the same test images and as many of
    them: it is what a perfect generator, or one that replays its training set, would have.

    >>> import numpy as np, gan_np as gn
    >>> gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    >>> report = gn.evaluation.evaluate(gan, images, count=30)
    >>> report.to_mapping()["figures"]["recall"]["value"]
    0.0

    Raises:
        ShapeError, TypeError, ValueError: images that do not fit the gan or the classifier; too few of them.
    """
    integer("count", count, LEAST)
    test_images, test_labels = test if isinstance(test, tuple) else (test, None)
    images = as_array("images", images)
    test_images = None if test_images is None else as_array("test", test_images)
    labels, test_labels = (None if given is None else as_array("labels", given) for given in (labels, test_labels))
    _check(gan, images, labels, "images")
    if test_images is not None:
        _check(gan, test_images, test_labels, "test")
    reader = features or extractor_of(gan, classifier)
    classifier = reader if isinstance(reader, Classifier) else None
    real = Real.choose(images, test_images, count, seed, train_labels=labels, test_labels=test_labels)
    size = len(real.reference)
    table = table_of(gan, labels, class_names, classifier is not None or gan.classes is not None)
    of_samples, samples = features_of_samples(gan, size, reader, seed, average=average, table=table, ranks=ranks)
    of_baseline = _read(reader, table, real.baseline_labels)
    views = {
        "reference": extract_features(real.reference, reader, seed=seed, ranks=ranks),
        "baseline": extract_features(real.baseline, reader, of_baseline, seed=seed, ranks=ranks),
        "samples": of_samples,
    }
    found = {
        name: estimate_metrics(views["reference"], views[name], seed=seed, ranks=ranks)
        for name in ("samples", "baseline")
    }
    report = Report(title, {**(facts or {}), **_facts(reader, real, size, seed)})
    report.add(_figures(found["samples"], found["baseline"], reader, _things(gan)))
    if classifier is not None:
        report.add(_classes(classifier, views))
    shown = min(SHOWN, size)
    if samples.ndim == 4:
        figures: tuple[Figure, ...] = (
            Figure.of(samples[:shown], f"The first {shown} samples of seed {seed}; none picked"),
            Figure.of(real.reference[:shown], f"{shown} real images"),
        )
        report.add(Section("images", "Samples and real images", figures=figures))
    elif (drawn := draw_vectors(samples, real.reference)) is not None:
        caption = f"Samples of seed {seed}, none picked (blue), over real ones (grey)"
        report.add(Section("samples", "Samples and real data", figures=(Figure.file(drawn, caption),)))
    return report


def table_of(gan: Any, labels: Array | None, class_names: Any, wanted: bool) -> LabelTable | None:
    """The labels that a generator was trained with; if it does not know them, and they are wanted, those of its data."""
    table: LabelTable | None = getattr(gan, "label_table", None)
    return LabelTable.of(labels, class_names, gan.classes) if table is None and labels is not None and wanted else table


def extractor_of(gan: Sampler, classifier: Classifier | None) -> FeatureExtractor:
    """The classifier, or pixels without one.

    Raises:
        ShapeError: the classifier reads other images.
    """
    if classifier is None:
        return plain_features(gan)
    return classifier.extractor_for(gan.data_shape)


def _read(reader: FeatureExtractor, table: LabelTable | None, labels: Array | None) -> Array | None:
    return None if table is None else classes_read(reader, table, labels)


def _check(gan: Sampler, images: Array, labels: Array | None, name: str) -> None:
    kinds = ("float32", "float64") if len(gan.data_shape) == 1 else ("uint8", "float32", "float64")
    if str(images.dtype) not in kinds or images.shape[1:] != gan.data_shape:
        raise ShapeError(
            f"{name}: expected {' or '.join(kinds)} (N, {', '.join(map(str, gan.data_shape))}), got {images.dtype} "
            f"{images.shape}"
        )
    if len(gan.data_shape) == 3:
        check_unit(images, name)
    if labels is not None:
        check_labels(labels, len(images), f"{name} labels")


def _facts(reader: FeatureExtractor, real: Real, size: int, seed: int) -> dict[str, Any]:
    return {"samples": f"{size:,} of seed {seed}", "compared with": real.said, **facts_of(reader)}


def _plural(data: Array) -> str:
    """The plural word for such data: images or vectors."""
    return "vectors" if data.ndim == 2 else "images"


def _things(gan: Sampler) -> str:
    return "vectors" if len(gan.data_shape) == 1 else "images"


def _figures(
    samples: dict[str, Estimate], real: dict[str, Estimate], reader: FeatureExtractor, things: str = "images"
) -> Section:
    rows, size = [], next(iter(samples.values())).sizes[0]
    for key, estimate in samples.items():
        metric = metric_of(key)
        rows.append((metric.short, *_with_interval(estimate), *_with_interval(real.get(key)), metric.better))
    words = Words(
        worse=f"the samples are worse than real {things}",
        alike=f"the samples cannot be told from real {things}",
        better=f"the samples are nearer than other real {things} are, as copies would be",
        other=f"that of real {things}",
    )
    said = meaning(samples, real, words, things=things)
    text = (
        f"{said}\n\n"
        f"In brackets 95 % intervals over the {things} drawn (delete-a-group jackknife); they do not cover other trainings, "
        f"nor the bias of a distance at this number of {things}.\n\n"
        f"“Real {things}” are training {things} in the place of the samples: what a perfect generator would have. So would "
        "one that replays its training set: these figures cannot tell the two apart."
    )
    heads = ("figure", "samples", "95 % interval", f"real\n{things}", "95 % interval", "better")
    note = _too_few(list(samples), size, things)
    table = Table(heads, tuple(rows), numbers=(1, 2, 3, 4), optional=(4, 5), note=note)
    data = {
        key: estimate.to_mapping()
        | {
            "title": metric_of(key).titled(features_called(reader)),
            "better": metric_of(key).better,
            "needs": metric_of(key).enough,
            "source": metric_of(key).source,
            "real": real[key].to_mapping() if key in real else None,
        }
        for key, estimate in samples.items()
    }
    return Section("figures", "Figures", text, tables=(table,), data=data, short=said)


def _with_interval(estimate: Estimate | None) -> tuple[str, str]:
    value, _, interval = ("" if estimate is None else str(estimate)).partition(" ")
    return value, interval


def _too_few(keys: list[str], size: int, things: str = "images") -> str:
    """Name the figures that are rough at this number of images (or other things), in one sentence; empty if none is."""
    needs: dict[int, list[str]] = {}
    for metric in map(metric_of, keys):
        if size < metric.enough:
            needs.setdefault(metric.enough, []).append(metric.short)
    groups = [f"{enough:,} for {', '.join(needs[enough])}" for enough in sorted(needs)]
    return f"{size:,} {things} of each set are too few to be exact; wanted: {'; '.join(groups)}." if groups else ""


def _classes(classifier: Classifier, views: dict[str, Features]) -> Section:
    names = classifier.names()
    series = {}
    for title, view in (("samples", views["samples"]), ("real images", views["reference"])):
        shares = shown_classes(view)
        assert shares is not None
        series[title] = tuple(map(float, shares))
    data = {"names": list(names), **{title.replace(" ", "_"): list(values) for title, values in series.items()}}
    text = "How often each class is the likeliest, as the classifier sees it."
    return Section("classes", "Classes", text, bars=(Bars(names, series),), data=data)
