"""Algorithm 1 and what belongs to it alone: batches, penalties, the steps of both players. Nothing here touches a disk."""

from . import hints
from .algorithm import Trainer
from .finite import NonFiniteError
from .hints import TrainingHint
from .sources import DataEndedError, Source, as_source
from .step import Step

__all__ = [
    "DataEndedError",
    "NonFiniteError",
    "Source",
    "Step",
    "Trainer",
    "TrainingHint",
    "as_source",
    "hints",
]
