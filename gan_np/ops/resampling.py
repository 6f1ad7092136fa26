"""Average pooling, upsampling and the low-pass by two: linear maps given by a kernel and its adjoint."""

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

    return y, OperationPullback(name, y, (x,), asked(wrt, (x,)), compute, linear, by_example=True)


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


def blur_upsample(
    x: Array, odd: bool | tuple[bool, bool] = False, *, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """Twice the size and a low-pass (Karras et al. 2020; R3GAN, Huang et al. 2024): x (N, H, W, C) to y (N, H', W', C).

    The transposed convolution of each channel with the outer product of [1, 3, 3, 1]/4 = [1, 2, 1]/4 * [1, 1], stride 2,
    padding 1; its sum is 4, so that a constant image stays what it is away from the edges (zeros lie beyond them).
    odd: whether H' is 2·H + 1 and not 2·H; for each axis, or one answer for both.
    """
    extra = (bool(odd), bool(odd)) if isinstance(odd, bool) else (bool(odd[0]), bool(odd[1]))
    _require_images("blur_upsample", x)
    size = 2 * x.shape[1] + extra[0], 2 * x.shape[2] + extra[1]
    return _blur("blur_upsample", kernels.select("blur", problem(x)), x, size, True, 1.0, wrt)


def blur_downsample(x: Array, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """A low-pass and half the size: x (N, H, W, C) to y (N, ⌊H/2⌋, ⌊W/2⌋, C).

    The convolution of each channel with the outer product of [1, 3, 3, 1]/8, stride 2, padding 1; its sum is 1. It is a
    quarter of the adjoint of `blur_upsample`.

    Raises:
        ShapeError: a side of one pixel.
    """
    _require_images("blur_downsample", x)
    if min(x.shape[1:3]) < 2:
        raise ShapeError(f"blur_downsample: expected sides of at least 2, got {x.shape[1:3]}")
    kernel, size = kernels.select("blur", problem(x)), (x.shape[1], x.shape[2])
    return _blur("blur_downsample", kernel, x, size, False, 0.25, wrt)


def _require_images(name: str, x: Array) -> None:
    require_same(name, x=x)
    require_rank(name, "x", x, 4, "(N, height, width, channels)")


def _blur(
    name: str, kernel: Any, x: Array, size: tuple[int, int], up: bool, scale: float, wrt: Sequence[bool] | bool
) -> tuple[Array, OperationPullback]:
    """size: the sides of the larger image."""

    def apply(image: Array, up: bool) -> Array:
        applied: Array = kernel.enlarge(image, size, scale) if up else kernel.shrink(image, scale)
        return applied

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return (apply(dy, not up),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, OperationPullback]:
        return _blur(name, kernel, tangent, size, up, scale, wrt)

    y = apply(x, up)
    return y, OperationPullback(name, y, (x,), asked(wrt, (x,)), compute, linear, by_example=True)
