"""How kernels are compiled: without the interpreter's lock, cached on disk, contracted to fused multiply–adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numba
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic as _intrinsic

from .cache import KernelCache
from .code_generator import KernelDispatcher

kernel_cache: Any = KernelCache

Decorator: TypeAlias = Callable[[Callable[..., Any]], Any]


def _compiler(*freedoms: str, **options: Any) -> Decorator:
    """Numba's compiler with these freedoms in floating-point arithmetic, and our cache."""
    common = {"nopython": True, "nogil": True, "error_model": "numpy", "fastmath": set(freedoms), "boundscheck": False}

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher: Any = KernelDispatcher(function, targetoptions={**common, **options})
        dispatcher._cache = kernel_cache(dispatcher)
        return dispatcher

    return decorate


compiled: Decorator = _compiler("contract", "nsz")
"""For what Python calls: products and sums are contracted, nothing else is rearranged."""

launcher: Decorator = _compiler("contract", "nsz", nogil=False)
"""For what Python calls with objects to be read: with the interpreter's lock held, which it gives back itself."""

inner: Decorator = _compiler("contract", "nsz", no_cpython_wrapper=True)
"""For what only compiled code and the pool call (from Python a call crashes): a quarter less to compile."""

summed: Decorator = _compiler("contract", "nsz", "reassoc", no_cpython_wrapper=True)
"""As `inner`, for sums that may be taken in any order, so that a line of them can be taken at once. The order is that of the
compiled code: the same in every run."""

inlined: Decorator = numba.njit(inline="always")
"""A helper that becomes part of each kernel that calls it. Compiled apart it would be optimised once for itself and again
in every caller, and compilation is what a first step waits for."""

# Numba's tools for writing LLVM code have no types to check.
intrinsic: Decorator = _intrinsic
literal_intrinsic: Decorator = _intrinsic(prefer_literal=True)
"""For one whose code depends on an integer that it is given: see `constants` of `pool.run`."""
cgutils: Any = _cgutils
