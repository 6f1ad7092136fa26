"""Operations that move numbers without changing them, and the sum: reshape, concatenate, add."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gan_np import kernels
from gan_np.arrays import Array, Shape, array_module, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Into

from .pullback import Asked, Gradients, OperationPullback, asked, placed, problem


def reshape(x: Array, shape: Shape, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """x (N, …) as (N, *shape), in C order; the pullback gives (dx,)."""
    if math.prod(x.shape[1:]) != math.prod(shape):
        raise ShapeError(f"reshape: an example of shape {x.shape[1:]} cannot become {tuple(shape)}")
    y, before = x.reshape(len(x), *shape), x.shape

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return (dy.reshape(before),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        return reshape(tangent, shape, wrt=wrt)

    return y, OperationPullback("reshape", y, (x,), asked(wrt, (x,)), compute, linear, by_example=True)


def concatenate(*arrays: Array, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """Arrays joined along the last axis; the pullback cuts dy into the parts."""
    require_same("concatenate", **{f"arrays[{index}]": array for index, array in enumerate(arrays)})
    if not arrays or any(array.shape[:-1] != arrays[0].shape[:-1] for array in arrays):
        raise ShapeError(f"concatenate: all axes but the last must agree, got {[array.shape for array in arrays]}")
    y = array_module(arrays[0]).concatenate(arrays, axis=-1)
    ends, start = [], 0
    for array in arrays:
        ends.append((start, start + array.shape[-1]))
        start += array.shape[-1]

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        parts = [dy[..., low:high] if want else None for want, (low, high) in zip(wrt, ends, strict=True)]
        return tuple(map(placed, parts, into))

    return y, OperationPullback("concatenate", y, arrays, asked(wrt, arrays), compute)


def add(*arrays: Array, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """The sum of arrays of one shape; the pullback gives dy to each (the same array: do not write to it)."""
    require_same("add", **{f"arrays[{index}]": array for index, array in enumerate(arrays)})
    if not arrays or any(array.shape != arrays[0].shape for array in arrays):
        raise ShapeError(f"add: shapes must agree, got {[array.shape for array in arrays]}")
    y, kernel = arrays[0], kernels.select("scaled_sum", problem(arrays[0]))
    for array in arrays[1:]:
        y = kernel.add(y, array, None)

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return tuple(placed(dy if want else None, place) for want, place in zip(wrt, into, strict=True))

    return y, OperationPullback("add", y, arrays, asked(wrt, arrays), compute)
