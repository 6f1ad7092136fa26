"""Training as one call, and taking it up again: any model, stage by stage.

The one stage of a GAN is trained into the run folder itself; a model of several has a folder for each stage in its run (see
`stage_folders.py`), each a run of its own. They are trained one after the other, or several at a time in processes.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from gan_np.arrays import Array
from gan_np.checks import as_array, integer, shown
from gan_np.data.hold_out import HeldOut
from gan_np.models import GAN, Model, Stages
from gan_np.registry import describe
from gan_np.training.algorithm import Trainer
from gan_np.training.sources import ArraySource, Source, as_source

from . import checkpoint
from .build import build_gan, build_trainer, tuned_kernels
from .config import CHANGEABLE, Config
from .data import open_data
from .drawing import save_drawing, save_series
from .fingerprints import IMAGES, LABELS, check_fingerprints, check_read, fingerprints
from .folder import SAMPLE_SEED, RunFolder, discard, empty, read_config, write_config
from .given import Given
from .lock import RunLock
from .loop import (
    Callback,
    check,
    check_unedited,
    configured,
    go_on,
    refuse_fewer,
    resume_stage,
    train_stage,
    with_settings,
)
from .opened import description_of_data, joined_stages, load_gan
from .processes import run_in_processes
from .sample_images import draw
from .settings import Settings
from .signals import Interrupted, StopRequest
from .stage_folders import (
    BEGINNINGS,
    FILE,
    Outline,
    beginning_of,
    has_stages,
    outline_of,
    write_outline,
)
from .training_data import had_labels, training_part

SERIES = 8
"""Samples in the grid of a model that draws in steps."""


def train(
    gan: Model,
    images: Any,
    *,
    labels: Any = None,
    class_names: Sequence[str] | None = None,
    out: str | Path | None = None,
    config: Config | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    jobs: int = 1,
    transform: Callable[..., Any] | None = None,
    keys: str | tuple[str, str] | None = None,
    prefetch: int | None = None,
    **options: Unpack[Settings],
) -> Trainer:
    """Train a model by Algorithm 1: in each step `d_steps` updates of D and one of G, each on a fresh batch.

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    >>> gan = gn.models.dcgan((8, 8, 1), latent_dim=4, width=2, seed=0)
    >>> trainer = gn.train(gan, images, steps=2, batch_size=8, progress=False)  # out="runs/mine" keeps it on disk
    >>> trainer.steps, gan.sample(3, seed=1).shape
    (2, (3, 8, 8, 1))

    gan: the players, trained in place; of a model of several stages (a LAPGAN, say) each stage, one after the other.
    images: real images (N, H, W, C), uint8 or floats from 0 to 1; or vectors (N, m) of floats; or a `gan_np.data.Dataset` of
        either, whose labels and names then count. Or data that are read while the training runs (see
        docs/streams-of-batches.md): with `len` and items, each an image, a pair (image, label) or a mapping of both; or an
        iterable of batches of these, or a function that returns one.
    labels: integers (N,), for a conditional gan of as many classes (see `gan_np.data.labels`: 1…K, or any K numbers). Pairs
        and mappings have their own, which then are 0…K−1; an iterable must.
    class_names: what label k is called, at position k; kept in checkpoints, and accepted by `gan.sample(labels=…)`.
    out: a run folder to make (see `gan_np.runs.folder`); None writes nothing.
    config, options: fields of `Config`, options over config: steps, batch_size, objective, optimizer, seed, …; and settings
        that only the training of this model has.
    callbacks: called as `callback(trainer, step)` after every step; one may raise `StopTraining`, which ends a stage.
    progress: show a progress bar.
    jobs: how many stages train at the same time at most, each in a process of its own (with `out`).
    transform: a function of an image (H, W, C), as bytes or floats from 0 to 1, that returns the image to train on. If it
        has an argument `rng` it is given a seeded NumPy generator to draw from, so that a resumed training draws the same.
    keys: of mappings, the keys of image and label, where they are not called so.
    prefetch: how many batches a thread reads ahead; None: 2 where reading costs time, 0 of arrays without a transform.
    layout, value_range (of the options): "NCHW" for images whose channels come first, and (low, high), the values that are
        black and white, of data that are given as they are, without `data` to name where they were loaded from.

    Returns the trainer, with the optimisers and counters as training left them; of several stages that of the last. In a
    notebook an interrupt ends the training after the step that is running and returns it too, with two lines of how to go
    on (`resume(trainer)`).

    A training that goes wrong says so, once and in one line (`gan_np.training.hints`): above the progress bar, or without
    one as a warning, `gan_np.training.TrainingHint`.

    Raises:
        TypeError, ValueError: an unknown option (with the nearest known one), a wrong type, an impossible value.
        ShapeError: the images are not of the gan's shape.
        FileExistsError: `out` is there already.
        NonFiniteError: a loss, gradient or weight became NaN or infinite.
        Interrupted: with `out`, after Ctrl-C or SIGTERM; a checkpoint was written first.
    """
    if not isinstance(gan, Model):
        raise TypeError(f"gan: expected a model, got {shown(gan)}")
    chosen, called = configured(config, options, gan), list(callbacks)
    given = Given(images, labels, class_names, transform, keys, prefetch)
    source, class_names = given.source(gan, chosen)
    _check_jobs(jobs, gan, called, out, source)
    parts = _parts(gan, source, chosen)
    place = None if out is None else Path(out)
    if len(parts) == 1:
        (part,) = parts
        return train_stage(
            part.gan,
            part.source,
            part.config,
            class_names=class_names,
            out=place,
            callbacks=called,
            progress=progress,
        )
    if place is None:
        for part in parts:
            trainer = _train_part(gan, part, None, class_names, called, progress)
        return trainer
    for part in parts:
        average = part.gan.average
        trainer = build_trainer(part.gan, part.source, part.config, class_names=class_names)
        check(trainer, part.config, tuned_kernels(part.config), folder=True)
        part.gan.average = average
    outline = _outline(gan, parts, source)
    RunFolder.make_place(place)
    with RunLock(place):
        empty(place)
        try:
            _write_beginnings(place, outline, parts)
            write_config(place, chosen)
            trained = _train_parts(gan, parts, place, class_names, called, progress, jobs)
        except BaseException as error:
            if not isinstance(error, Interrupted) and not any(checkpoint.all_of(place / part.name) for part in parts):
                with suppress(OSError):
                    discard(place)  # nothing was trained
            raise
        for part in parts:
            if part.number not in trained:  # in another process
                trained[part.number] = _read_back(part, place, class_names)
        _finish(place, chosen)
    return trained[parts[-1].number]


def resume(
    run: str | Path | Trainer,
    *,
    images: Any = None,
    labels: Any = None,
    data: str | None = None,
    steps: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    jobs: int = 1,
    transform: Callable[..., Any] | None = None,
    keys: str | tuple[str, str] | None = None,
    prefetch: int | None = None,
    **settings: Any,
) -> Trainer:
    """Go on with a run from its newest checkpoint that can be read, or with a trainer where it stands.

    Of a model of several stages each stage that is not done goes on.

    On the same machine with the same libraries the result is bit-identical to that of an uninterrupted training:
    weights, moments, statistics, generators and samples; the log has each step once. A tuned choice of kernels is that of
    the checkpoint, whatever its file says now.

    run: the folder; or the trainer that `train` returned, early because of an interrupt in a notebook or a callback, or when
        all its steps were done and there are to be more. A trainer has its data, and goes on in its run folder if there is
        one.
    images, labels: the data of the run, all of them also where it holds some out; None loads them again as its configuration
        says. Batches of an iterable begin anew.
    data: where they are now, if they were moved; the configuration is changed to say so. A path as `labels` is where the
        file of labels is now.
    steps: a new total, if it should be longer than planned. Instance noise falls to 0 where it was planned to.
    device, precision: other than the run's: a checkpoint goes on on any device (where sums may round differently).
    settings: of the model's own training, those that may change (a LAPGAN's coarsest_steps).
    transform: that of the run, where it has one.
    callbacks, progress, jobs, keys, prefetch: as in `train`.

    Returns the trainer; of several stages that of the last. `gan_np.load` opens the whole model.

    Raises:
        FileNotFoundError, CheckpointError: not a run folder, it has no checkpoint that can be read, the kernels that were
            chosen for it are not all here, or its data are not where they were.
        ValueError: the images, or the labels of a conditional model, are not those that the run was trained on; its
            config.toml was edited; `steps` is less than the run has done; a setting that may not change; a
            trainer that is not one of `train`'s.
    """
    if isinstance(run, Trainer):
        others = (images, labels, data, device, precision, transform, keys, prefetch)
        if any(other is not None for other in others) or settings:
            raise ValueError("run: a trainer keeps its data, device and precision; only steps may be given with one")
        return go_on(run, steps, callbacks, progress)
    place, called = Path(run), list(callbacks)
    moved: str | None = None
    if isinstance(labels, str | os.PathLike):
        moved, labels = os.fspath(labels), None
    kept = read_config(place)
    wished = {"data": data, "labels": moved, "steps": steps, "device": device, "precision": precision, **settings}
    changes = {name: value for name, value in wished.items() if value is not None}
    given = Given(images, labels, None, transform, keys, prefetch)
    check_changes(kept, changes)
    if not has_stages(place):
        integer("jobs", jobs, 1)
        return resume_stage(place, changes, given, callbacks=called, progress=progress)
    config = kept.going_on(**changes)
    with RunLock(place):
        if given.images is None:
            given = dataclasses.replace(given, images=open_data(config, None if "data" in changes else place))
        gan, opened = _open(place, kept, config.device, given)
        by_label = not config.hold_out or had_labels(description_of_data(place))
        source, class_names = given.source(gan, config, by_label=by_label)
        check_unedited(place, kept, {"config": kept.of(gan).to_file()}, place / FILE)
        _check_jobs(jobs, gan, called, place, source)
        parts = _parts(gan, source, config)
        for part, found in zip(parts, opened, strict=True):
            _check_part(part, place, kept, found)
        if not (place / FILE).exists():
            _write_beginnings(place, _outline(gan, parts, source), parts)
        write_config(place, config)
        trained = _train_parts(gan, parts, place, class_names, called, progress, jobs)
        last = parts[-1]
        if last.number not in trained:
            trained[last.number] = _read_back(last, place, class_names)
        _finish(place, config)
    return trained[last.number]


def check_changes(config: Config, changes: Mapping[str, Any]) -> None:
    """Refuse to go on with other settings than those that may change.

    Raises:
        ValueError: one of them is another; the message names it.
    """
    others = [name for name in changes if name not in config.changeable()]
    if others:
        raise ValueError(f"{others[0]}: a run keeps its settings, only {', '.join(config.changeable())} may change")


def stage_trainers(
    gan: Model, images: Array, labels: Array | None, config: Config
) -> Iterator[tuple[str, Config, Trainer]]:
    """For each stage its name, its configuration and a trainer as `train` would use it, to measure what it costs; the name
    of the only one is empty."""
    parts = _parts(gan, training_part(as_source(images, gan, labels=labels), config), config)
    for part in parts:
        trainer = build_trainer(part.gan, part.source, part.config)
        yield ("" if len(parts) == 1 else part.name), part.config, trainer


@dataclass
class _Part:
    """A stage with all that its training needs. done: its steps so far, None where it has not begun."""

    number: int
    name: str
    gan: GAN
    source: Source
    config: Config
    done: int | None = None

    @property
    def labels(self) -> Array | None:
        """Those that the training uses, where all are known."""
        if self.gan.classes is None or self.source.labels is None:
            return None
        found: Array = as_array("labels", self.source.labels)
        return found


def _parts(gan: Model, source: Source, config: Config) -> list[_Part]:
    return [
        _Part(
            number,
            gan.stage_name(number),
            stage,
            source.of_stage(gan, number),
            config.of_stage(number).of(stage),
        )
        for number, stage in enumerate(gan.stages)
    ]


def _check_jobs(jobs: int, gan: Model, callbacks: Sequence[Callback], out: str | Path | None, source: Source) -> None:
    """Refuse several jobs where stages cannot be trained in processes of their own."""
    if integer("jobs", jobs, 1) == 1 or len(gan.stages) == 1:
        return
    if not gan.independent:
        raise ValueError(f"jobs: the stages of this model are trained one after the other; expected 1, got {jobs}")
    if out is None:
        raise ValueError("jobs: stages that train in processes of their own need a run folder; give one with out")
    if callbacks:
        raise ValueError("callbacks: are called in this process, in which several jobs train nothing; expected jobs=1")
    if source.whole is None:
        raise ValueError(
            f"jobs: several processes share an array, and these data are {source.counted} that are read while the training "
            "runs; expected 1"
        )


def _outline(gan: Model, parts: list[_Part], source: Source) -> Outline:
    """What model.json is to say.

    Raises:
        TypeError: the class of the model is not registered, or it is no `Stages`.
    """
    if not isinstance(gan, Stages):
        raise TypeError(f"gan: a model of several stages derives from gan_np.models.Stages, got {shown(gan)}")
    try:
        described = describe(gan)
    except TypeError as error:
        raise TypeError(f"out: this model could not be opened again; {error}; or train it without out") from error
    labels = next((part.labels for part in parts if part.labels is not None), None)
    found = fingerprints(source, labels)
    data = {name: found[name] for name in (IMAGES, LABELS)}
    return Outline(described, dict(gan.recipe), tuple(part.name for part in parts), data)


def _write_beginnings(place: Path, outline: Outline, parts: list[_Part]) -> None:
    """Every stage that has not begun as it is now, so that the run goes on from here wherever it is cut off."""
    for part in parts:
        if part.done is None:
            extra = {"config": part.config.to_file(), **fingerprints(part.source, part.labels)}
            checkpoint.save(beginning_of(place, part.name), part.gan, extra=extra)
    write_outline(place, outline)


def _train_parts(
    gan: Model,
    parts: list[_Part],
    place: Path,
    class_names: Sequence[str] | None,
    callbacks: list[Callback],
    progress: bool,
    jobs: int,
) -> dict[int, Trainer]:
    """All that are not done, one after another or in `jobs` processes; the trainers of those trained in this process."""
    todo = [part for part in parts if part.done is None or part.done < part.config.steps]
    trained: dict[int, Trainer] = {}
    if jobs > 1:
        work = {
            str(place / part.name): (
                place,
                part.name,
                part.source.whole,
                part.labels,
                class_names,
                part.config.to_file(),
                part.done is not None,
                part.source.held_out,
            )
            for part in todo
        }
        run_in_processes(_train_there, work, jobs, place)
        return trained
    with StopRequest() as stop:
        for part in todo:
            trainer = trained[part.number] = _train_part(gan, part, place, class_names, callbacks, progress)
            if (
                isinstance(gan, Stages) and trainer.gan is not part.gan
            ):  # a stage that went on is read from its checkpoint
                gan = gan.with_stages(trainer.gan if stage is part.gan else stage for stage in gan.stages)
            if stop.number is not None and part is not todo[-1]:
                name = signal.Signals(stop.number).name
                raise Interrupted(stop.number, f"stopped by {name} after {place / part.name}", place)
    return trained


def _train_part(
    gan: Model,
    part: _Part,
    place: Path | None,
    class_names: Sequence[str] | None,
    callbacks: list[Callback],
    progress: bool,
) -> Trainer:
    """A stage from where it is to its end."""
    if part.done is not None:
        assert place is not None
        return resume_stage(
            place / part.name,
            _changes(part.config),
            Given(part.source, class_names=class_names),
            callbacks=callbacks,
            progress=progress,
            run=place,
        )
    if not gan.independent:
        gan.begin_stage(part.number)
    return train_stage(
        part.gan,
        part.source,
        part.config,
        class_names=class_names,
        out=None if place is None else place / part.name,
        callbacks=callbacks,
        progress=progress,
        run=place,
    )


def _train_there(
    place: Path,
    name: str,
    images: Array,
    labels: Array | None,
    class_names: Sequence[str] | None,
    settings: dict[str, Any],
    begun: bool,
    held_out: HeldOut | None,
) -> None:
    """As `_train_part`, in a process of its own, which is given nothing but plain data."""
    config = Config.from_file(settings)
    source = ArraySource(images, labels)
    source.held_out = held_out
    if begun:
        given = Given(source, class_names=class_names)
        resume_stage(place / name, _changes(config), given, progress=False, run=place)
    else:
        gan = checkpoint.load_gan(beginning_of(place, name), device=config.device)
        train_stage(gan, source, config, class_names=class_names, out=place / name, progress=False, run=place)


def _changes(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in CHANGEABLE}


def _read_back(part: _Part, place: Path, class_names: Sequence[str] | None) -> Trainer:
    """The trainer of a stage that was trained elsewhere, its GAN with the weights that it has there."""
    trainer = build_trainer(part.gan, part.source, part.config, class_names=class_names)
    checkpoint.restore(trainer, place / part.name)
    return trainer


@dataclass
class _Opened:
    """A stage as a run has it. done: its steps, None where it has not begun; described: its checkpoint, where it has one."""

    gan: GAN
    done: int | None = None
    described: tuple[Path, Mapping[str, Any]] | None = None


def _open(place: Path, kept: Config, device: str, given: Given) -> tuple[Stages, list[_Opened]]:
    """The model of a run of several stages, each as far as it got."""
    if (place / FILE).exists():
        outline = outline_of(place)
        found = [_opened(place, name, device) for name in outline.names]
        return joined_stages(place, outline, [one.gan for one in found]), found
    # An older run, which does not keep the stages that have not begun: they are made as they were made then.
    data = given.dataset()
    fresh: Stages = build_gan(dataclasses.replace(kept, device=device), data.data_shape, data.classes)
    found = []
    for number, stage in enumerate(fresh.stages):
        name = fresh.stage_name(number)
        begun = bool(checkpoint.all_of(place / name))
        found.append(_opened(place, name, device) if begun else _Opened(stage))
    return fresh.with_stages(one.gan for one in found), found


def _opened(place: Path, name: str, device: str) -> _Opened:
    begun = bool(checkpoint.all_of(place / name))
    if begun:
        file, tensors, description = checkpoint.newest(place / name)
    else:
        file = beginning_of(place, name)
        tensors, description = checkpoint.read(file)
    gan = checkpoint.gan_from(tensors, description, file, device)
    return _Opened(gan, description.get("training", {}).get("steps", 0) if begun else None, (file, description))


def _check_part(part: _Part, place: Path, kept: Config, opened: _Opened) -> None:
    """Refuse to go on with a stage on other data or under other settings than those that it began with.

    Raises:
        ValueError: they are others.
    """
    part.done = opened.done
    if opened.described is not None:
        file, description = opened.described
        recorded, expected = description.get("config"), kept.of_stage(part.number)
        # Older runs have the model of the whole run in the configuration of a stage.
        if not (isinstance(recorded, Mapping) and recorded.get("model") == expected.model):
            expected = expected.of(part.gan)
        check_unedited(place, expected, description, file)
        check_read(description, part.source, place)
        check_fingerprints(description, part.source, part.labels, place)
    refuse_fewer(place / part.name, part.config.steps, part.done or 0)


def _finish(place: Path, config: Config) -> None:
    """Samples of the trained model; what only a training that goes on needs is removed."""
    gan: Stages = load_gan(place, device=config.device)
    if gan.draw_steps == 1:
        draw(gan.sample(config.sample_count, SAMPLE_SEED), None, place / "samples.png")
    else:
        save_series(gan, place / "samples.png", SERIES, SAMPLE_SEED)
    if config.animation:
        save_drawing(gan, place / "drawing.gif", config.sample_count, SAMPLE_SEED)
    shutil.rmtree(place / BEGINNINGS, ignore_errors=True)


with_settings(train)
