"""Several processes that train one model together: MPI on processors, NCCL on GPUs. See docs/many-processes.md."""

from typing import TYPE_CHECKING

from gan_np.lazy import loader

if TYPE_CHECKING:
    from .failures import end_all
    from .launchers import started_by
    from .nccl import device_of_rank
    from .started import CHOICES, Choice, chosen_ranks, current

if not TYPE_CHECKING:
    __getattr__ = loader(
        __name__,
        {
            "failures": ("end_all",),
            "launchers": ("started_by",),
            "nccl": ("device_of_rank",),
            "started": ("CHOICES", "Choice", "chosen_ranks", "current"),
        },
    )

__all__ = ["CHOICES", "Choice", "chosen_ranks", "current", "device_of_rank", "end_all", "started_by"]
