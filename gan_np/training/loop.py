"""Training as one call, or step by step."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gan_np.arrays import Array
from gan_np.models import GAN

from .algorithm import Step, Trainer
from .build import build_trainer
from .config import Config
from .folder import RunFolder, record_of

Callback = Callable[[Trainer, Step], object]


class StopTraining(Exception):
    """A callback raises this to end the training early, as if all its steps were done."""


def iterate(gan: GAN, images: Array, *, config: Config | None = None, **options: Any) -> Iterator[Step]:
    """Algorithm 1 one step at a time, for those who write their own loop; ends after `steps` steps.

    options: fields of `Config` (`steps`, `batch_size`, `objective`, …), over those of `config`.

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> gan = gn.models.dcgan(image_shape=(8, 8, 1), latent_dim=4, width=4)
    >>> [step.number for step in gn.training.iterate(gan, images, steps=3, batch_size=8)]
    [1, 2, 3]
    """
    chosen = _configure(config, options)
    trainer = build_trainer(gan, images, chosen)
    while trainer.steps < chosen.steps:
        yield trainer.step()


def train(
    gan: GAN,
    images: Array,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    **options: Any,
) -> Trainer:
    """Train a GAN by Algorithm 1.

    gan: the players, trained in place.
    images: real pictures, uint8 (N, H, W, C).
    out: a run folder to make (see `gan_np.training.folder`); None writes nothing.
    config, options: fields of `Config`, options over config: steps, batch_size, objective, optimizer, seed, ….
    callbacks: called as `callback(trainer, step)` after every step; one may raise `StopTraining`.
    progress: show a progress bar.

    Returns the trainer, with the optimisers and counters as training left them.

    Raises:
        TypeError, ValueError: an unknown option (with the nearest known one), a wrong type, an impossible value.
        ShapeError: the pictures are not of the gan's shape.
        FileExistsError: `out` is there already.
    """
    from .progress import ProgressBar

    chosen = _configure(config, options)
    trainer = build_trainer(gan, images, chosen)
    watchers = list(callbacks)
    with ExitStack() as stack:
        folder = None if out is None else RunFolder(out, chosen)
        if folder is not None:
            stack.callback(folder.close)
            if chosen.sample_every:
                folder.save_samples(gan, 0)
        bar = stack.enter_context(ProgressBar(chosen.steps)) if progress else None
        started = time.monotonic()
        try:
            while trainer.steps < chosen.steps:
                step = trainer.step()
                if folder is not None:
                    _record(folder, trainer, step, time.monotonic() - started)
                if bar is not None:
                    bar.update(step)
                for watcher in watchers:
                    watcher(trainer, step)
        except StopTraining:
            pass
        if folder is not None:
            folder.save_samples(gan, trainer.steps)
            folder.save_checkpoint(trainer)
            folder.save_plot()
    return trainer


def _record(folder: RunFolder, trainer: Trainer, step: Step, seconds: float) -> None:
    config = folder.config
    if step.number % config.log_every == 0 or step.number == config.steps:
        folder.log(record_of(step, seconds))
    if config.sample_every and step.number % config.sample_every == 0 and step.number < config.steps:
        folder.save_samples(trainer.gan, step.number)


def _configure(config: Config | None, options: dict[str, Any]) -> Config:
    base = config or Config()
    if not options:
        return base
    return Config.from_mapping({**{f.name: getattr(base, f.name) for f in dataclasses.fields(base)}, **options})
