"""What a training is on disk: its configuration, folder, checkpoints, log and plots; training into one and resuming it.

Knows `training`, which knows nothing of it, and `metrics` for what is measured while a training runs.
"""

from typing import TYPE_CHECKING

from gan_np.lazy import loader

if TYPE_CHECKING:
    from .build import build_gan, build_trainer
    from .checkpoint import CheckpointError, restore, save
    from .classifier import train_classifier
    from .classifier_file import load_classifier, save_classifier
    from .config import Config
    from .data import open_data
    from .differences import RunDifferences, diff
    from .folder import RunFolder
    from .hinting import Adviser
    from .loop import StopTraining, iterate
    from .opened import load_gan
    from .overview import RunOverview, open_run
    from .presets import PRESETS, preset
    from .signals import Interrupted
    from .stages import resume, train
    from .trackers import MLflow, Tracker, Trackio, WeightsAndBiases
    from .tuning import Trial, Tuned, confirm, save_tuned, tune

if not TYPE_CHECKING:
    __getattr__ = loader(
        __name__,
        {
            "build": ("build_gan", "build_trainer"),
            "checkpoint": ("CheckpointError", "restore", "save"),
            "classifier": ("train_classifier",),
            "classifier_file": ("load_classifier", "save_classifier"),
            "config": ("Config",),
            "data": ("open_data",),
            "differences": ("RunDifferences", "diff"),
            "folder": ("RunFolder",),
            "hinting": ("Adviser",),
            "loop": ("StopTraining", "iterate"),
            "opened": ("load_gan",),
            "overview": ("RunOverview", "open_run"),
            "presets": ("PRESETS", "preset"),
            "signals": ("Interrupted",),
            "stages": ("resume", "train"),
            "trackers": ("MLflow", "Tracker", "Trackio", "WeightsAndBiases"),
            "tuning": ("Trial", "Tuned", "confirm", "save_tuned", "tune"),
        },
    )

__all__ = [
    "PRESETS",
    "Adviser",
    "CheckpointError",
    "Config",
    "Interrupted",
    "MLflow",
    "RunDifferences",
    "RunFolder",
    "RunOverview",
    "StopTraining",
    "Tracker",
    "Trackio",
    "Trial",
    "Tuned",
    "WeightsAndBiases",
    "build_gan",
    "build_trainer",
    "confirm",
    "diff",
    "iterate",
    "load_classifier",
    "load_gan",
    "open_data",
    "open_run",
    "preset",
    "restore",
    "resume",
    "save",
    "save_classifier",
    "save_tuned",
    "train",
    "train_classifier",
    "tune",
]


def __dir__() -> list[str]:
    """Return what completion offers, also what is loaded when it is first used."""
    return list(__all__)
