"""Dense: y = f(x·W + b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Activation, Into

from .affine import LINEAR, affine, linearised
from .pullback import Asked, Gradients, Linearised, OperationPullback, asked, problem, require_rank, require_shape


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

    def with_epilogue(self, prepared: Array, bias: Array | None, activation: Activation) -> Array | None:
        return None

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
) -> tuple[Array, OperationPullback]:
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
    wanted = asked(wrt, (x, weight, bias))
    fused = kernels.select_fused("dense_layer", problem(x)._replace(shape=(*x.shape, weight.shape[1])))
    if fused is not None:
        return _fused(fused, x, weight, bias, activation, wanted)
    form = _Product(kernels.select("dense", problem(x)), weight)
    return affine("dense", form, x, weight, bias, activation, wanted)


def _fused(
    kernel: Any, x: Array, weight: Array, bias: Array | None, activation: Activation, wrt: Asked
) -> tuple[Array, OperationPullback]:
    """The same by a kernel that does all of it at once; kept are y if f is not linear, x if dW was asked for."""
    y: Array = kernel.forward(x, weight, bias, activation)
    kept = x if wrt[1] else None
    gate = y if activation != LINEAR and any(wrt) else None
    of_output = problem(y)  # and not y itself, which the functions below would keep

    def compute(dy: Array, asked: Asked, into: tuple[Into | None, ...]) -> Gradients:
        gradients: Gradients = kernel.backward(dy, kept, gate, weight, activation, asked, into[1], into[2])
        return gradients

    def linear(tangent: Array, asked: Asked) -> tuple[Array, Linearised]:
        form = _Product(kernels.select("dense", problem(tangent)), weight)
        epilogue = kernels.select("bias_activation", of_output)
        return linearised("dense", form, epilogue, activation, gate, kept, tangent, asked)

    return y, OperationPullback("dense", y, (x, weight, bias), wrt, compute, linear)
