"""The run folder: what a training leaves behind.

A run of several stages has such a folder for each of them, see `stage_folders.py`.

RUN/
  config.toml                        the whole configuration, readable by `gan-np train --config`
  run.json                           the data, the model, versions and machine, for each time that the training went on
  log.jsonl                          one JSON object a line: step, losses, D's accuracies (where the objective has them),
                                     seconds of training; every 100 steps G's gradient and the spread of samples
  hints.jsonl                        what went wrong, if anything did: the step at which it was seen, and what to try
  samples/step-000250.png …          grids of the same fixed z over time (000000 is before training)
  samples/plane-000250.npz …         of points of the plane: samples, D's output as a field, G's map, see `plane.py`
  samples.png                        the last of them; of vectors points, histograms or curves (needs matplotlib)
  samples.csv                        of vectors: the samples drawn there, as numbers
  losses.png                         both losses and D's accuracies over steps (needs matplotlib)
  evaluation.png                     figures of evaluations over steps, if the training was asked for them
  classifier.safetensors             the classifier that evaluations read, if there is one
  evaluation.json, evaluation.html   what `gan-np evaluate` found
  figures.json, failure.json         of a run of `gan-np sweep`: what was measured of it, or why it could not be trained on
  training.gif                       the grids as an animation
  drawing.gif                        of a model that draws in steps: the last grid as it is drawn, step by step
  checkpoints/step-000500.safetensors   everything: weights, averages, moments, generators, position in the data
  checkpoints/best.safetensors       the one with the lowest score (sliced Wasserstein distance to real images)
  tensorboard/                       event files, if asked for
  .lock, .lock-holder                held by the process that writes the run; its number

A run can be gone on with from its first moment: a checkpoint of before the first step (step-000000) stands until the next
one. A run that ends before its first step is done, by an error or Ctrl-C, takes what it wrote with it. One that was killed
so early leaves files of which nothing was trained: a new training may take their folder, as it may an empty one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import tomli_w

from gan_np.arrays import Array
from gan_np.data.images import save_frames
from gan_np.data.parts import natural
from gan_np.files import naming, open_image, read_toml, write_atomically
from gan_np.models import GAN
from gan_np.registry import NotRegistered
from gan_np.training.algorithm import Trainer

from . import checkpoint
from .config import Config
from .drawing import save_drawing
from .hints_file import keep_hints
from .lock import HOLDER, LOCK
from .records import read_records
from .sample_images import draw, write_vectors
from .stage_folders import BEGINNINGS, FILE, stage_folders

SAMPLE_SEED = 0
VECTORS_DRAWN = 1000
"""At least so many samples of vectors are drawn, whatever `sample_count` says: points say little by themselves."""
BEGINNING = "step-000000.safetensors"
"""The checkpoint of before the first step."""
BEFORE_THE_FIRST_STEP = (
    "config.toml",
    "run.json",
    "log.jsonl",
    "hints.jsonl",
    "samples",
    "samples.png",
    "samples.csv",
    "classifier.safetensors",
    "checkpoints",
    "tensorboard",
    FILE,
    BEGINNINGS,
)
UNFINISHED = tuple(f".{name}." for name in BEFORE_THE_FIRST_STEP)
"""How the names of files begin that were being written when the process was killed."""
PREFIX = "evaluation/"
"""How names of figures of evaluations begin in the log."""


class RunFolder:
    """A run folder that this process writes; make it with `create`, or open one to go on with `reopen`."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config
        self._log: IO[str] = (path / "log.jsonl").open("a", encoding="utf-8", newline="\n")
        self._lowest: float | None = None

    @classmethod
    def make_place(cls, path: str | Path) -> Path:
        """The folder for a new run.

        Raises:
            FileExistsError: it is there and not empty: a run of which something was trained is never overwritten.
        """
        place = Path(path)
        refuse_full(place)
        place.mkdir(parents=True, exist_ok=True)
        return place

    @classmethod
    def create(cls, place: Path, config: Config) -> RunFolder:
        """A new run in an empty folder, whose lock the caller holds (so that of two at once only one gets here)."""
        empty(place)
        write_config(place, config)
        return cls(place, config)

    @classmethod
    def reopen(cls, path: str | Path, config: Config, step: int) -> RunFolder:
        """A run to go on with after `step`: lines of the log that lie behind the checkpoint are dropped."""
        place = Path(path)
        kept = [record for record in read_records(place / "log.jsonl") if record["step"] <= step]
        text = "".join(json.dumps(record) + "\n" for record in kept)
        write_atomically(place / "log.jsonl", text.encode())
        keep_hints(place, step)
        write_config(place, config)
        return cls(place, config)

    @classmethod
    def free_name(cls, config: Config, root: str | Path = "runs") -> Path:
        """runs/<data>-<model>-<n> with the first n that is free."""
        stem = f"{Path(config.data).stem or 'data'}-{config.model or 'gan'}"
        number = 1
        while (Path(root) / f"{stem}-{number}").exists():
            number += 1
        return Path(root) / f"{stem}-{number}"

    def log(self, record: dict[str, Any]) -> None:
        """Add a line to the log."""
        with naming(self.path / "log.jsonl"):
            self._log.write(json.dumps(record) + "\n")
            self._log.flush()

    def save_samples(self, gan: GAN, step: int, real: Array | None = None) -> Path | None:
        """Draw the fixed z with the generator as it is now; of vectors also as text. real: data that vectors are drawn over.

        None where vectors cannot be drawn, since matplotlib is not installed.
        """
        count, columns = self.config.sample_count, gan.encoding.columns
        vectors = len(gan.data_shape) == 1
        samples: Array = gan.sample(max(count, VECTORS_DRAWN) if vectors else count, SAMPLE_SEED)
        if vectors:
            write_vectors(samples, self.path / "samples.csv", columns)
        path = draw(samples, real, self.path / "samples" / f"step-{step:06}.png", columns)
        if path is not None:
            write_atomically(self.path / "samples.png", path.read_bytes())
        return path

    def save_checkpoint(self, trainer: Trainer, extra: dict[str, Any] | None = None) -> Path:
        """Everything, under the step's number; older ones beyond `keep` go.

        The log reaches the disk first, so that it is never behind a checkpoint.
        """
        with naming(self.path / "log.jsonl"):
            os.fsync(self._log.fileno())
        path = self.path / "checkpoints" / f"step-{trainer.steps:06}.safetensors"
        description = {"config": self.config.to_file(), **(extra or {})}
        checkpoint.save(path, trainer.gan, trainer, description)
        if trainer.steps:
            _remove(path.parent / BEGINNING)
        for old in checkpoint.all_of(self.path)[: -self.config.keep]:
            _remove(old)
        return path

    def save_best(self, path: Path, score: float) -> bool:
        """Keep a copy of this checkpoint if no earlier one has a lower score."""
        best = self.path / "checkpoints" / "best.safetensors"
        if self._lowest is None:
            self._lowest = _score_of(best)
        if self._lowest <= score:
            return False
        write_atomically(best, path.read_bytes())
        self._lowest = score
        return True

    def save_plot(self, blind_loss: float | None = None) -> Path | None:
        """The curves (see `plot_losses`), or None where matplotlib is not installed or nothing was logged."""
        log = self.path / "log.jsonl"
        records = read_records(log)
        if importlib.util.find_spec("matplotlib") is None or not records:
            return None
        from .plots import plot_losses

        return plot_losses(records, self.path / "losses.png", blind_loss)

    def save_evaluations(self) -> Path | None:
        """The figures of evaluations over the steps, or None where matplotlib is not installed or there are none."""
        from .plots import plot_evaluations

        path = self.path / "evaluation.png"
        return path if plot_evaluations(read_records(self.path / "log.jsonl"), path, PREFIX) else None

    def save_animation(self) -> Path | None:
        """The sample grids over time as a GIF, at most 100 of them, the last one shown for longer.

        Grids that cannot be read are left out, with a warning; None if there is no other.
        """
        from PIL import Image

        files = sorted((self.path / "samples").glob("step-*.png"), key=lambda path: natural(path.name))
        files = files[:: -(-len(files) // 100)] + files[-1:]
        frames = []
        for file in files:
            try:
                frames.append(open_image(file).convert("P", palette=Image.Palette.ADAPTIVE))
            except ValueError as error:
                warnings.warn(f"training.gif: leaves out {error}", stacklevel=2)
        return save_frames(frames, self.path / "training.gif", 200) if frames else None

    def save_drawing(self, gan: GAN) -> Path | None:
        """The fixed z drawn step by step, as a GIF; None for a model that draws at once."""
        return save_drawing(gan, self.path / "drawing.gif", self.config.sample_count, SAMPLE_SEED)

    def close(self) -> None:
        """Close the log; no more lines can be written."""
        with naming(self.path / "log.jsonl"):
            self._log.close()


def _remove(old: Path) -> None:
    """Remove a checkpoint. On Windows one that another process reads just then cannot be: it goes with the next ones."""
    with contextlib.suppress(PermissionError):
        old.unlink(missing_ok=True)


def _score_of(best: Path) -> float:
    """The score of a checkpoint that was kept as the best; infinite where there is none, or a damaged one."""
    try:
        return float(checkpoint.read(best)[1].get("score", math.inf))
    except FileNotFoundError:
        return math.inf
    except checkpoint.CheckpointError as error:
        warnings.warn(f"the best checkpoint of before is lost, the next one takes its place: {error}", stacklevel=4)
        return math.inf


def refuse_full(place: Path) -> None:
    """Refuse a place for a new run that is taken.

    Raises:
        FileExistsError: something is there, and it is neither an empty folder nor a run of which nothing was trained.
    """
    if place.exists() and not (place.is_dir() and _untrained(place)):
        raise FileExistsError(
            f"out: {place} exists and is not an empty folder; choose another name, or --resume it if it is a run"
        )


def empty(place: Path) -> None:
    """Make the folder of a new run empty, its lock being held.

    Raises:
        FileExistsError: it holds something else than a run of which nothing was trained.
    """
    refuse_full(place)
    discard(place)


def _untrained(place: Path) -> bool:
    """Tell whether a folder is empty, or holds nothing but what a run writes before its first step is done."""
    names = [entry.name for entry in place.iterdir() if entry.name not in (LOCK, HOLDER)]
    stages = _stages_in(place)
    own = all(
        name in BEFORE_THE_FIRST_STEP
        or name.startswith(UNFINISHED)
        or (name in stages and (place / name).is_dir() and _untrained(place / name))
        for name in names
    )
    log = place / "log.jsonl"
    return (
        own
        and not (log.exists() and log.stat().st_size)
        and all(path.name == BEGINNING for path in checkpoint.all_of(place))
    )


def _stages_in(place: Path) -> list[str]:
    """The names of the folders of stages; none where it is no run, or no readable one."""
    try:
        return [folder.name for folder in stage_folders(place) if folder != place]
    except ValueError:
        return []


def discard(place: Path) -> None:
    """Remove what a run of which nothing was trained left in its folder; the lock stays, since its holder calls this."""
    for entry in place.iterdir():
        if entry.name in (LOCK, HOLDER):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def write_config(folder: Path, config: Config) -> None:
    """config.toml of a run."""
    write_atomically(folder / "config.toml", tomli_w.dumps(config.to_file()).encode())


def read_config(folder: str | Path) -> Config:
    """The configuration of a run.

    Raises:
        FileNotFoundError, ValueError, TypeError: not a run folder, or its config.toml was damaged; the message names it.
        NotRegistered: it names something of the user's own that is not registered here.
    """
    values = read_settings(folder)
    with of_file(Path(folder) / "config.toml"):
        return Config.from_file(values)


NAMED = 3
"""So many runs are named where a folder of runs was given for a run."""


def read_settings(folder: str | Path) -> dict[str, Any]:
    """What config.toml of a run says, as it stands there: nothing that it names has to be registered.

    Raises:
        FileNotFoundError, ValueError: not a run folder, or no TOML file that can be read.
    """
    path = Path(folder) / "config.toml"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: not a run folder (there is no config.toml in it{_runs_inside(Path(folder))})"
        )
    return read_toml(path)


def _runs_inside(folder: Path) -> str:
    """The runs that a folder holds, for a message; empty where there is none."""
    try:
        found = sorted(path for path in folder.iterdir() if (path / "config.toml").is_file())
    except OSError:
        return ""
    if not found:
        return ""
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return f"; {'a run' if len(found) == 1 else 'runs'} in it: {', '.join(map(str, found[:NAMED]))}{more}"


@contextlib.contextmanager
def of_file(path: str | Path) -> Iterator[None]:
    """Settings that are refused inside the block were read from this file: the message begins with its name.

    Raises:
        NotRegistered, TypeError, ValueError: what was raised inside, named.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = next(kind for kind in (NotRegistered, TypeError, ValueError) if isinstance(error, kind))
        named = kind(f"{path}: {error}")
        for note in getattr(error, "__notes__", []):
            named.add_note(note)
        raise named from error
