"""Dense: y = f(x·W + b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Activation, Into

from .affine import LINEAR, affine
from .pullback import Pullback, asked, problem, require_rank, require_shape


class _Product:
    """L(w, x) = x·W."""

    keeps_input = True

    def __init__(self, kernel: Any, weight: Array) -> None:
        self.kernel, self.weight = kernel, weight

    def prepare_input(self, x: Array) -> Array:
        return x

    def prepare_gradient(self, dz: Array) -> Array:
        return dz

    def forward(self, prepared: Array) -> Array:
        z: Array = self.kernel.forward(prepared, self.weight)
        return z

    def input_gradient(self, prepared: Array) -> Array:
        dx: Array = self.kernel.input_gradient(prepared, self.weight)
        return dx

    def weight_gradient(self, prepared_input: Array, prepared_gradient: Array, into: Into | None) -> Array:
        dw: Array = self.kernel.weight_gradient(prepared_input, prepared_gradient, into)
        return dw


def dense(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    activation: Activation = LINEAR,
    wrt: Sequence[bool] | bool = True,
) -> tuple[Array, Pullback]:
    """y = f(x·W + b) for x (N, in_features), W (in_features, out_features), b (out_features,).

    Returns y (N, out_features) and the pullback to (dx, dW, db): with dz = f′·dy, dx = dz·Wᵀ, dW = xᵀ·dz, db = Σ_N dz.

    Raises:
        ShapeError: shapes do not meet.
        TypeError: dtypes or devices differ.
    """
    require_same("dense", x=x, weight=weight, bias=bias)
    require_rank("dense", "x", x, 2, "(N, in_features)")
    require_rank("dense", "weight", weight, 2, "(in_features, out_features)")
    if x.shape[1] != weight.shape[0]:
        raise ShapeError(f"dense: x has {x.shape[1]} features, weight {weight.shape} expects {weight.shape[0]}")
    require_shape("dense", "bias", bias, weight.shape[1:])
    form = _Product(kernels.select("dense", problem(x)), weight)
    return affine("dense", form, x, bias, activation, asked(wrt, (x, weight, bias)))
