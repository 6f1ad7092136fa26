"""How kernels are compiled: without the interpreter's lock, cached on disk, contracted to fused multiply–adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic as _intrinsic

compiled: Callable[[Callable[..., Any]], Any] = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"}, boundscheck=False
)

reassociated: Callable[[Callable[..., Any]], Any] = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, boundscheck=False
)
"""For a sum along a line: LLVM may add up several partial sums side by side. The order is fixed when it is compiled."""

# Numba's tools for writing LLVM code have no types to check.
intrinsic: Callable[[Callable[..., Any]], Any] = _intrinsic
cgutils: Any = _cgutils
