"""Numbers that change from step to step: given by the host, or read from device memory when the kernel runs.

A captured graph repeats its launches with the arguments they had; what it reads from device memory may be new each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array

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


def flag(name: str, value: Array | None) -> Cell | None:
    """An int32 on the device that a kernel asks before it does anything; None, a null pointer: there is nothing to ask.

    Raises:
        TypeError: something else, a number of the host's among it, which the launches of a graph would not see change.
    """
    if value is None:
        return None
    if not hasattr(value, "flags") or isinstance(value, np.generic) or value.dtype != np.int32 or value.size != 1:
        raise TypeError(f"{name}: expected 1 number of int32 on the device or None, got {value!r}")
    return Cell(value)
