"""Training as one call, and taking it up again: any model, stage by stage.

The one stage of a GAN is trained into the run folder itself; a model of several has a folder for each stage in its run (see
`stage_folders.py`), each a run of its own. They are trained one after the other, or several at a time in processes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from gan_np.arrays import Array
from gan_np.checks import integer, shown
from gan_np.distributed import Choice, chosen_ranks, device_of_rank
from gan_np.models import Model
from gan_np.ranks import ALONE, Ranks
from gan_np.training.algorithm import Trainer
from gan_np.training.sources import as_source

from . import checkpoint
from .build import build_trainer, tuned_kernels
from .config import Config
from .data import open_data
from .folder import empty, read_config, refuse_full, write_config
from .given import Given
from .loop import (
    Callback,
    agree_on,
    check,
    check_unedited,
    configured,
    go_on,
    locked,
    resume_stage,
    train_stage,
    with_settings,
)
from .new_folder import new_place
from .opened import description_of_data
from .settings import Settings
from .stage_folders import FILE, has_stages
from .stage_opening import check_part, open_parts
from .stage_training import (
    check_jobs,
    finish,
    one_job,
    outline_for,
    parts_of,
    read_back,
    train_part,
    train_parts,
    write_beginnings,
)
from .training_data import had_labels, training_part


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
    ranks: Ranks | Choice | None = None,
    **options: Unpack[Settings],
) -> Trainer:
    """Train a model by Algorithm 1 of Goodfellow et al. (2014): each step is `d_steps` updates of D, then one of G.

    Every update has a fresh batch.

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    >>> gan = gn.models.dcgan((8, 8, 1), latent_dim=4, width=2, seed=0)
    >>> trainer = gn.train(gan, images, steps=2, batch_size=8, progress=False)  # out="runs/mine" keeps it on disk
    >>> trainer.steps, gan.sample(3, seed=1).shape
    (2, (3, 8, 8, 1))

    gan: the players, trained in place; of a model of several stages (a LAPGAN, say) each stage, one after the other.
    images: real images (N, H, W, C), uint8 or floats from 0 to 1; or vectors (N, m) of floats; or a `gan_np.data.Dataset` of
        either, whose labels and class names are then used. Or data that are read while the training runs (see
        docs/streams-of-batches.md): with `len` and items, each an image, a pair (image, label) or a mapping of both; or an
        iterable of batches of these, or a function that returns one.
    labels: integers (N,), one for each image, for a conditional gan of K classes: 0…K−1, 1…K or any K different numbers (see
        `gan_np.data.labels`). Leave it out for data whose items or batches bring their labels; those are 0…K−1.
    class_names: the name of the class with label k at position k; kept in checkpoints, and accepted by
        `gan.sample(labels=…)`.
    out: a run folder to make (see `gan_np.runs.folder`); None writes nothing.
    config: settings as a `Config`. Every argument of this call that is a setting (steps, batch_size, objective, seed, …;
        docs/reference/settings.md explains each) counts over the one in config. Settings that only the training of this
        model has (coarsest_steps of a LAPGAN, say) are accepted too.
    callbacks: called as `callback(trainer, step)` after every step; one may raise `StopTraining`, which ends a stage.
    progress: show a progress bar.
    jobs: the largest number of stages that are trained at the same time, each in a process of its own (needs `out`).
    transform: a function of an image (H, W, C), as bytes or floats from 0 to 1, that returns the image to train on. If it
        has an argument `rng` it is given a seeded NumPy generator to draw from, so that a resumed training draws the same.
    keys: where items are mappings, the key of the image, or (key of the image, key of the label), if other than the usual
        "image" and "label".
    prefetch: how many batches a thread reads ahead. None means 2 where reading costs time, and 0 for arrays without a
        transform.
    ranks: which processes train together. "auto" (or None): those that mpiexec or Slurm started together with this one, if
        there are any. "off": this one alone. Or a `gan_np.ranks.Ranks`. Rank 0 writes, and calls the callbacks. See
        docs/many-processes.md.
    layout: "NCHW" for images whose channels come first.
    value_range: (low, high), the values that are black and white.
    data: the name or place that the images were loaded from, kept in the run folder so that other commands find them.
        Where it is given, layout and value_range say how that place is read, and `images` are taken as they are.

    Returns the trainer, with the optimisers and counters as training left them; for a model of several stages the trainer
    of the last stage. In a notebook an interrupt ends the training after the step that is running; the trainer is returned
    then too, and two lines say how to continue (`resume(trainer)`).

    If the training notices that something goes wrong, it says so once, in one line above the progress bar or, where there
    is no bar, by a warning of the category `gan_np.training.TrainingHint` (see `gan_np.training.hints`).

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
    together = chosen_ranks(ranks)
    one_job(jobs, together)
    agree_on(together, chosen)
    place = None if out is None else Path(out)
    if place is not None and not together.rank:  # before data are looked through and networks are prepared
        refuse_full(place)
    given = Given(images, labels, class_names, transform, keys, prefetch)
    source, class_names = given.source(gan, chosen)
    check_jobs(jobs, gan, called, out, source)
    parts = parts_of(gan, source, chosen)
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
            ranks=together,
        )
    if place is None:
        for part in parts:
            trainer = train_part(gan, part, None, class_names, called, progress, together)
        return trainer
    for part in parts:
        average = part.gan.average
        trainer = build_trainer(part.gan, part.source, part.config, class_names=class_names)
        check(trainer, part.config, tuned_kernels(part.config), folder=True)
        part.gan.average = average
    outline = outline_for(gan, parts, source)
    if together.rank:  # rank 0 alone writes
        return train_parts(gan, parts, place, class_names, called, progress, jobs, together)[parts[-1].number]

    def untrained() -> bool:
        return not any(checkpoint.all_of(place / part.name) for part in parts)

    with new_place(place, untrained):
        empty(place)
        write_beginnings(place, outline, parts)
        write_config(place, chosen)
        trained = train_parts(gan, parts, place, class_names, called, progress, jobs, together)
        for part in parts:
            if part.number not in trained:  # in another process
                trained[part.number] = read_back(part, place, class_names)
        finish(place, chosen)
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
    ranks: Ranks | Choice | None = None,
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
    callbacks, progress, jobs, keys, prefetch, ranks: as in `train`. There may be another number of ranks than before.

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
    place, called, together = Path(run), list(callbacks), chosen_ranks(ranks)
    one_job(jobs, together)
    moved: str | None = None
    if isinstance(labels, str | os.PathLike):
        moved, labels = os.fspath(labels), None
    kept = together.from_first(lambda: read_config(place))
    wished = {"data": data, "labels": moved, "steps": steps, "device": device, "precision": precision, **settings}
    changes = {name: value for name, value in wished.items() if value is not None}
    given = Given(images, labels, None, transform, keys, prefetch)
    check_changes(kept, changes)
    if not has_stages(place):
        integer("jobs", jobs, 1)
        return resume_stage(place, changes, given, callbacks=called, progress=progress, ranks=together)
    config = kept.going_on(**changes)
    config = dataclasses.replace(config, device=device_of_rank(config.device, together))
    with locked(place, together):
        if given.images is None:
            given = dataclasses.replace(given, images=open_data(config, None if "data" in changes else place))
        gan, opened = open_parts(place, kept, config.device, given)
        by_label = not config.hold_out or had_labels(description_of_data(place))
        source, class_names = given.source(gan, config, by_label=by_label)
        check_unedited(place, kept, {"config": kept.of(gan).to_file()}, place / FILE)
        check_jobs(jobs, gan, called, place, source)
        parts = parts_of(gan, source, config)
        for part, found in zip(parts, opened, strict=True):
            check_part(part, place, kept, found)
        together.barrier()  # all have read before one writes
        if not together.rank:
            if not (place / FILE).exists():
                write_beginnings(place, outline_for(gan, parts, source), parts)
            write_config(place, config)
        trained = train_parts(gan, parts, place, class_names, called, progress, jobs, together)
        last = parts[-1]
        if last.number not in trained:
            trained[last.number] = read_back(last, place, class_names)
        if not together.rank:
            finish(place, config)
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
    gan: Model, images: Array, labels: Array | None, config: Config, ranks: Ranks = ALONE
) -> Iterator[tuple[str, Config, Trainer]]:
    """Give for each stage its name, its configuration and a trainer as `train` would use it, to measure what it costs.

    The name of the only stage of a model is empty.
    """
    parts = parts_of(gan, training_part(as_source(images, gan, labels=labels), config), config)
    for part in parts:
        trainer = build_trainer(part.gan, part.source, part.config, ranks=ranks)
        yield ("" if len(parts) == 1 else part.name), part.config, trainer


with_settings(train)
