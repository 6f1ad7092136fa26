"""Several processes that train one model together: MPI on processors, NCCL on GPUs. See docs/many-processes.md."""

from .failures import end_all
from .nccl import device_of_rank
from .started import CHOICES, Choice, chosen_ranks, current, started_by

__all__ = ["CHOICES", "Choice", "chosen_ranks", "current", "device_of_rank", "end_all", "started_by"]
