"""How far apart two sets of images are, beside how far apart two halves of one of them are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.checks import choice, integer
from gan_np.data.encoding import VectorEncoding
from gan_np.data.resize import FITS, size_of
from gan_np.metrics.frechet import frechet_distance
from gan_np.metrics.intervals import GROUPS, Estimate, jackknife
from gan_np.metrics.kernel_distance import kernel_distance
from gan_np.metrics.measure import Features
from gan_np.metrics.pixels import FeatureExtractor, PixelFeatures, VectorFeatures, features_called
from gan_np.metrics.precision_recall import NEIGHBOURS, precision_recall_density_coverage
from gan_np.metrics.pyramid import PATCH, patch_descriptors, sliced_wasserstein_of_patches
from gan_np.metrics.registered import metric_of
from gan_np.metrics.sliced import sliced_wasserstein
from gan_np.models import Classifier

from .evaluate import COUNT, SHOWN
from .kept_classifier import has_classes, kept_classifier
from .meaning import Words, meaning
from .parts import Figure, Section, Table
from .preprocessing import Preprocessing
from .readers import CLASSIFIER, PIXELS, facts_of, reader_named
from .report import Report
from .sets import ImageSet, alike, opened

POSITIVE = ("density", "frechet_distance", "sliced_wasserstein")
SHARES = ("precision", "recall", "coverage")


def compare(
    a: Any,
    b: Any,
    *,
    features: str | FeatureExtractor = PIXELS,
    preprocessing: Preprocessing | None = None,
    count: int = COUNT,
    seed: int = 0,
    neighbours: int = NEIGHBOURS,
    fit: str | None = None,
    image_size: Any = None,
    channels: int | None = None,
    value_range: Any = None,
    split: str = "train",
    skip_broken: bool = False,
    average: bool = True,
    device: str = "cpu",
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Precision, recall, density, coverage, Fréchet, kernel and sliced Wasserstein distance of two sets of images,
    each with an interval, and beside it what it is between two random halves of one set.

    a, b: a run folder or a checkpoint (samples are drawn); a name, a folder, an archive or a file that `gan_np.data.open`
        opens, images or vectors; an array, a `Dataset` or a model. The figures are of b, with a for the real ones: precision
        is the share of b's that lie among a's.
    features: "pixels"; "classifier", one that is trained on the labelled images of a or else of b and kept; the file of a
        classifier; FILE.onnx or FILE.onnx:OUTPUT, a network; or an object that makes features.
    preprocessing: what such a network is shown.
    count: how many of each, at most, drawn at random.
    seed: of what is drawn. neighbours: k of precision, recall, density and coverage.
    fit: how images of different sizes are brought to one, the smaller or `image_size`: "crop", "pad" or "stretch",
        antialiased; None refuses them. channels: of both, 1, 3 or 4.
    value_range, split, skip_broken: as in `gan_np.data.open`, for what it opens.
    average: samples from the averaged weights of a run. device: where its networks are.
    tell: is told in a sentence what will be trained before it is.

    The halves are of a, or of b if that is larger, as many in each as are compared where there are twice as many; a run
    draws as many as are wanted. Where there are fewer, the report says so: of fewer images the Fréchet and the sliced
    Wasserstein distance are larger.

    >>> images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    >>> report = compare(images[:30], images[30:], count=30)
    >>> sorted(report.to_mapping()["figures"])[:3]
    ['coverage', 'density', 'frechet_distance']

    Raises:
        ShapeError, TypeError, ValueError, FileNotFoundError: sets that cannot be opened or compared; too few images.
    """
    least = 2 * max(GROUPS, neighbours + 1)
    integer("neighbours", neighbours, 1)
    if integer("count", count, 1) < least:
        raise ValueError(f"count: expected at least {least} with {neighbours} neighbours (k), got {count}")
    size = None if image_size is None else size_of("image_size", image_size)
    if fit is not None:
        choice("fit", fit, FITS)
    reader = features if not isinstance(features, str) else reader_named(features, preprocessing, device=device)
    form = {
        "image_size": size,
        "fit": fit,
        "channels": channels,
        "value_range": value_range,
        "split": split,
        "skip_broken": skip_broken or None,
    }
    sets = [opened(given, name, average=average, device=device, form=form) for name, given in (("a", a), ("b", b))]
    first, second = alike(*sets, size=size, fit=fit, channels=channels)
    amount = min(count, len(first), len(second))
    if amount < least:
        smaller = min((first, second), key=len)
        raise ValueError(f"count: expected at least {least} of each, {smaller.name} has {len(smaller):,}")
    larger = first if len(first) >= len(second) or len(first) >= 2 * amount else second
    half = min(amount, len(larger) // 2)
    if reader is None:
        reader = _reader(features, first, second, seed, amount, device, tell)
    if isinstance(reader, Classifier):
        reader.extractor_for(first.shape)
    views = [_view(one, 0, amount, reader, seed) for one in (first, second)]
    halves = [
        views[0] if larger is first and half == amount else _view(larger, 0, half, reader, seed),
        _view(larger, half, 2 * half, reader, seed),
    ]
    found = _estimates(views[0], views[1], neighbours, seed)
    floor = _estimates(halves[0], halves[1], neighbours, seed) if half >= least else {}
    report = Report(
        f"{second.name} compared with {first.name}",
        {
            "a": f"{first.name}: {first.said}",
            "b": f"{second.name}: {second.said}",
            "compared": f"{amount:,} of each, seed {seed}, as {first.described}",
            **facts_of(reader),
            "k": neighbours,
            "halves": f"two times {half:,} of {larger.name}" if floor else "none: there are too few for two halves",
        },
    )
    report.add(_section(found, floor, reader, larger, amount, half))
    if len(first.shape) == 3:
        report.add(_images(first, second, min(SHOWN, amount), seed))
    return report


def _reader(
    features: Any,
    first: ImageSet,
    second: ImageSet,
    seed: int,
    amount: int,
    device: str,
    tell: Callable[[str], None] | None,
) -> FeatureExtractor:
    """Pixels or columns of these sets, or the classifier of one of them."""
    if features == CLASSIFIER:
        labelled = [found for one in (first, second) if (found := one.labelled) is not None and has_classes(found)]
        if not labelled:
            raise ValueError(
                "features: a classifier needs labelled images, and neither a nor b has labels; give one's file (gan-np "
                "train-classifier), a network FILE.onnx, or pixels"
            )
        made, _ = kept_classifier(labelled[0], device=device, progress=tell is not None, tell=tell)
        return made
    if len(first.shape) == 3:
        height, width, channels = first.shape
        return PixelFeatures((height, width, channels))
    rows = np.concatenate(list(first.chunks(0, amount, seed)))
    return VectorFeatures(VectorEncoding(first.shape[0]).learned(rows))


def _view(one: ImageSet, first: int, last: int, reader: FeatureExtractor, seed: int) -> Features:
    """The features and patches, which figures are computed from, of the images first…last − 1 of a set, made a chunk at a
    time."""
    features: list[Array] = []
    levels: list[list[Array]] = []
    patches = len(one.shape) == 3 and min(one.shape[:2]) >= PATCH
    places = generator(seed, 3)
    for images in one.chunks(first, last, seed):
        features.append(reader.extract(images)[0])
        if patches:
            levels.append(patch_descriptors(images, seed=int(places.integers(1 << 31))))
    descriptors = tuple(np.concatenate(parts) for parts in zip(*levels, strict=True))
    sides = tuple((one.shape[0] >> level, one.shape[1] >> level) for level in range(len(descriptors)))
    return Features(np.concatenate(features), None, descriptors, sides)


def _estimates(one: Features, other: Features, neighbours: int, seed: int) -> dict[str, Estimate]:
    """The figures with their intervals."""

    def of(rows: Array, other_rows: Array) -> dict[str, float]:
        return _figures(one.take(rows), other.take(other_rows), neighbours)

    levels = [f"sliced_wasserstein_{height}x{width}" for height, width in one.sides]
    sizes = len(one), len(other)
    return jackknife(of, sizes, shares=SHARES, positive=(*POSITIVE, *levels), seed=seed)


def _figures(one: Features, other: Features, neighbours: int) -> dict[str, float]:
    shares = precision_recall_density_coverage(one.features, other.features, neighbours=neighbours)
    found: dict[str, float] = {
        **shares._asdict(),
        "frechet_distance": frechet_distance(one.features, other.features),
        "kernel_distance": kernel_distance(one.features, other.features),
    }
    if not one.descriptors:
        return found | {"sliced_wasserstein": sliced_wasserstein(one.features, other.features)}
    return found | {
        f"sliced_wasserstein_{height}x{width}": sliced_wasserstein_of_patches(
            part, others, channels=part.shape[2] // PATCH**2
        )
        for (height, width), part, others in zip(one.sides, one.descriptors, other.descriptors, strict=True)
    }


def _section(
    found: dict[str, Estimate],
    floor: dict[str, Estimate],
    reader: FeatureExtractor,
    larger: ImageSet,
    amount: int,
    half: int,
) -> Section:
    things = "vectors" if len(larger.shape) == 1 else "images"
    halves = f"two halves of {larger.name} are from each other"
    said = meaning(
        found,
        floor,
        Words(
            worse=f"b is farther from a than {halves}",
            alike=f"b is not surely farther from a than {halves}",
            better=f"b is nearer to a than {halves}, as copies are",
            other="that of the halves",
        ),
        things=things,
    )
    rows = [
        (
            "sliced Wasserstein distance" if key == "sliced_wasserstein" else metric_of(key).short,
            *_with_interval(estimate),
            *_with_interval(floor.get(key)),
        )
        for key, estimate in found.items()
    ]
    smaller = (
        f" Each half has {half:,} {things}, fewer than the {amount:,} that are compared: the Fréchet and the sliced "
        "Wasserstein distance of the halves are too large by that."
        if floor and half < amount
        else ""
    )
    text = (
        f"{said}\n\n"
        f"The figures are of b, with a for the real {things}; distances are on {features_called(reader)}. In brackets 95 % "
        f"intervals over the {things} drawn (delete-a-group jackknife). “Halves”: the same between two random halves of "
        f"{larger.name}, that is, what equal sets have.{smaller}"
    )
    heads = ("figure", "a and b", "95 % interval", "halves", "95 % interval")
    data = {
        key: estimate.to_mapping()
        | {
            "title": metric_of(key).titled(features_called(reader)),
            "halves": floor[key].to_mapping() if key in floor else None,
        }
        for key, estimate in found.items()
    }
    table = Table(heads, tuple(rows), numbers=(1, 2, 3, 4), optional=(4,), note=smaller.strip())
    return Section("figures", "Figures", text.strip(), tables=(table,), data=data, short=said)


def _with_interval(estimate: Estimate | None) -> tuple[str, str]:
    value, _, interval = ("" if estimate is None else str(estimate)).partition(" ")
    return value, interval


def _images(first: ImageSet, second: ImageSet, count: int, seed: int) -> Section:
    figures = [
        Figure.of(np.concatenate(list(one.chunks(0, count, seed))), f"{name}: {count} of {one.name}; none picked")
        for name, one in (("a", first), ("b", second))
    ]
    return Section("images", "Images", figures=tuple(figures))
