"""What these kernels can do, and whether Numba can reach a GPU here. Nothing heavy is imported before that is asked."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from typing import Any

from ..cuda.costs import supports as cuda_supports
from ..selection import Problem


@functools.cache
def unusable() -> str | None:
    """Return why Numba cannot run kernels on a GPU here, or None."""
    if importlib.util.find_spec("numba") is None:
        return "Numba is not installed"
    try:
        cuda: Any = importlib.import_module("numba.cuda")
    except ImportError as error:
        return f"numba.cuda cannot be imported ({error})"
    if not cuda.is_available():
        return f"numba.cuda finds no GPU ({cuda.cuda_error() or 'the driver names no device'})"
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0"):
        return None  # the simulator compiles nothing
    compiler: Any = importlib.import_module("numba.cuda.cudadrv.nvvm")
    try:
        compiler.NVVM()
    except compiler.NvvmSupportError as error:
        return (
            f'numba.cuda finds no compiler, which pip install "numba-cuda[cu13]" brings ({str(error).splitlines()[0]})'
        )
    return None


def supports(problem: Problem) -> str | None:
    """Refuse what the kernels in CUDA C++ refuse, and everything where Numba finds no GPU."""
    return cuda_supports(problem) or unusable()
