"""The stages of a model on their way: each with all that its training needs, trained one after the other or in processes."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_np.arrays import Array
from gan_np.checks import as_array, integer, shown
from gan_np.data.hold_out import HeldOut
from gan_np.models import GAN, Model, Stages
from gan_np.ranks import ALONE, Ranks
from gan_np.registry import describe
from gan_np.training.algorithm import Trainer
from gan_np.training.sources import ArraySource, Source

from . import checkpoint
from .build import build_trainer
from .config import CHANGEABLE, Config
from .drawing import save_drawing, save_series
from .fingerprints import IMAGES, LABELS, fingerprints
from .folder import SAMPLE_SEED
from .given import Given
from .loop import Callback, resume_stage, train_stage
from .opened import load_gan
from .processes import run_in_processes
from .sample_images import draw
from .signals import Interrupted, StopRequest
from .stage_folders import BEGINNINGS, Outline, beginning_of, write_outline

SERIES = 8
"""The number of samples in the grid of a model that draws in steps."""


@dataclass
class Part:
    """A stage with all that its training needs. done: its steps so far, None where it has not begun."""

    number: int
    name: str
    gan: GAN
    source: Source
    config: Config
    done: int | None = None

    @property
    def labels(self) -> Array | None:
        """Return the labels that the training uses, where all are known, else None."""
        if self.gan.classes is None or self.source.labels is None:
            return None
        found: Array = as_array("labels", self.source.labels)
        return found


def parts_of(gan: Model, source: Source, config: Config) -> list[Part]:
    """Return all stages of a model, none of them begun, each with its data and its configuration."""
    return [
        Part(
            number,
            gan.stage_name(number),
            stage,
            source.of_stage(gan, number),
            config.of_stage(number).of(stage),
        )
        for number, stage in enumerate(gan.stages)
    ]


def check_jobs(jobs: int, gan: Model, callbacks: Sequence[Callback], out: str | Path | None, source: Source) -> None:
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


def one_job(jobs: int, ranks: Ranks) -> None:
    """Refuse stages in processes of their own where several processes train each stage together."""
    if ranks.size > 1 and integer("jobs", jobs, 1) > 1:
        raise ValueError(
            f"jobs: {ranks.size} ranks train each stage together, one after the other; expected 1, got {jobs}"
        )


def outline_for(gan: Model, parts: list[Part], source: Source) -> Outline:
    """Return what model.json is to say of this run.

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


def write_beginnings(place: Path, outline: Outline, parts: list[Part]) -> None:
    """Write every stage that has not begun as it is now, so that the run can go on wherever it is cut off."""
    for part in parts:
        if part.done is None:
            extra = {"config": part.config.to_file(), **fingerprints(part.source, part.labels)}
            checkpoint.save(beginning_of(place, part.name), part.gan, extra=extra)
    write_outline(place, outline)


def train_parts(
    gan: Model,
    parts: list[Part],
    place: Path,
    class_names: Sequence[str] | None,
    callbacks: list[Callback],
    progress: bool,
    jobs: int,
    ranks: Ranks = ALONE,
) -> dict[int, Trainer]:
    """Train all stages that are not done, one after another or in `jobs` processes.

    Returns the trainers of those that were trained in this process, by number.
    """
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
            trainer = trained[part.number] = train_part(gan, part, place, class_names, callbacks, progress, ranks)
            if (
                isinstance(gan, Stages) and trainer.gan is not part.gan
            ):  # a stage that went on is read from its checkpoint
                gan = gan.with_stages(trainer.gan if stage is part.gan else stage for stage in gan.stages)
            number = ranks.largest(stop.number or 0)  # of several ranks all leave, or none
            if number and part is not todo[-1]:
                name = signal.Signals(number).name
                raise Interrupted(number, f"stopped by {name} after {place / part.name}", place)
    return trained


def train_part(
    gan: Model,
    part: Part,
    place: Path | None,
    class_names: Sequence[str] | None,
    callbacks: list[Callback],
    progress: bool,
    ranks: Ranks,
) -> Trainer:
    """Train a stage from where it is to its end."""
    if part.done is not None:
        assert place is not None
        return resume_stage(
            place / part.name,
            _changes(part.config),
            Given(part.source, class_names=class_names),
            callbacks=callbacks,
            progress=progress,
            run=place,
            ranks=ranks,
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
        ranks=ranks,
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
    """As `train_part`, in a process of its own, which is given nothing but plain data."""
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


def read_back(part: Part, place: Path, class_names: Sequence[str] | None) -> Trainer:
    """Return the trainer of a stage that was trained in another process, with the weights that it has there."""
    trainer = build_trainer(part.gan, part.source, part.config, class_names=class_names)
    checkpoint.restore(trainer, place / part.name)
    return trainer


def finish(place: Path, config: Config) -> None:
    """Write samples of the trained model, and remove what only a training that goes on needs."""
    gan: Stages = load_gan(place, device=config.device)
    if gan.draw_steps == 1:
        draw(gan.sample(config.sample_count, SAMPLE_SEED), None, place / "samples.png")
    else:
        save_series(gan, place / "samples.png", SERIES, SAMPLE_SEED)
    if config.animation:
        save_drawing(gan, place / "drawing.gif", config.sample_count, SAMPLE_SEED)
    shutil.rmtree(place / BEGINNINGS, ignore_errors=True)
