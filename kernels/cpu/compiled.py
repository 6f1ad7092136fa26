"""How kernels are compiled: without the interpreter's lock, cached on disk, contracted to fused multiply–adds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic as _intrinsic

Decorator = Callable[[Callable[..., Any]], Any]

_jit = partial(numba.njit, cache=True, nogil=True, error_model="numpy", boundscheck=False)
_contracted = {"contract", "nsz"}

compiled: Decorator = _jit(fastmath=_contracted)

inner: Decorator = _jit(fastmath=_contracted, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions that only compiled code calls (from Python a call crashes): a quarter less to compile."""

reassociated: Decorator = _jit(fastmath={*_contracted, "reassoc"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""As `inner`, for sums along a line: LLVM may add up several partial sums side by side, in an order fixed when compiled."""

# Numba's tools for writing LLVM code have no types to check.
intrinsic: Callable[[Callable[..., Any]], Any] = _intrinsic
cgutils: Any = _cgutils
