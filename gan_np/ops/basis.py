"""A learned map for each channel: spread a vector over it, or sum an image with it.

Both are derivatives of one trilinear form, T(w, a, b) = Σ w[h, w, c]·a[n, h, w, c]·b[n, c]:

    spread(b, w)        = ∂T/∂a:   y[n, h, w, c] = w[h, w, c]·b[n, c]
    weighted_sum(a, w)  = ∂T/∂b:   y[n, c] = Σ_{h, w} w[h, w, c]·a[n, h, w, c]

The first is a transposed convolution of one pixel with a group for each channel, the second a convolution to one pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Into

from .pullback import Along, Asked, Gradients, Linearised, OperationPullback, asked, placed, require_rank
from .slope import moved_on


class _Form(NamedTuple):
    """A map that is linear in x and in its weight, with both adjoints."""

    name: str
    apply: Callable[[Array, Array], Array]
    """(x, weight) → y."""
    to_input: Callable[[Array, Array], Array]
    """(dy, weight) → dx."""
    to_weight: Callable[[Array, Array], Array]
    """(x, dy) → dw."""


def _spread(b: Array, weight: Array) -> Array:
    large: Array = b[:, None, None, :] * weight
    return large


def _summed(a: Array, weight: Array) -> Array:
    small: Array = (a * weight).sum(axis=(1, 2))
    return small


def _met(a: Array, b: Array) -> Array:
    weight: Array = (a * b[:, None, None, :]).sum(axis=0)
    return weight


_SPREAD = _Form("spread", _spread, _summed, lambda b, da: _met(da, b))
_SUM = _Form("weighted_sum", _summed, _spread, _met)


def spread(x: Array, weight: Array, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """y[n, h, w, c] = weight[h, w, c]·x[n, c]: x (N, C), weight (H, W, C); the pullback gives (dx, dweight).

    Raises:
        ShapeError: the channels of x and weight differ.
    """
    require_same("spread", x=x, weight=weight)
    require_rank("spread", "x", x, 2, "(N, channels)")
    require_rank("spread", "weight", weight, 3, "(height, width, channels)")
    if x.shape[1] != weight.shape[2]:
        raise ShapeError(f"spread: x has {x.shape[1]} channels, weight {weight.shape[2]}")
    return _bilinear(_SPREAD, x, weight, wrt)


def weighted_sum(x: Array, weight: Array, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """y[n, c] = Σ_{h, w} weight[h, w, c]·x[n, h, w, c]: x (N, H, W, C), weight (H, W, C); the pullback gives (dx, dweight).

    Raises:
        ShapeError: weight has not the shape of an image of x.
    """
    require_same("weighted_sum", x=x, weight=weight)
    require_rank("weighted_sum", "x", x, 4, "(N, height, width, channels)")
    if x.shape[1:] != weight.shape:
        raise ShapeError(f"weighted_sum: weight must have shape {x.shape[1:]}, got {weight.shape}")
    return _bilinear(_SUM, x, weight, wrt)


def _bilinear(form: _Form, x: Array, weight: Array, wrt: Sequence[bool] | bool) -> tuple[Array, OperationPullback]:
    wanted = asked(wrt, (x, weight))
    y = form.apply(x, weight)
    held = x if wanted[1] else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return form.to_input(dy, weight) if wrt[0] else None, placed(_of_weight(dy, wrt), into[1])

    def _of_weight(dy: Array, wrt: Asked) -> Array | None:
        if not wrt[1]:
            return None
        if held is None:
            raise ValueError(f"{form.name}: forward was not asked for the weight's gradient (wrt), so it kept no x")
        return form.to_weight(held, dy)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, Linearised]:
        moved = form.apply(tangent, weight)

        def both(dmoved: Array, dy: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
            dtangent = form.to_input(dmoved, weight) if wrt[0] else None
            dx = form.to_input(dy, weight) if wrt[0] and dy is not None else None
            dw = None
            if wrt[1]:
                dw = form.to_weight(tangent, dmoved)
                if dy is not None:
                    dw = dw + _of_weight(dy, wrt)
            return dtangent, dx, placed(dw, into[1])

        return moved, Linearised(form.name, moved, wrt, (False, True), both)

    def slope(dy: Array, wrt: Asked, scale: Array | None) -> tuple[Array | None, Along, Asked]:
        def along(tangent: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Array | None:
            image = tangent if scale is None else moved_on(form.name, tangent, held, scale)
            if wrt[1] and image is not None:
                placed(form.to_weight(image, dy), into[1])
            return None if tangent is None else form.apply(tangent, weight)

        return form.to_input(dy, weight) if wrt[0] else None, along, (False, True)

    return y, OperationPullback(form.name, y, (x, weight), wanted, compute, linear, slope=slope)
