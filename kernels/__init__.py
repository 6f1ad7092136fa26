"""Implementations of the heavy operations, and the table from which they are chosen by name.

Shipped as `gan_np.kernels`. Nothing here knows what a layer is: a kernel gets arrays and returns arrays.
"""

if not __name__.startswith("gan_np."):
    raise ImportError(
        "this folder ships as gan_np.kernels: install the project (python -m pip install -e .) and import that"
    )

from typing import TYPE_CHECKING

from gan_np.lazy import loader

from . import cpu, cuda, numba_cuda, reference, threads
from .features import FEATURES
from .geometry import Geometry, large_size, small_size
from .interfaces import Activation, Into, Number, Plan, large_with_epilogue, small_with_epilogue
from .profiling import Profile, Work, profile
from .recording import RecordedProblem, record_backward, record_epilogue, record_problems
from .scoped import Scoped
from .selection import (
    OPERATIONS,
    Choices,
    Entry,
    Problem,
    available,
    choose,
    entries,
    entry,
    forced_choices,
    named,
    parse_choices,
    register_kernel,
    select,
    select_fused,
    tuned_choices,
    unregister_kernel,
    use_kernels,
    use_tuned,
)
from .tuned import from_records, read_tuned, read_tuned_machine, to_records, tuned_text

if TYPE_CHECKING:
    from .cases import Case, case_of, convolution_label, list_cases
    from .drawn_cases import draw_cases
else:  # what only tests and benchmarks use is loaded when it is used
    __getattr__ = loader(
        __name__,
        {"cases": ("Case", "case_of", "convolution_label", "list_cases"), "drawn_cases": ("draw_cases",)},
    )

__all__ = [
    "FEATURES",
    "OPERATIONS",
    "Activation",
    "Case",
    "Choices",
    "Entry",
    "Geometry",
    "Into",
    "Number",
    "Plan",
    "Problem",
    "Profile",
    "RecordedProblem",
    "Scoped",
    "Work",
    "available",
    "case_of",
    "choose",
    "convolution_label",
    "cpu",
    "cuda",
    "draw_cases",
    "entries",
    "entry",
    "forced_choices",
    "from_records",
    "large_size",
    "large_with_epilogue",
    "list_cases",
    "named",
    "numba_cuda",
    "parse_choices",
    "profile",
    "read_tuned",
    "read_tuned_machine",
    "record_backward",
    "record_epilogue",
    "record_problems",
    "reference",
    "register_kernel",
    "select",
    "select_fused",
    "small_size",
    "small_with_epilogue",
    "threads",
    "to_records",
    "tuned_choices",
    "tuned_text",
    "unregister_kernel",
    "use_kernels",
    "use_tuned",
]


def __dir__() -> list[str]:
    """Return what completion offers, also what is loaded when it is first used."""
    return list(__all__)
