"""Normal numbers from random bits."""

from __future__ import annotations

import math

from gan_np.arrays import Array, array_module

UNITS = 1 << 24


class Normal:
    """r·(cos 2πf, sin 2πf), r = √(−2 ln u)."""

    def forward(self, bits: Array, out: Array) -> None:
        """Two numbers from each word."""
        xp, real = array_module(bits), out.dtype.type
        u = ((bits >> 40) + 1).astype(out.dtype) * real(1 / UNITS)
        angle = (bits & (UNITS - 1)).astype(out.dtype) * real(2 * math.pi / UNITS)
        radius = xp.sqrt(-2 * xp.log(u))
        pairs = out.reshape(-1, 2)
        pairs[:, 0] = radius * xp.cos(angle)
        pairs[:, 1] = radius * xp.sin(angle)
