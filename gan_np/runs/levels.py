"""Training a LAPGAN: each level a run of its own, one after the other or in parallel processes.

RUN/
  config.toml                  the configuration, the same for every level
  level-0-7x7/                 the coarsest: a run folder (see `folder.py`)
  level-1-14x14/  …            the finer ones
  samples.png                  the series of the finished LAPGAN: a row for each sample, coarse to fine
  drawing.gif                  the first samples at each size in turn, if the configuration asks for animations
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, as_array, integer
from gan_np.data.images import save_animation, save_grid, to_bytes, to_float
from gan_np.models import GAN, LAPGAN, laplacian
from gan_np.models.lapgan import LaplacianLevel
from gan_np.training.algorithm import Trainer

from . import checkpoint
from .build import build_trainer, tuned_kernels
from .config import CHANGEABLE as OF_ANY_RUN
from .config import Config
from .fingerprints import check_fingerprints
from .folder import SAMPLE_SEED, RunFolder, discard, read_config, write_config
from .lock import RunLock
from .loop import check, resume, train
from .processes import run_in_processes
from .signals import Interrupted, StopRequest

CHANGEABLE = (*OF_ANY_RUN, "coarsest_steps")
"""Fields of the configuration that may be others when a LAPGAN goes on."""

SERIES = 8


def train_lapgan(
    gan: LAPGAN,
    images: Array,
    labels: Array | None = None,
    *,
    class_names: Sequence[str] | None = None,
    out: str | Path,
    config: Config,
    progress: bool = True,
    jobs: int = 1,
) -> LAPGAN:
    """Train every level on real images of its size; returns the trained LAPGAN, read back from the run.

    labels, class_names: for a conditional gan, as in `train`.
    jobs: how many levels train at the same time, each in a process of its own with one BLAS thread.
    A run that was cut off goes on: call it again with the same `out`, data and configuration (see `CHANGEABLE` for what may
    be another), or `gan-np train --resume`.

    Raises:
        FileExistsError: `out` is there and is no LAPGAN run.
        ShapeError: the images are not of the gan's shape.
        ValueError: a conditional gan without labels; `out` was trained with another configuration, on other data, or has
            levels of another structure.
    """
    integer("jobs", jobs, 1)
    images = as_array("images", images)
    if images.shape[1:] != gan.image_shape:
        raise ShapeError(f"images: expected images of {gan.image_shape}, got {images.shape}")
    if gan.classes is None:
        labels = None
    elif labels is None:
        raise ValueError(f"labels: this gan is conditional on {gan.classes} classes, it needs one label for each image")
    place = Path(out)
    work: list[_Work] = [
        (
            player,
            reduced(images, len(gan.players) - 1 - number),
            labels,
            class_names,
            place / name_of(number, player),
            config_of(number, config),
        )
        for number, player in enumerate(gan.players)
    ]
    new = not (place / "config.toml").exists()
    if new:
        tuned = tuned_kernels(config)
        for player, reduced_images, own_labels, names, _, own in work:
            check(build_trainer(player, reduced_images, own, own_labels, names), own, tuned, folder=True)
        RunFolder.make_place(place)
    elif read_config(place).model != "lapgan":
        raise FileExistsError(f"out: {place} is another run")
    with RunLock(place):
        if (place / "config.toml").exists():
            new = False
            _check_settings(place, config)
        for player, reduced_images, _, _, folder, _ in work:
            _check_level(player, reduced_images, labels, folder)
        write_config(place, config)
        try:
            _train_levels(work, jobs, progress, place)
        except Interrupted as stop:
            stop.run = place  # not the level's own folder, with which only that level would go on
            raise
        except BaseException:
            if new and not any(checkpoint.all_of(folder) for *_, folder, _ in work):
                with suppress(OSError):
                    discard(place)  # nothing was trained
            raise
        trained = load_lapgan(place)
        save_series(trained, place / "samples.png", SERIES, SAMPLE_SEED)
        if config.animation:
            series = enlarged(trained.series(config.sample_count, SAMPLE_SEED))
            save_animation(series, place / "drawing.gif")
    return trained


_Work: TypeAlias = tuple[GAN, Array, Array | None, Sequence[str] | None, Path, Config]


def _check_settings(place: Path, config: Config) -> None:
    """Refuse to go on with a run under another configuration."""
    before = read_config(place)
    changed = before.differing(config, CHANGEABLE)
    if changed:
        named = ", ".join(f"{name} {getattr(before, name)!r}, not {getattr(config, name)!r}" for name in changed)
        raise ValueError(
            f"out: {place} is a run with {named}; a run keeps its settings, only {', '.join(CHANGEABLE)} may change. Choose "
            "another name for a new run"
        )


def _check_level(player: GAN, images: Array, labels: Array | None, folder: Path) -> None:
    """Refuse to go on with a level that was trained on other data, or has another structure."""
    for file in reversed(checkpoint.all_of(folder)):
        try:
            description = checkpoint.describe_file(file)
        except checkpoint.CheckpointError:
            continue  # an older one says the same
        check_fingerprints(description, images, labels, folder)
        recorded, own = description.get("recipe", {}), json.loads(json.dumps(player.recipe))
        changed = [name for name in own if name in recorded and recorded[name] != own[name]]
        if changed:
            named = ", ".join(f"{name} {recorded[name]!r}, not {own[name]!r}" for name in changed)
            raise ValueError(f"gan: {folder} was trained with {named}")
        return


def _train_levels(work: list[_Work], jobs: int, progress: bool, run: Path) -> None:
    """One after another, or in `jobs` processes."""
    if jobs > 1:
        with _one_blas_thread():
            run_in_processes(train_level, {str(parts[4]): (*parts, False) for parts in work}, jobs, run)
        return
    with StopRequest() as stop:
        for number, parts in enumerate(work):
            train_level(*parts, progress)
            if stop.number is not None and number + 1 < len(work):
                raise Interrupted(stop.number, f"stopped by {signal.Signals(stop.number).name} after {parts[4]}", run)


def level_trainers(
    gan: LAPGAN, images: Array, labels: Array | None, config: Config
) -> Iterator[tuple[str, Config, Trainer]]:
    """For each level its name, its configuration and a trainer as `train_lapgan` would use it, to measure what it costs."""
    for number, player in enumerate(gan.players):
        height, width, _ = player.image_shape
        reduced_images, own = reduced(images, len(gan.players) - 1 - number), config_of(number, config)
        yield f"level {number}, {height}×{width}", own, build_trainer(player, reduced_images, own, labels)


def train_level(
    player: GAN,
    images: Array,
    labels: Array | None,
    class_names: Sequence[str] | None,
    folder: Path,
    config: Config,
    progress: bool,
) -> None:
    """Train one level, or go on with it, or leave it if it is done."""
    if not checkpoint.all_of(folder):
        shutil.rmtree(folder, ignore_errors=True)  # cut off before its first checkpoint
        train(player, images, labels=labels, class_names=class_names, out=folder, config=config, progress=progress)
    elif checkpoint.describe_file(folder).get("training", {}).get("steps", 0) < config.steps:
        resume(
            folder,
            images=images,
            labels=labels,
            data=config.data,
            steps=config.steps,
            device=config.device,
            precision=config.precision,
            progress=progress,
        )


def config_of(number: int, config: Config) -> Config:
    """The configuration of a level: the coarsest may have another number of steps, the others have learning rates of their
    own."""
    if number:
        rates = config.options["detail_g_learning_rate"], config.options["detail_d_learning_rate"]
        return dataclasses.replace(config, g_learning_rate=rates[0], d_learning_rate=rates[1])
    steps = config.options["coarsest_steps"]
    return config if steps is None else dataclasses.replace(config, steps=steps)


def name_of(number: int, player: GAN) -> str:
    """The folder of a level."""
    height, width, _ = player.image_shape
    return f"level-{number}-{height}x{width}"


def reduced(images: Array, halvings: int) -> Array:
    """uint8 images halved that often, rounded once at the end; in pieces, so that memory stays bounded."""
    if not halvings:
        return images
    pieces = []
    for start in range(0, len(images), 4096):
        floats = to_float(np.ascontiguousarray(images[start : start + 4096]), "0..1", np.dtype(np.float32))
        for _ in range(halvings):
            floats = laplacian.reduce(floats)
        pieces.append(to_bytes(floats, "0..1"))
    return np.concatenate(pieces)


def load_lapgan(run: str | Path, *, device: str = "cpu") -> LAPGAN:
    """The LAPGAN of a run folder, from the newest checkpoint of each level that can be read.

    Raises:
        FileNotFoundError: not such a folder, or a level has not got that far yet.
        CheckpointError: a checkpoint is damaged, or of another kind.
    """
    folders = _levels_of(run)
    coarsest, *finer = (checkpoint.load_gan(folder, device=device) for folder in folders)
    levels = [level for level in finer if isinstance(level, LaplacianLevel)]
    if len(levels) != len(finer):
        raise checkpoint.CheckpointError(f"{run}: its levels are not those of a LAPGAN")
    return LAPGAN(coarsest, levels)


def finest(run: str | Path) -> Path:
    """The folder of the finest level of a LAPGAN's run, which is trained on the whole images.

    Raises:
        FileNotFoundError: no level has begun.
    """
    return _levels_of(run)[-1]


def _levels_of(run: str | Path) -> list[Path]:
    folders = level_folders(run)
    if len(folders) < 2:
        raise FileNotFoundError(f"{run}: not the run folder of a LAPGAN (expected level-0-…, level-1-…)")
    return folders


def level_folders(run: str | Path) -> list[Path]:
    """The folders of a LAPGAN's levels, coarse to fine."""
    found = [(_LEVEL.fullmatch(path.name), path) for path in Path(run).glob("level-*") if path.is_dir()]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


_LEVEL = re.compile(r"level-([0-9]{1,9})-[0-9]+x[0-9]+")


def is_lapgan(run: str | Path) -> bool:
    """Whether a path is the run folder of a LAPGAN."""
    return (Path(run) / "config.toml").exists() and read_config(run).model == "lapgan"


def save_series(gan: LAPGAN, path: Path, count: int, seed: int, *, labels: Any = None, average: bool = True) -> Path:
    """A grid with a row for each sample: its image at every size, coarse to fine, all shown at the finest's size."""
    shown = enlarged(gan.series(count, seed, labels=labels, average=average))
    return save_grid(shown.reshape(-1, *gan.image_shape), path, columns=shown.shape[1])


def enlarged(series: list[Array]) -> Array:
    """Images of several sizes, finest last, all at the finest's size by repeating pixels: (N, len(series), H, W, C)."""
    height, width = series[-1].shape[1:3]
    return np.stack(
        [
            images.repeat(height // images.shape[1], axis=1).repeat(width // images.shape[2], axis=2)
            for images in series
        ],
        axis=1,
    )


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Processes started inside have one BLAS thread each: several that spin beside each other are far slower."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
