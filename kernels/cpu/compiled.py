"""How kernels are compiled: without the interpreter's lock, cached on disk, contracted to fused multiply–adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

compiled: Callable[[Callable[..., Any]], Any] = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"}, boundscheck=False
)
