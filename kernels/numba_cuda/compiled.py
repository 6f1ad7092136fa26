"""How kernels are compiled: each for the types of its first arguments, in variants for a dtype and what else is constant.

A kernel stands inside a function whose arguments become constants of its code (the dtype, a tile's side, the device
functions that it calls); `variants` keeps what that function made. Numbers in a kernel are written `real(0.5)`: a bare 0.5
is float64, and would make the sum around it float64 too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from numba import cuda as _cuda

Decorator: TypeAlias = Callable[[Callable[..., Any]], Any]

cuda: Any = _cuda
"""Indices, barriers and shared memory. Kernels name it as a global of their module: the simulator replaces it there."""

kernel: Decorator = cuda.jit
"""The decorator that makes a kernel, which the host launches, of a function."""

device: Decorator = cuda.jit(device=True)
"""What kernels call. It takes numbers and arrays and knows nothing of threads."""

variants: Callable[[Callable[..., Any]], Any] = functools.cache
"""Makes each variant of a kernel once."""
