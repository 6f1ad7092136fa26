"""What the CUDA kernels can do, and what they are estimated to cost. Nothing heavy is imported here.

The costs say only that these kernels come before CuPy's own (the reference run on CuPy arrays): fewer launches, and no
library that refuses to be captured in a graph.
"""

from __future__ import annotations

import math

import numpy as np

from ..selection import Problem
from .grids import LARGEST

BEFORE_LIBRARY = 0.5


def supports(problem: Problem) -> str | None:
    """Refuse what is no CuPy array of float32 or float64 that 32 bits can index; empty arrays are left to the reference."""
    if problem.device != "cuda":
        return "it is for arrays on a GPU"
    if problem.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        return f"it has no {problem.dtype}"
    shapes = [problem.shape]
    if problem.geometry is not None:
        geometry = problem.geometry
        shapes = [geometry.large_shape, geometry.small_shape, geometry.weight_shape]
    for size in map(math.prod, shapes):
        if size == 0:
            return "an array is empty"
        if size > LARGEST:
            return f"an array has {size} numbers, more than {LARGEST}"
    return None


def supports_rounded(problem: Problem) -> str | None:
    """Refuse the same, and float64: tensor cores round float32 alone."""
    if problem.dtype != np.dtype(np.float32):
        return f"tensor cores round float32, not {problem.dtype}"
    return supports(problem)


def cost(problem: Problem) -> float:
    """Estimate a convolution in operations of the direct method, as the reference's is; other operations in calls."""
    return BEFORE_LIBRARY * (1.0 if problem.geometry is None else float(problem.geometry.operations))
