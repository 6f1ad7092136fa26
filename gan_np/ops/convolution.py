"""Convolution and transposed convolution: two faces of one trilinear form (see `Geometry` in `kernels/geometry.py`).

    T(w, a, b) = Σ w·a·b over kernel taps, a the large image, b the small one
    convolution             x = a,  y = ∂T/∂b      dx = ∂T/∂a at b = dy      dw = ∂T/∂w at b = dy
    transposed convolution  x = b,  y = ∂T/∂a      dx = ∂T/∂b at a = dy      dw = ∂T/∂w at a = dy

So both are written once, with the roles of a and b exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError, integer, pair
from gan_np.kernels import Activation, Geometry, Into, Plan, large_size, small_size

from .affine import LINEAR, affine
from .pullback import OperationPullback, asked, problem, require_rank, require_shape
from .recomputable import Recomputable

Cache = Callable[[Any, Callable[[], Any]], Any]
"""(key, compute) → compute(), or what it gave before while the weights have not moved."""


def _no_cache(key: Any, compute: Callable[[], Any]) -> Any:
    return compute()


class _LargeToSmall:
    """L(w, x) = ∂T/∂b(w, x)."""

    def __init__(self, plan: Plan, weight: Any, asked_of_table: Any) -> None:
        self.plan, self.weight, self.problem = plan, weight, asked_of_table
        self.keeps_input = plan.keeps_large
        self.prepare_input, self.prepare_gradient = plan.prepare_large, plan.prepare_small

    def forward(self, prepared: Any) -> Array:
        return self.plan.to_small(self.weight, prepared)

    def with_epilogue(self, prepared: Any, bias: Array | None, activation: Activation) -> Array | None:
        kernels.record_epilogue(self.problem, "small", activation, bias is not None)
        plan = kernels.small_with_epilogue(self.plan)
        return None if plan is None else plan.to_small_with_epilogue(self.weight, prepared, bias, activation)

    def input_gradient(self, prepared: Any) -> Array:
        dx = self.plan.to_large(self.weight, prepared)
        _release(self.weight)
        return dx

    def weight_gradient(self, prepared_input: Any, prepared_gradient: Any, into: Into | None) -> Array:
        return self.plan.to_weight(prepared_input, prepared_gradient, into)


class _SmallToLarge:
    """L(w, x) = ∂T/∂a(w, x)."""

    def __init__(self, plan: Plan, weight: Any, asked_of_table: Any) -> None:
        self.plan, self.weight, self.problem = plan, weight, asked_of_table
        self.keeps_input = plan.keeps_small
        self.prepare_input, self.prepare_gradient = plan.prepare_small, plan.prepare_large

    def forward(self, prepared: Any) -> Array:
        return self.plan.to_large(self.weight, prepared)

    def with_epilogue(self, prepared: Any, bias: Array | None, activation: Activation) -> Array | None:
        kernels.record_epilogue(self.problem, "large", activation, bias is not None)
        plan = kernels.large_with_epilogue(self.plan)
        return None if plan is None else plan.to_large_with_epilogue(self.weight, prepared, bias, activation)

    def input_gradient(self, prepared: Any) -> Array:
        return self.plan.to_small(self.weight, prepared)

    def weight_gradient(self, prepared_input: Any, prepared_gradient: Any, into: Into | None) -> Array:
        return self.plan.to_weight(prepared_gradient, prepared_input, into)

    def release_weight(self) -> None:
        """Free what only forward reads of the prepared weights: they are being learnt, so the next forward has others."""
        _release(self.weight)


def _release(weight: Any) -> None:
    """Free what only `to_large` reads of the prepared weights; it is made again where it is needed again."""
    release = getattr(weight, "release", None)
    if release is not None:
        release()


def _plan(x: Array, weight: Array, geometry: Geometry, cache: Cache) -> tuple[Plan, Any, kernels.Problem]:
    asked_of_table = problem(x, geometry)
    kernel = kernels.choose("conv2d", asked_of_table)
    plan: Plan = kernel.implementation.plan(geometry)
    prepared = cache((kernel.name, kernel.serial, geometry), lambda: plan.prepare_weight(weight))
    return plan, prepared, asked_of_table


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    groups: int = 1,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
    cache: Cache = _no_cache,
    recomputable: Recomputable | None = None,
) -> tuple[Array, OperationPullback]:
    """Convolution (cross-correlation, as everywhere in the field) with zero padding.

    y[n, i, j, d] = f(b[d] + Σ_{u,v,c} x[n, i·sh + u − ph, j·sw + v − pw, c] · w[u, v, c, d])

    x: (N, H, W, in_channels).  weight: (kernel_height, kernel_width, in_channels/groups, out_channels).
    bias: (out_channels,).
    groups: the channels of x and of y divide into so many equal runs, and those of y see only x's run of their own number:
    x[…, g·in_channels/groups + c] stands in the formula for x[…, c], g = ⌊d·groups/out_channels⌋.
    Returns y (N, ⌊(H + 2·ph − kh)/sh⌋ + 1, likewise for W, out_channels) and the pullback to (dx, dw, db).
    cache: keeps the kernel's prepared weights between calls (layers pass one; leave it alone otherwise).
    recomputable: x, where it can be computed again in place of being kept (layers pass it; leave it alone otherwise).

    Raises:
        ShapeError: shapes do not meet, channels do not divide into groups, or the kernel is larger than the padded image.
        ValueError: groups is less than 1.
        TypeError: dtypes or devices differ.
    """
    name = "conv2d"
    require_same(name, x=x, weight=weight, bias=bias)
    require_rank(name, "x", x, 4, "(N, height, width, in_channels)")
    require_rank(name, "weight", weight, 4, "(kernel_height, kernel_width, in_channels/groups, out_channels)")
    _require_groups(name, groups, weight.shape[3], f"the {weight.shape[3]} out_channels of weight {weight.shape}")
    if x.shape[3] != weight.shape[2] * groups:
        raise ShapeError(
            f"{name}: x has {x.shape[3]} channels, weight {weight.shape} expects {weight.shape[2] * groups}{_in(groups)}"
        )
    require_shape(name, "bias", bias, weight.shape[3:])
    geometry = _geometry(x.shape, weight.shape, _fixed(stride), _fixed(padding), groups)
    form = _LargeToSmall(*_plan(x, weight, geometry, cache))
    return affine(name, form, x, weight, bias, activation, asked(wrt, (x, weight, bias)), recomputable)


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
    cache: Cache = _no_cache,
    recomputable: Recomputable | None = None,
) -> tuple[Array, OperationPullback]:
    """Transposed (fractionally-strided) convolution: the adjoint of the convolution with these weights.

    y[n, i·sh + u − ph, j·sw + v − pw, c] += x[n, i, j, d] · w[u, v, c, d], then b[c] and f.

    x: (N, H, W, in_channels).  weight: (kernel_height, kernel_width, out_channels/groups, in_channels), as of the
    convolution that it transposes.  bias: (out_channels,).
    groups: the channels of x and of y divide into so many equal runs, and those of x reach only y's run of their own number:
    y[…, g·out_channels/groups + c] stands in the formula for y[…, c], g = ⌊d·groups/in_channels⌋.
    Returns y (N, (H − 1)·sh − 2·ph + kh + output_padding, likewise for W, out_channels) and the pullback to (dx, dw, db).

    Raises:
        ShapeError: shapes do not meet, channels do not divide into groups, or nothing would be left.
        ValueError: output_padding is not below the stride (the size would be ambiguous), or groups is less than 1.
        TypeError: dtypes or devices differ.
    """
    name = "conv_transpose2d"
    require_same(name, x=x, weight=weight, bias=bias)
    require_rank(name, "x", x, 4, "(N, height, width, in_channels)")
    require_rank(name, "weight", weight, 4, "(kernel_height, kernel_width, out_channels/groups, in_channels)")
    _require_groups(name, groups, weight.shape[3], f"the {weight.shape[3]} in_channels of weight {weight.shape}")
    if x.shape[3] != weight.shape[3]:
        raise ShapeError(f"{name}: x has {x.shape[3]} channels, weight {weight.shape} expects {weight.shape[3]}")
    require_shape(name, "bias", bias, (weight.shape[2] * groups,))
    geometry = _transposed(x.shape, weight.shape, _fixed(stride), _fixed(padding), _fixed(output_padding), groups)
    form, wanted = _SmallToLarge(*_plan(x, weight, geometry, cache)), asked(wrt, (x, weight, bias))
    made = affine(name, form, x, weight, bias, activation, wanted, recomputable)
    if wanted[1]:
        form.release_weight()
    return made


def _fixed(sizes: Any) -> Any:
    """A list as a tuple: what is remembered by its arguments needs ones that do not change."""
    return tuple(sizes) if isinstance(sizes, list) else sizes


def _require_groups(operation: str, groups: int, channels: int, which: str) -> None:
    """Refuse a number of groups that is none, or that does not divide a weight's channels."""
    if integer("groups", groups, 1) != 1 and channels % groups:
        raise ShapeError(f"{operation}: groups: {which} do not divide into {groups} groups")


def _in(groups: int) -> str:
    """What a message says of groups, where there are several."""
    return "" if groups == 1 else f" in {groups} groups"


@lru_cache(maxsize=1024, typed=True)
def _geometry(image: tuple[int, ...], weight: tuple[int, ...], stride: Any, padding: Any, groups: int) -> Geometry:
    """Of a convolution of images (N, H, W, C). Remembered: a step asks for the same few again and again."""
    strides, paddings = pair("stride", stride, 1), pair("padding", padding, 0)
    kernel = (weight[0], weight[1])
    small = conv2d_shape(image[1:], weight[3], kernel, strides, paddings)
    return Geometry(image[0], (image[1], image[2], image[3]), small, kernel, strides, paddings, groups)


@lru_cache(maxsize=1024, typed=True)
def _transposed(
    image: tuple[int, ...], weight: tuple[int, ...], stride: Any, padding: Any, output_padding: Any, groups: int
) -> Geometry:
    """Of a transposed convolution of images (N, H, W, C)."""
    strides, paddings = pair("stride", stride, 1), pair("padding", padding, 0)
    extra, kernel = pair("output_padding", output_padding, 0), (weight[0], weight[1])
    large = conv_transpose2d_shape(image[1:], weight[2] * groups, kernel, strides, paddings, extra)
    return Geometry(image[0], large, (image[1], image[2], image[3]), kernel, strides, paddings, groups)


def conv2d_shape(
    image: tuple[int, ...],
    out_channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> tuple[int, int, int]:
    """Output (height, width, channels) of a convolution of an image (height, width, channels)."""
    height, width = (small_size(image[axis], kernel[axis], stride[axis], padding[axis]) for axis in (0, 1))
    if height < 1 or width < 1:
        raise ShapeError(
            f"conv2d: kernel {kernel} is larger than the image {image[:2]} with padding {padding} on each side"
        )
    return height, width, out_channels


def conv_transpose2d_shape(
    image: tuple[int, ...],
    out_channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    output_padding: tuple[int, int],
) -> tuple[int, int, int]:
    """Output (height, width, channels) of a transposed convolution of an image (height, width, channels)."""
    if output_padding[0] >= stride[0] or output_padding[1] >= stride[1]:
        raise ValueError(f"output_padding: expected less than stride {stride} along each axis, got {output_padding}")
    height, width = (
        large_size(image[axis], kernel[axis], stride[axis], padding[axis], output_padding[axis]) for axis in (0, 1)
    )
    if height < 1 or width < 1:
        raise ShapeError(
            f"conv_transpose2d: an image of {image[:2]} with kernel {kernel}, stride {stride}, padding {padding} "
            f"and output_padding {output_padding} would have size {(height, width)}"
        )
    return height, width, out_channels
