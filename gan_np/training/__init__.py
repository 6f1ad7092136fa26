"""Training: Algorithm 1, its configuration, checkpoints, run folders and progress."""

from .algorithm import Batches, Step, Trainer
from .build import build_gan, build_trainer
from .checkpoint import CheckpointError, load_gan, restore, save
from .config import Config
from .folder import RunFolder
from .loop import StopTraining, iterate, train

__all__ = [
    "Batches",
    "CheckpointError",
    "Config",
    "RunFolder",
    "Step",
    "StopTraining",
    "Trainer",
    "build_gan",
    "build_trainer",
    "iterate",
    "load_gan",
    "restore",
    "save",
    "train",
]
