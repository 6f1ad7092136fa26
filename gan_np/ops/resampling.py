"""Average pooling and upsampling: linear maps given by a kernel and its adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError, pair
from gan_np.kernels import Into

from .pullback import Asked, Gradients, OperationPullback, asked, problem, require_rank


def _linear_map(
    name: str, kernel: Any, x: Array, size: tuple[int, int], wrt: Sequence[bool] | bool
) -> tuple[Array, OperationPullback]:
    y = kernel.forward(x, size)

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return (kernel.backward(dy, size),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        return _linear_map(name, kernel, tangent, size, wrt)

    return y, OperationPullback(name, y, (x,), asked(wrt, (x,)), compute, linear)


def average_pool(
    x: Array, window: int | tuple[int, int], *, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """Mean over disjoint windows: x (N, H·kh, W·kw, C) to y (N, H, W, C); the pullback gives (dx,).

    Raises:
        ShapeError: the image's sides are not multiples of the window's.
    """
    size = pair("window", window, 1)
    require_same("average_pool", x=x)
    require_rank("average_pool", "x", x, 4, "(N, height, width, channels)")
    if x.shape[1] % size[0] or x.shape[2] % size[1]:
        raise ShapeError(f"average_pool: an image of {x.shape[1:3]} does not divide into windows of {size}")
    return _linear_map("average_pool", kernels.select("average_pool", problem(x)), x, size, wrt)


def upsample_nearest(
    x: Array, factor: int | tuple[int, int] = 2, *, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """Each pixel repeated: x (N, H, W, C) to y (N, H·fh, W·fw, C); the pullback sums over the copies."""
    return _upsample("upsample_nearest", x, factor, wrt)


def upsample_bilinear(
    x: Array, factor: int | tuple[int, int] = 2, *, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """Linear interpolation between pixel centres, edges clamped (Pillow's and PyTorch's align_corners=False).

    x (N, H, W, C) to y (N, H·fh, W·fw, C); the pullback is the exact adjoint.
    """
    return _upsample("upsample_bilinear", x, factor, wrt)


def _upsample(
    name: str, x: Array, factor: int | tuple[int, int], wrt: Sequence[bool] | bool
) -> tuple[Array, OperationPullback]:
    size = pair("factor", factor, 1)
    require_same(name, x=x)
    require_rank(name, "x", x, 4, "(N, height, width, channels)")
    return _linear_map(name, kernels.select(name, problem(x)), x, size, wrt)
