"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module, device_of, require_same
from gan_np.checks import number
from gan_np.kernels import Into
from gan_np.rows import RowsOfBatch

from .noise import BLOCK, fresh_key
from .pullback import Asked, Gradients, OperationPullback, asked, problem


def dropout(
    x: Array, rate: float, rng: np.random.Generator, *, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """y = x·mask/(1 − rate), each entry of the mask 0 with probability `rate` (Srivastava et al. 2014, inverted form).

    One word is drawn from `rng`, the key of the mask's bits: the same generator gives the same mask on any device and in
    any dtype. The pullback gives (dx,) = (dy·mask/(1 − rate),). Linear in x, but for what is dropped: that is 0 even where
    x is not finite.
    """
    number("rate", rate, 0.0)
    if rate >= 1:
        raise ValueError(f"rate: expected a number below 1, got {rate}")
    require_same("dropout", x=x)
    chosen = kernels.choose("dropout", problem(x))
    kernel = chosen.implementation
    key = fresh_key(rng, device_of(x))
    before = rng.rank * x.size if isinstance(rng, RowsOfBatch) else 0
    if not before:
        y, mask = kernel.forward(x, rate, key)
    elif "first" in chosen.features and before % BLOCK == 0:
        y, mask = kernel.forward(x, rate, key, before // BLOCK)
    else:
        assert isinstance(rng, RowsOfBatch)
        y, mask = _own_rows(kernel, x, rate, key, rng)
    wanted = asked(wrt, (x,))
    held = mask if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert held is not None
        return (kernel.backward(dy, held, rate),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        assert held is not None
        moved = kernel.backward(tangent, held, rate)
        return moved, OperationPullback("dropout linearised", moved, (tangent,), wrt, compute)

    return y, OperationPullback("dropout", y, (x,), wanted, compute, linear, by_example=True)


def _own_rows(kernel: Any, x: Array, rate: float, key: Any, rng: RowsOfBatch) -> tuple[Array, Array]:
    """y and mask of a rank's rows, from the bits of the whole batch."""
    count = len(x)
    whole = array_module(x).zeros((count * rng.size, *x.shape[1:]), x.dtype)
    rows = slice(rng.rank * count, (rng.rank + 1) * count)
    whole[rows] = x
    y, mask = kernel.forward(whole, rate, key)
    return y[rows], mask[rows]
