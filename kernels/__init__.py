"""Implementations of the heavy operations, and the table from which they are chosen by name.

Shipped as `gan_np.kernels`. Nothing here knows what a layer is: a kernel gets arrays and returns arrays.
"""

if not __name__.startswith("gan_np."):
    raise ImportError(
        "this folder ships as gan_np.kernels: install the project (python -m pip install -e .) and import that"
    )

from . import cpu, reference, threads
from .cases import Case, cases
from .geometry import Geometry, large_size, small_size
from .interfaces import Activation, Into, Plan
from .table import (
    OPERATIONS,
    Entry,
    Problem,
    available,
    choose,
    entries,
    entry,
    parse_choices,
    register_kernel,
    select,
    unregister_kernel,
    use_kernels,
)
from .trace import Total, Work, trace

__all__ = [
    "OPERATIONS",
    "Activation",
    "Case",
    "Entry",
    "Geometry",
    "Into",
    "Plan",
    "Problem",
    "Total",
    "Work",
    "available",
    "cases",
    "choose",
    "cpu",
    "entries",
    "entry",
    "large_size",
    "parse_choices",
    "reference",
    "register_kernel",
    "select",
    "small_size",
    "threads",
    "trace",
    "unregister_kernel",
    "use_kernels",
]
