"""Images moved, turned and stretched, each by its own affine map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.kernels import Into

from .pullback import Asked, Gradients, OperationPullback, asked, problem, require_rank, require_shape


def affine_sample(x: Array, maps: Array, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """y[n, i, j, c] = Σ_{h, w} k(r − h)·k(s − w)·x[n, h, w, c] with (r, s) = maps[n]·(i, j, 1).

    x (N, H, W, C), maps (N, 2, 3).
    k(t) = max(0, 1 − |t|): linear interpolation between the centres of pixels; zeros lie beyond the edges. A map leads from
    a place of y to the place of x that it shows. The pullback gives (dx,), by the exact adjoint; maps are constants.

    Raises:
        ShapeError: there is not one map (2, 3) for each image.
    """
    require_same("affine_sample", x=x, maps=maps)
    require_rank("affine_sample", "x", x, 4, "(N, height, width, channels)")
    require_shape("affine_sample", "maps", maps, (len(x), 2, 3))
    return _mapped(kernels.select("affine_sample", problem(x)), x, maps, wrt)


def _mapped(kernel: Any, x: Array, maps: Array, wrt: Sequence[bool] | bool) -> tuple[Array, OperationPullback]:
    y = kernel.forward(x, maps)

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return (kernel.backward(dy, maps),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        return _mapped(kernel, tangent, maps, wrt)

    return y, OperationPullback("affine_sample", y, (x,), asked(wrt, (x,)), compute, linear, by_example=True)
