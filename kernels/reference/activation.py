"""Bias and pointwise activation, with derivatives read from the output."""

from __future__ import annotations

from gan_np.arrays import Array, array_module

from ..interfaces import Activation, Into
from .placing import place


def activate(z: Array, activation: Activation, out: Array) -> Array:
    """f(z) written to `out`, which may be z.

    relu: max(z, 0); leaky_relu: max(z, slope·z); tanh; sigmoid: 1/(1 + e⁻ᶻ) = (1 + tanh(z/2))/2, which cannot overflow.
    """
    xp = array_module(z)
    if activation.kind == "relu":
        xp.maximum(z, 0, out=out)
    elif activation.kind == "leaky_relu":
        xp.maximum(z, z * z.dtype.type(activation.slope), out=out)
    elif activation.kind == "tanh":
        xp.tanh(z, out=out)
    elif activation.kind == "sigmoid":
        xp.multiply(z, z.dtype.type(0.5), out=out)
        xp.tanh(out, out=out)
        out += 1
        out *= z.dtype.type(0.5)
    elif out is not z:
        out[...] = z
    return out


def deactivate(dy: Array, y: Array, activation: Activation) -> Array:
    """f′(z)·dy as a new array (dy itself for "linear"), with f′ a function of y = f(z).

    relu: 1 where y > 0; leaky_relu: slope where y ≤ 0, since f keeps the sign; tanh: 1 − y²; sigmoid: y·(1 − y).
    """
    xp = array_module(dy)
    if activation.kind == "linear":
        return dy
    if activation.kind == "relu":
        return dy * (y > 0)
    if activation.kind == "leaky_relu":
        factor = (y > 0).astype(dy.dtype)
        factor *= dy.dtype.type(1 - activation.slope)
        factor += dy.dtype.type(activation.slope)
        factor *= dy
        return factor
    factor = y * y
    if activation.kind == "tanh":
        xp.subtract(1, factor, out=factor)
    else:
        xp.subtract(y, factor, out=factor)
    factor *= dy
    return factor


def sum_leading(values: Array) -> Array:
    """Return the sum over all axes but the last, in two stages, so that float32 loses less."""
    values = values.reshape(values.shape[0], -1, values.shape[-1])
    total: Array = values.sum(axis=1).sum(axis=0)
    return total


class BiasActivation:
    """The end of a layer, y = f(z + b), and its derivative."""

    def forward(self, z: Array, bias: Array | None, activation: Activation, in_place: bool = False) -> Array:
        """Return y: the bias is added along the last axis, then f is applied."""
        out = z if in_place else array_module(z).empty(z.shape, z.dtype)
        if bias is not None:
            z = array_module(z).add(z, bias, out=out)
        return activate(z, activation, out)

    def backward(
        self, dy: Array, y: Array, activation: Activation, need_bias: bool, into: Into | None = None
    ) -> tuple[Array, Array | None]:
        """Return dz = f′·dy and db = Σ dz over all axes but the last."""
        dz = deactivate(dy, y, activation)
        return dz, place(sum_leading(dz), into) if need_bias else None
