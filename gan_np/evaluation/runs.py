"""Evaluating run folders: what is read from one, what is written beside it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gan_np.checks import ShapeError, integer
from gan_np.data.dataset import Dataset
from gan_np.files import open_image
from gan_np.metrics.measure import compute_metrics, extract_features, features_of_samples
from gan_np.metrics.pixels import FeatureExtractor
from gan_np.metrics.registered import metric_of
from gan_np.models import Classifier, Model
from gan_np.ranks import ALONE, Ranks
from gan_np.runs import CheckpointError, load_classifier, load_gan
from gan_np.runs.checkpoint import all_of, describe_file, find
from gan_np.runs.config import Config
from gan_np.runs.data import open_other
from gan_np.runs.folder import read_config
from gan_np.runs.plots import plot_evaluations
from gan_np.runs.records import read_records
from gan_np.runs.stage_folders import has_stages

from .evaluate import COUNT, LEAST, Real, evaluate, extractor_of
from .kept_classifier import copy_to, has_classes, kept_classifier, refuse_without_classes
from .parts import Figure, Section, Table
from .preprocessing import Preprocessing
from .readers import CLASSIFIER, reader_named
from .report import Report
from .trained_on import data_of_run, relabelled, with_labels_of

KEPT = "classifier.safetensors"
CURVE_COUNT = 1000


@dataclass(frozen=True)
class Run:
    """A run folder, opened: its configuration, the images it was trained on, and images that it was not (or None): what it
    holds out, or else the test part of its data."""

    path: Path
    config: Config
    train: Dataset
    test: Dataset | None

    @classmethod
    def open(
        cls, path: str | Path, real: str | None = None, data: str | None = None, *, skip_broken: bool = False
    ) -> Run:
        """The run at `path`.

        real: another source than its own, whose test part (or all of it) it is compared with. data: where its own data are
        now, if they were moved. skip_broken: leave out files of `real` that cannot be read.

        Raises:
            FileNotFoundError, ValueError: not a run folder; its images are not where they were, or others now.
            ShapeError: `real` are images of another shape.
        """
        place = Path(path)
        config = read_config(place).going_on(data=data)
        train, test = data_of_run(place, config, moved=data is not None, unseen=real is None)
        if real is not None:
            test = open_other(config, real, "real", train.data_shape, skip_broken=skip_broken)
        if test is not None and test.data_shape != train.data_shape:
            theirs, ours = ("×".join(map(str, shape)) for shape in (test.data_shape, train.data_shape))
            raise ShapeError(f"real: expected data of {ours}, as the run draws, {real or config.data} has {theirs}")
        return cls(place, config, train, None if test is None else relabelled(test, train))

    def gan(self, checkpoint: Path | None, device: str) -> Model:
        """The model of a checkpoint file, or of the newest one of each stage."""
        model: Model = load_gan(checkpoint or self.path, device=device)
        with_labels_of(model, self.train)
        return model

    def classifier(
        self,
        file: str | Path | None,
        *,
        device: str,
        progress: bool,
        tell: Callable[[str], None] | None = None,
        asked: bool = False,
    ) -> Classifier | None:
        """The classifier in `file`, the one kept beside the run, or the one of its data (see `kept_classifier`), of which a
        copy is kept beside the run; None without labels.

        Raises:
            ValueError: there is none, and one was asked for.
        """
        kept = self.path / KEPT
        if file is not None or kept.exists():
            try:
                return load_classifier(file or kept, device=device)
            except CheckpointError as error:
                if file is None:
                    error.add_note("(remove it, and an evaluation trains another; or name one that is whole)")
                raise
        if asked:
            refuse_without_classes(self.train)
        if not has_classes(self.train):
            return None
        made, place = kept_classifier(self.train, self.test, device=device, progress=progress, tell=tell)
        copy_to(place, kept)
        return made


def evaluate_run(
    run: str | Path,
    *,
    best: bool = False,
    every: bool = False,
    classifier: str | Path | None = None,
    features: str | None = None,
    preprocessing: Preprocessing | None = None,
    real: str | None = None,
    skip_broken: bool = False,
    data: str | None = None,
    count: int = COUNT,
    seed: int = 0,
    average: bool = True,
    device: str = "cpu",
    progress: bool = True,
    tell: Callable[[str], None] | None = None,
    ranks: Ranks = ALONE,
) -> Report:
    """The report of a run's newest checkpoint, compared with what the run holds out, or with the test part of its data;
    without either with training images.

    best: of the checkpoint kept as the best instead.
    every: also a few figures of every numbered checkpoint that was kept.
    classifier: a file of `gan-np train-classifier`; without it the one beside the run, or the one that was kept of the same
        data, which the first call trains if the data have labels; pixels otherwise.
    features: "classifier", "pixels", or a network in an ONNX file, FILE.onnx or FILE.onnx:OUTPUT, whose features are read.
        None: the classifier where there is one or the data have labels, pixels otherwise.
    preprocessing: of such a network.
    tell: is told in a sentence what will be trained before it is, and then how long that takes.
    real: another source of images to compare with.
    skip_broken: leave out image files of `real` that cannot be read, with a warning.
    data: where the run's own data are now, if they were moved.
    ranks: processes that were all given the same, as in `evaluate`; a classifier is trained by the first of each machine.
    The rest as in `evaluate`. Writes nothing but the classifier.

    Raises:
        FileNotFoundError, ValueError: not a run, no checkpoint, data that are not there any more or do not fit; features of
            a classifier were asked for, and there is none and no labels to train one.
    """
    integer("count", count, LEAST)
    chosen_reader = reader_named(features, preprocessing, device=device)
    if classifier is not None and features not in (None, CLASSIFIER):
        raise ValueError(
            f"features: {features!r} and a classifier {str(classifier)!r} are both given; which is to be read?"
        )
    opened = ranks.first_here(lambda: Run.open(run, real, data, skip_broken=skip_broken))
    several = has_stages(opened.path)
    if several and (best or every):
        raise ValueError("best, every: a model of several stages is sampled from the newest checkpoint of each only")
    chosen = None if several else _checkpoint(opened.path, best)
    gan = opened.gan(chosen, device)
    if features not in (None, CLASSIFIER):
        reader: FeatureExtractor | None = chosen_reader
    else:
        asked = features == CLASSIFIER
        reader = ranks.first_here(
            lambda: opened.classifier(classifier, device=device, progress=progress, tell=tell, asked=asked)
        )
    facts = {"run": str(run), "model": opened.config.model, "data": opened.config.data}
    if opened.config.hold_out and real is None and opened.test is not None:
        held_out = "test vectors" if opened.test.are_vectors else "test images"
        facts[held_out] = f"the {len(opened.test):,} that the run holds out (hold_out {opened.config.hold_out:g})"
    if chosen is not None:
        facts["checkpoint"] = f"{chosen.name}, step {_step(chosen):,}"
    test = None if opened.test is None else (opened.test.data, opened.test.labels)
    report = evaluate(
        gan,
        opened.train.data,
        opened.train.labels,
        test=test,
        class_names=opened.train.class_names,
        features=reader if not isinstance(reader, Classifier) else extractor_of(gan, reader),
        count=count,
        seed=seed,
        average=average,
        title=f"Evaluation of {opened.path.name}",
        facts=facts,
        ranks=ranks,
    )
    if every:
        report.add(_every(opened, reader, min(count, CURVE_COUNT), seed, average, device, ranks))
    curves = _curves(opened.path)
    if curves:
        report.add(Section("curves", "Training", figures=curves))
    return report


def _checkpoint(run: Path, best: bool) -> Path:
    if not best:
        return find(run)
    file = run / "checkpoints" / "best.safetensors"
    if not file.exists():
        raise FileNotFoundError(f"best: {file} is not there")
    return file


def _step(file: Path) -> int:
    return int(describe_file(file)["training"]["steps"])


def _every(
    run: Run, chosen: FeatureExtractor | None, count: int, seed: int, average: bool, device: str, ranks: Ranks
) -> Section:
    """A few figures of every kept checkpoint, as a table and as curves; each rank measures some of them."""
    test = None if run.test is None else run.test.data
    real = Real.choose(run.train.data, test, count, seed)
    size, measured = len(real.reference), []
    reference = None
    for file in all_of(run.path)[ranks.rank :: ranks.size]:
        gan = run.gan(file, device)
        reader = extractor_of(gan, chosen) if isinstance(chosen, Classifier) else chosen or extractor_of(gan, None)
        reference = reference or extract_features(real.reference, reader, seed=seed)
        made, _ = features_of_samples(gan, size, reader, seed, average=average)
        measured.append({"step": _step(file), **compute_metrics(reference, made)})
    records = sorted((record for each in ranks.exchange(measured) for record in each), key=lambda one: one["step"])
    keys = [key for key in records[0] if key != "step"]
    rows = tuple((metric_of(key).short, *(f"{record[key]:.4g}" for record in records)) for key in keys)
    columns = ("step", *(f"{record['step']:,}" for record in records))
    table = Table(columns, rows, numbers=tuple(range(1, len(columns))), optional=tuple(range(1, len(columns) - 1)))
    drawn = io.BytesIO()
    drawn_at_all = plot_evaluations(records, drawn)
    images = (Figure.file(drawn, "Figures of the kept checkpoints"),) if drawn_at_all else ()
    things = "vectors" if run.train.are_vectors else "images"
    text = (
        f"{size:,} samples and as many real {things} at each; no intervals. Distances at this size are not those above."
    )
    return Section("checkpoints", "Every kept checkpoint", text, tables=(table,), figures=images, data=records)


def _curves(run: Path) -> tuple[Figure, ...]:
    """Images of the training that the run folder has."""
    known = (("evaluation.png", "Figures over the steps"), ("losses.png", "Losses of both players and D's accuracy"))
    evaluated = any(
        any(name.startswith("evaluation/") for name in record) for record in read_records(run / "log.jsonl")
    )
    found = []
    for name, caption in known:
        if (run / name).exists() and (name != "evaluation.png" or evaluated):
            try:
                open_image(run / name)
            except ValueError as error:
                warnings.warn(f"the report goes without {error}", stacklevel=3)
                continue
            found.append(Figure.file(run / name, caption))
    return tuple(found)
