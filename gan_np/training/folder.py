"""The run folder: what a training leaves behind.

RUN/
  config.toml                        the whole configuration, readable by `gan-np train --config`
  log.jsonl                          one JSON object a line: step, losses, D's accuracies, seconds since the start
  samples/step-000250.png …          grids of the same fixed z over time (000000 is before training)
  samples.png                        the last of them
  losses.png                         both losses and D's accuracies over steps (needs matplotlib)
  checkpoints/step-002000.safetensors   everything: weights, averages, moments, generators, position in the data
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import IO, Any

import tomli_w

from gan_np.arrays import Array
from gan_np.data.images import save_grid
from gan_np.models import GAN

from . import checkpoint
from .algorithm import Step, Trainer
from .config import Config

SAMPLE_SEED = 0


class RunFolder:
    """One run folder, from its making to its end.

    Raises:
        FileExistsError: the folder is there and not empty: a run is never overwritten.
    """

    def __init__(self, path: str | Path, config: Config) -> None:
        self.path = Path(path)
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise FileExistsError(f"out: {self.path} exists and is not an empty folder; choose another name")
        self.path.mkdir(parents=True, exist_ok=True)
        self.config = config
        (self.path / "config.toml").write_text(tomli_w.dumps(config.to_mapping()), encoding="utf-8")
        self._log: IO[str] = (self.path / "log.jsonl").open("a", encoding="utf-8")

    @classmethod
    def free_name(cls, config: Config, root: str | Path = "runs") -> Path:
        """runs/<data>-<model>-<n> with the first n that is free."""
        stem = f"{Path(config.data).stem or 'data'}-{config.model}"
        number = 1
        while (Path(root) / f"{stem}-{number}").exists():
            number += 1
        return Path(root) / f"{stem}-{number}"

    def log(self, record: dict[str, Any]) -> None:
        """Add a line to the log."""
        self._log.write(json.dumps(record) + "\n")
        self._log.flush()

    def save_samples(self, gan: GAN, step: int) -> Path:
        """Draw the fixed z with the generator as it is now."""
        pictures: Array = gan.sample(self.config.sample_count, SAMPLE_SEED)
        path = save_grid(pictures, self.path / "samples" / f"step-{step:06}.png")
        shutil.copyfile(path, self.path / "samples.png")
        return path

    def save_checkpoint(self, trainer: Trainer) -> Path:
        """Everything, under the step's number."""
        path = self.path / "checkpoints" / f"step-{trainer.steps:06}.safetensors"
        return checkpoint.save(path, trainer.gan, trainer, {"config": self.config.to_mapping()})

    def save_plot(self) -> Path | None:
        """The curves, or None where matplotlib is not installed."""
        if importlib.util.find_spec("matplotlib") is None:
            return None
        from .plots import plot_losses

        return plot_losses(self.path / "log.jsonl", self.path / "losses.png")

    def close(self) -> None:
        """No more lines."""
        self._log.close()


def record_of(step: Step, seconds: float) -> dict[str, Any]:
    """A step as a line of the log."""
    numbers = step.numbers()
    rounded = {name: float(f"{value:.6g}") for name, value in numbers.items() if name != "step"}
    return {"step": step.number, **rounded, "seconds": round(seconds, 3)}
