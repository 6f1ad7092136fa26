"""Maxout."""

from __future__ import annotations

from collections.abc import Sequence

from gan_np import kernels
from gan_np.arrays import Array, array_module, require_same
from gan_np.checks import ShapeError, integer
from gan_np.kernels import Into

from .pullback import Asked, Gradients, OperationPullback, asked, problem


def maxout(x: Array, pieces: int, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """y[…, c] = max over p < pieces of x[…, c·pieces + p] (Goodfellow et al. 2013).

    x: (…, channels·pieces); y: (…, channels). The pullback gives (dx,): dy at the winner, 0 elsewhere. Piecewise linear.
    """
    integer("pieces", pieces, 1, 255)
    require_same("maxout", x=x)
    if x.shape[-1] % pieces:
        raise ShapeError(f"maxout: the last axis of x {x.shape} is not a multiple of pieces={pieces}")
    rows = x.reshape(-1, x.shape[-1])
    kernel = kernels.select("maxout", problem(rows))
    flat, winner = kernel.forward(rows, pieces)
    y = flat.reshape(*x.shape[:-1], -1)
    wanted = asked(wrt, (x,))
    before = x.shape
    kept = winner if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert kept is not None
        return (kernel.backward(dy.reshape(kept.shape), kept, pieces).reshape(before),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        assert kept is not None
        grouped = tangent.reshape(*kept.shape, pieces)
        index = kept[:, :, None].astype("int64")
        moved: Array = _take(grouped, index).reshape(y_shape)
        return moved, OperationPullback("maxout linearised", moved, (tangent,), wrt, compute)

    y_shape = y.shape
    return y, OperationPullback("maxout", y, (x,), wanted, compute, linear, by_example=True)


def _take(grouped: Array, index: Array) -> Array:
    return array_module(grouped).take_along_axis(grouped, index, axis=2)
