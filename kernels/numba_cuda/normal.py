"""Normal numbers from random bits: Philox 4×32-10 (Salmon et al. 2011) and Box and Muller 1958, a thread for each block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gan_np.arrays import Array

from ..cuda.grids import over
from ..cuda.launcher import new
from ..reference.normal import UNITS
from .compiled import cuda, device, kernel, variants
from .launcher import cell, launch
from .philox import philox

BYTE = np.uint64(8)


@variants
def normals(real: Any) -> Any:
    """A kernel: r·(cos 2πf, sin 2πf), r = √(−2 ln u), twice from each block."""
    unit, turn = real(1 / UNITS), real(2 * math.pi / UNITS)

    @device
    def pair(high: Any, low: Any) -> Any:
        uniform = real(np.int64(high >> BYTE) + 1) * unit
        angle = real(np.int64(low >> BYTE)) * turn
        radius = real(math.sqrt(real(-2) * real(math.log(uniform))))
        return radius * real(math.cos(angle)), radius * real(math.sin(angle))

    @kernel
    def normal(out: Array, key: Array, count: int) -> None:
        for block in range(cuda.grid(1), (count + 3) // 4, cuda.gridsize(1)):
            a, b, c, d = philox(key[0], np.uint64(block))
            place = 4 * block
            for high, low in ((a, b), (c, d)):
                x, y = pair(high, low)
                if place < count:
                    out[place] = x
                if place + 1 < count:
                    out[place + 1] = y
                place += 2

    return normal


class Normal:
    """Standard normal numbers; one thread makes those of a block of random bits.

    The key may be an array of one uint64 in device memory.
    """

    def forward(self, key: int, out: Array) -> None:
        """Fill `out` with standard normal numbers."""
        to = out if out.flags.c_contiguous else new(out, out.shape)
        arguments = (to, cell("key", key, out, np.uint64), to.size)
        launch(normals(out.dtype.type), *over(-(-out.size // 4)), arguments)
        if to is not out:
            out[...] = to
