"""Pointwise activations as operations of their own; dense, convolution and batch normalisation can also fuse them."""

from __future__ import annotations

from collections.abc import Sequence

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import choice, number
from gan_np.kernels import Activation, Into
from gan_np.registry import Registry

from .affine import LINEAR, PIECEWISE_LINEAR, through_both
from .pullback import Along, Asked, Gradients, Linearised, OperationPullback, asked, problem, require_shape
from .slope import bias_gradient

Registry("activation").register()(Activation)

KINDS = ("linear", "relu", "leaky_relu", "tanh", "sigmoid")


def activation(value: Activation | str | None) -> Activation:
    """An activation from its name: "relu", "leaky_relu" (slope 0.2), "tanh", "sigmoid", "linear" or None.

    `Activation("leaky_relu", slope)` sets another slope, above 0 and below 1 (its derivative is read from the sign of
    the output, which needs a slope above 0).
    """
    if value is None:
        return LINEAR
    if isinstance(value, Activation):
        choice("activation", value.kind, KINDS)
        if value.kind == "leaky_relu":
            number("slope", value.slope, above=0.0)
            if value.slope >= 1:
                raise ValueError(f"slope: expected a number below 1, got {value.slope}")
        return value
    kind = choice("activation", value, KINDS)
    return Activation(kind, 0.2 if kind == "leaky_relu" else 0.0)


def activate(
    x: Array, function: Activation | str, *, bias: Array | None = None, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """y = f(x + b), b along the last axis; the pullback gives (dx, db) with dx = f′·dy, f′ read from y.

    Linearised, dx has the part (f″/f′)·ẏ·dẏ, which is 0 where f is piecewise linear.

    relu max(x, 0); leaky_relu max(x, slope·x); tanh; sigmoid 1/(1 + e⁻ˣ). At the kink the derivative is that of the
    left side.
    """
    chosen = activation(function)
    require_same("activate", x=x, bias=bias)
    require_shape("activate", "bias", bias, x.shape[-1:])
    kernel = kernels.select("bias_activation", problem(x))
    y = kernel.forward(x, bias, chosen)
    wanted = asked(wrt, (x, bias))
    gate = y if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dx, db = kernel.backward(dy, gate, chosen, wrt[1], into[1])
        return dx if wrt[0] else None, db

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, Linearised]:
        moved, _ = kernel.backward(tangent, gate, chosen, False)
        curved = chosen.kind not in PIECEWISE_LINEAR
        held = moved if curved else None

        def pull(dmoved: Array, dy: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
            dtangent, _ = kernel.backward(dmoved, gate, chosen, False)
            if held is None and dy is None:
                return dtangent, None, None
            return dtangent, *through_both(kernel, chosen, gate, held, dmoved, dy, wrt[1], into[1])

        return moved, Linearised(chosen.kind, moved, wrt, (curved, curved), pull)

    def slope(dy: Array, wrt: Asked, scale: Array | None) -> tuple[Array | None, Along, Asked]:
        dx, _ = kernel.backward(dy, gate, chosen, False)

        def along(tangent: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Array | None:
            if wrt[1] and scale is not None:
                bias_gradient(dx, scale, into[1])
            return None if tangent is None else kernel.backward(tangent, gate, chosen, False)[0]

        return dx, along, (False, False)

    straight = chosen.kind in PIECEWISE_LINEAR
    return y, OperationPullback(chosen.kind, y, (x, bias), wanted, compute, linear, slope=slope if straight else None)
