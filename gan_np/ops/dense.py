"""Dense: y = f(x·W + b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gan_np import kernels
from gan_np.arrays import Array, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Activation, Into

from .affine import LINEAR, PIECEWISE_LINEAR, linearised, slope_of, through
from .pullback import (
    Along,
    Asked,
    Gradients,
    Linearised,
    OperationPullback,
    asked,
    problem,
    require_rank,
    require_shape,
)


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
    Kept for it are y if f is not linear, and x if dW was asked for.

    One kernel does all of it where the table has one for that ("dense_layer", as on the processor while W is small);
    otherwise two do, one after the other ("dense", then "bias_activation").

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
    of_input, columns = problem(x), weight.shape[1]
    fused = kernels.select_fused("dense_layer", kernels.Problem(of_input.device, of_input.dtype, (*x.shape, columns)))
    kernel = _TwoKernels(of_input, columns) if fused is None else fused
    y: Array = kernel.forward(x, weight, bias, activation)
    kept = x if wanted[1] else None
    gate = y if activation != LINEAR and any(wanted) else None

    def compute(dy: Array, asked: Asked, into: tuple[Into | None, ...], over: bool = False) -> Gradients:
        gradients: Gradients = kernel.backward(dy, kept, gate, weight, activation, asked, into[1], into[2])
        return gradients

    def apart() -> tuple[_Product, Any]:
        two = kernel if isinstance(kernel, _TwoKernels) else _TwoKernels(of_input, columns)
        return _Product(two.product, weight), two.epilogue

    def linear(tangent: Array, asked: Asked) -> tuple[Array, Linearised]:
        return linearised("dense", *apart(), activation, gate, kept, tangent, asked)

    def slope(dy: Array, asked: Asked, scale: Array | None) -> tuple[Array | None, Along, Asked]:
        made = slope_of("dense", *apart(), activation, gate, kept)
        assert made is not None
        return made(dy, asked, scale)

    straight = activation.kind in PIECEWISE_LINEAR
    # dy stays as it is, but dx is always new, which is what a chain of layers needs to know.
    return y, OperationPullback(
        *("dense", y, (x, weight, bias), wanted, compute, linear), slope=slope if straight else None, writes_over=True
    )


class _TwoKernels:
    """What a kernel of "dense_layer" does, by a kernel for the product and one for bias and f."""

    def __init__(self, of_input: kernels.Problem, columns: int) -> None:
        self.product = kernels.select("dense", of_input)
        of_output = kernels.Problem(of_input.device, of_input.dtype, (of_input.shape[0], columns))
        chosen = kernels.choose("bias_activation", of_output)
        self.epilogue, self.in_place = chosen.implementation, "in_place" in chosen.features

    def forward(self, x: Array, weight: Array, bias: Array | None, activation: Activation) -> Array:
        z: Array = self.product.forward(x, weight)
        if bias is None and activation == LINEAR:
            return z
        y: Array = self.epilogue.forward(z, bias, activation, in_place=self.in_place)
        return y

    def backward(
        self,
        dy: Array,
        x: Array | None,
        y: Array | None,
        weight: Array,
        activation: Activation,
        wrt: Asked,
        into_weight: Into | None,
        into_bias: Into | None,
    ) -> Gradients:
        dz, db = through(self.epilogue, activation, y, dy, wrt[2], into_bias)
        dw = self.product.weight_gradient(x, dz, into_weight) if wrt[1] else None
        dx = self.product.input_gradient(dz, weight) if wrt[0] else None
        return dx, dw, db


class _Product:
    """L(w, x) = x·W as the layer's linearisation takes it (`affine.py`)."""

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
