"""Normal numbers from random bits."""

from __future__ import annotations

import math

from gan_np.arrays import Array, array_module

from .philox import blocks

UNITS = 1 << 24


class Normal:
    """Standard normal numbers in pairs r·(cos 2πf, sin 2πf), with r = √(−2 ln u)."""

    def forward(self, key: int, out: Array, first: int = 0) -> None:
        """Fill `out` from block `first` on; each block of random bits gives four numbers."""
        xp, real = array_module(out), out.dtype.type
        words = blocks(xp, -(-out.size // 4), key, first)
        numbers = xp.empty((words[0].size, 4), out.dtype)
        for at in (0, 2):
            high, low = (word >> xp.uint64(8) for word in words[at : at + 2])
            radius = xp.sqrt(-2 * xp.log((high + xp.uint64(1)).astype(out.dtype) * real(1 / UNITS)))
            angle = low.astype(out.dtype) * real(2 * math.pi / UNITS)
            numbers[:, at], numbers[:, at + 1] = radius * xp.cos(angle), radius * xp.sin(angle)
        out[...] = numbers.reshape(-1)[: out.size]
