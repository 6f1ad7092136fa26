"""Several processes that train one model together: MPI on processors, NCCL on GPUs. See docs/many-processes.md."""

from .failures import end_all
from .started import CHOICES, Choice, chosen_ranks, current, started_by

__all__ = ["CHOICES", "Choice", "chosen_ranks", "current", "end_all", "started_by"]
