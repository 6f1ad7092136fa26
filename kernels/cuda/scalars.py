"""Numbers that change from step to step: given by the host, or read from device memory when the kernel runs.

A captured graph repeats its launches with the arguments they had; what it reads from device memory may be new each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .launcher import Cell


def scalar(name: str, value: Any, dtype: type[np.generic] = np.float64) -> tuple[Cell | None, np.generic]:
    """(pointer or null, value), two arguments of a kernel: the pointer's number counts where there is one.

    Raises:
        TypeError: an array on the device that is not one number of `dtype`.
    """
    if not hasattr(value, "flags") or isinstance(value, np.generic):
        return None, dtype(value)
    if value.dtype != dtype or value.size != 1:
        wanted = np.dtype(dtype)
        raise TypeError(f"{name}: on the device, expected 1 number of {wanted}, got {value.size} of {value.dtype}")
    return Cell(value), dtype()
