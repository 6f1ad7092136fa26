"""What a training is on disk: its configuration, folder, checkpoints, log and plots; training into one and resuming it.

Knows `training`, which knows nothing of it, and `metrics` for what is measured while a training runs.
"""

from .build import build_gan, build_trainer
from .checkpoint import CheckpointError, restore, save
from .classifier import train_classifier
from .classifier_file import load_classifier, save_classifier
from .config import Config
from .data import open_data
from .folder import RunFolder
from .hinting import Adviser
from .loop import StopTraining, iterate
from .opened import load_gan
from .overview import RunOverview, open_run
from .presets import PRESETS, preset
from .signals import Interrupted
from .stages import resume, train
from .tuning import Trial, Tuned, confirm, save_tuned, tune

__all__ = [
    "PRESETS",
    "Adviser",
    "CheckpointError",
    "Config",
    "Interrupted",
    "RunFolder",
    "RunOverview",
    "StopTraining",
    "Trial",
    "Tuned",
    "build_gan",
    "build_trainer",
    "confirm",
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
