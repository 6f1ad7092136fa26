"""The figures of a run without their intervals: what `evaluate` has, for a twentieth of its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gan_np.checks import integer
from gan_np.metrics.measure import compute_metrics, extract_features, features_of_samples
from gan_np.models import Classifier

from .evaluate import LEAST, Real, extractor_of, table_of
from .readers import CLASSIFIER, PIXELS, facts_of, reader_named
from .runs import Run


class RunMeasured(NamedTuple):
    """figures: by key, as `gan-np evaluate` has them. facts: what was measured on what, by name.

    by_network: whether features are those of a classifier or another network; otherwise they are pixels, or the data
    themselves.
    """

    figures: dict[str, float]
    facts: dict[str, str]
    by_network: bool


def measure_run(
    run: str | Path,
    *,
    count: int,
    features: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = False,
    tell: Callable[[str], None] | None = None,
) -> RunMeasured:
    """The figures of a run's newest checkpoint, the same numbers as those of `evaluate_run`.

    The arguments are as there. Writes nothing but the classifier.

    Raises:
        FileNotFoundError, ValueError: as there.
    """
    integer("count", count, LEAST)
    named = reader_named(features, device=device)
    opened = Run.open(run)
    gan = opened.gan(None, device)
    if named is None and features != PIXELS:
        asked = features == CLASSIFIER
        named = opened.classifier(None, device=device, progress=progress, tell=tell, asked=asked)
    reader = extractor_of(gan, named) if named is None or isinstance(named, Classifier) else named
    real = Real.choose(opened.train.data, None if opened.test is None else opened.test.data, count, seed)
    size = len(real.reference)
    table = table_of(gan, opened.train.labels, opened.train.class_names, gan.classes is not None)
    samples, _ = features_of_samples(gan, size, reader, seed, table=table)
    figures = compute_metrics(extract_features(real.reference, reader, seed=seed), samples)
    said = {"samples": f"{size:,} of seed {seed}", "compared with": real.said}
    return RunMeasured(figures, said | {name: str(fact) for name, fact in facts_of(reader).items()}, named is not None)
