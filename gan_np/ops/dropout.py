"""Dropout."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, device_of, require_same
from gan_np.checks import number
from gan_np.kernels import Into
from gan_np.replay import drawn

from .pullback import Asked, Gradients, Pullback, asked


def dropout(
    x: Array, rate: float, rng: np.random.Generator, *, wrt: tuple[bool] | bool = True
) -> tuple[Array, Pullback]:
    """y = x·mask/(1 − rate), each entry of the mask 0 with probability `rate` (Srivastava et al. 2014, inverted form).

    The mask is drawn on the host from `rng`, so the same generator gives the same mask on any device. The pullback gives
    (dx,) = (dy·mask/(1 − rate),). Linear in x.
    """
    number("rate", rate, 0.0)
    if rate >= 1:
        raise ValueError(f"rate: expected a number below 1, got {rate}")
    require_same("dropout", x=x)
    mask = drawn(lambda: rng.random(x.shape, dtype=np.float32) >= np.float32(rate), device_of(x)).astype(x.dtype)
    mask *= x.dtype.type(1 / (1 - rate))
    y = x * mask
    wanted = asked(wrt, (x,))
    held = mask if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert held is not None
        return (dy * held,)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, Pullback]:
        assert held is not None
        moved = tangent * held
        return moved, Pullback("dropout linearised", moved, wrt, compute)

    return y, Pullback("dropout", y, wanted, compute, linear)
