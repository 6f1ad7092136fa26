"""The processor that kernels are compiled for: this one, or the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name.

What follows from it, such as the shape of a product's tile, must follow from this and not from the processor that happens to
run the code: several may read the same compiled kernels.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding
from numba.core import config
from numba.core.codegen import get_host_cpu_features

settings: Any = config  # read from the environment, so that types are not known

TRIPLE: str = binding.get_process_triple()
NAME: str = settings.CPU_NAME or binding.get_host_cpu_name()
FEATURES = settings.CPU_FEATURES
if FEATURES is None:
    FEATURES = get_host_cpu_features()  # type: ignore[no-untyped-call]

WIDE = "+avx512f" in FEATURES.split(",")
"""Whether a register holds a whole line; there are then 32 of them, else 16 half lines."""
ROWS = 8 if WIDE else 4
COLUMNS = 2 if WIDE else 1
"""A product's tile is ROWS × (COLUMNS lines): as many sums as fit in registers beside what is multiplied."""
