"""Several processes that train one model together: MPI on processors, NCCL on GPUs. See docs/many-processes.md."""

from .started import CHOICES, chosen_ranks, started_by

__all__ = ["CHOICES", "chosen_ranks", "started_by"]
