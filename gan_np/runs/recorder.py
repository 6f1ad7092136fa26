"""What a training writes while it runs: when to log, draw and save."""

from __future__ import annotations

import importlib
import textwrap
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tomli_w

from gan_np.arrays import Array, generator
from gan_np.files import open_image
from gan_np.metrics import sliced_wasserstein
from gan_np.training.algorithm import Trainer
from gan_np.training.course import Course
from gan_np.training.step import Step

from . import checkpoint
from .about import write_about
from .fingerprints import fingerprints
from .folder import SAMPLE_SEED, RunFolder
from .monitor import Monitor, extractor_of_run, keep_classifier
from .plane import can_be_drawn, save_moment
from .records import record_of
from .sample_images import real_to_draw

SCORE_IMAGES = 256


class Recorder:
    """Follows a training into its run folder; open inside a `with` block.

    seconds: training time spent before (in a resumed run).
    """

    def __init__(self, folder: RunFolder, trainer: Trainer, seconds: float = 0.0) -> None:
        self.folder, self.trainer, self.config = folder, trainer, folder.config
        self._before = seconds
        self._started = time.monotonic()
        table = trainer.gan.labels
        labels = None if table is None or trainer.labels is None else table.labels_of(trainer.labels)
        self._data = fingerprints(trainer.source, labels)
        self._scored: Array | None = None
        self._drawn: Array | None = None
        self._saved_at: int | None = None
        self._unwritten: deque[tuple[Step, float, dict[str, Any]]] = deque()
        self._events: Any = None
        self._monitor: Monitor | None = None

    def __enter__(self) -> Recorder:
        """A checkpoint and the image of before training, event files, the real images that evaluations compare with."""
        write_about(self.folder.path, self.trainer)
        if self.trainer.steps == 0 and not checkpoint.all_of(self.folder.path):
            self.folder.save_checkpoint(self.trainer, dict(self._data))
        if self.config.tensorboard:
            self._events = _event_writer(self.folder.path / "tensorboard", self.trainer.steps)
            text = tomli_w.dumps(self.config.to_mapping())
            self._events.add_text(
                "configuration", textwrap.indent(text, "    "), self.trainer.steps
            )  # code in Markdown
        if self.config.evaluate_every:
            self._monitor = self._make_monitor()
        if self.config.log_norms:
            self.trainer.norms = {}
        if self.trainer.steps == 0 and self.config.sample_every:
            self._save_samples()
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all files."""
        self.folder.close()
        if self._events is not None:
            self._events.close()

    def record(self, step: Step, found: Mapping[str, float] | None = None) -> None:
        """After a step: a line of the log, a grid, a checkpoint, where they are due.

        found: what was measured after it already, for the log.
        """
        config, last = self.config, step.number >= self.config.steps
        measured: dict[str, Any] = dict(found or {})
        if self._monitor is not None and (step.number % config.evaluate_every == 0 or last):
            measured |= self._monitor.figures()
        if step.number % config.log_every == 0 or last or measured:
            self._unwritten.append((step, self._before + time.monotonic() - self._started, measured))
        self._write(wait=last)
        if config.sample_every and step.number % config.sample_every == 0 and not last:
            self._save_samples()
        if config.checkpoint_every and step.number % config.checkpoint_every == 0 and not last:
            self.checkpoint()

    def _write(self, *, wait: bool) -> None:
        """Lines of the log whose numbers are there; on a GPU they come later than their step. wait: all of them."""
        while self._unwritten and (wait or self._unwritten[0][0].ready):
            step, seconds, measured = self._unwritten.popleft()
            record = record_of(step, seconds, self.trainer.norms) | measured
            self.folder.log(record)
            if self._events is not None:
                for name, value in record.items():
                    if name not in ("step", "seconds"):
                        self._events.add_scalar(name, value, step.number)

    def checkpoint(self) -> Path:
        """Save everything now, and keep it as the best if its samples are nearest to the data so far.

        Raises:
            NonFiniteError: on a GPU, where it may be found out only now; nothing is saved then.
        """
        self._write(wait=True)
        self.trainer.settle()
        score = self._score()
        extra = {**self._data, "score": score}
        path = self.folder.save_checkpoint(self.trainer, extra)
        self.folder.save_best(path, score)
        self._saved_at = self.trainer.steps
        return path

    def finish(self) -> None:
        """The last grid, checkpoint, curves and animation."""
        self._save_samples()
        if self._saved_at != self.trainer.steps:
            self.checkpoint()
        self.folder.save_plot(Course(self.trainer.objective).blind_loss)
        if self._monitor is not None:
            self.folder.save_evaluations()
        if self.config.animation:
            self.folder.save_animation()
            self.folder.save_drawing(self.trainer.gan)

    def _save_samples(self) -> None:
        """The samples of now; vectors over some real ones."""
        trainer = self.trainer
        if self._drawn is None and len(trainer.gan.data_shape) == 1:
            self._drawn = real_to_draw(trainer.source)
        path = self.folder.save_samples(trainer.gan, trainer.steps, self._drawn)
        if self._drawn is not None and can_be_drawn(trainer.gan):
            save_moment(self.folder.path, trainer.steps, trainer.gan, self._drawn)
        if self._events is not None and path is not None:
            grid = np.asarray(open_image(path).convert("RGB"))
            self._events.add_image("samples", grid, trainer.steps, dataformats="HWC")

    def _make_monitor(self) -> Monitor:
        trainer, folder = self.trainer, self.folder.path
        if trainer.steps == 0:
            keep_classifier(self.config, folder)
        reader = extractor_of_run(self.config, folder, trainer.gan)
        return Monitor(trainer.gan, trainer.source, reader, self.config.evaluate_count)

    def _score(self) -> float:
        """Sliced Wasserstein distance between samples of a fixed seed and a fixed draw of real images."""
        if self._scored is None:
            self._scored = self.trainer.source.some(SCORE_IMAGES, generator(SAMPLE_SEED)).images
        gan, real = self.trainer.gan, self._scored
        samples = gan.sample(len(real), SAMPLE_SEED)
        if samples.ndim == 2:  # columns of different units count alike
            samples, real = (gan.encoding.encode(part, np.dtype(np.float64)) for part in (samples, real))
        return sliced_wasserstein(samples, real)


def require_tensorboard() -> Any:
    """The package that writes event files.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return importlib.import_module("tensorboardX")
    except ImportError as error:
        raise ModuleNotFoundError(
            'tensorboard: needs the package tensorboardX: python -m pip install "gan_np[tensorboard]"'
        ) from error


def _event_writer(folder: Path, step: int) -> Any:
    # Purging from the step on drops what an interrupted run wrote behind its checkpoint.
    return require_tensorboard().SummaryWriter(str(folder), purge_step=step + 1 if step else None)
