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

inlined: Callable[[Callable[..., Any]], Any] = numba.njit(inline="always")
"""A helper that becomes part of each kernel that calls it. Compiled apart it would be optimised once for itself and again
in every caller, and compilation is what a first step waits for."""

# Numba's tools for writing LLVM code have no types to check.
intrinsic: Callable[[Callable[..., Any]], Any] = _intrinsic
cgutils: Any = _cgutils
