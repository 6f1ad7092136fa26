"""The product of rows with a matrix, and the fused layer."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from .activation import activate, deactivate, sum_leading
from .placing import matmul_into, place


class Dense:
    """z = x·W, dx = dz·Wᵀ, dW = xᵀ·dz."""

    def forward(self, x: Array, weight: Array) -> Array:
        """(N, in) times (in, out)."""
        return x @ weight

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """(N, out) times (out, in)."""
        return dz @ weight.T

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """(in, N) times (N, out)."""
        return matmul_into(x.T, dz, into)


class DenseLayer:
    """y = f(x·W + b)."""

    def forward(self, x: Array, weight: Array, bias: Array | None, activation: Activation) -> Array:
        """Product, bias, f."""
        z = x @ weight
        if bias is not None:
            z += bias
        return activate(z, activation, z)

    def backward(
        self,
        dy: Array,
        x: Array | None,
        y: Array | None,
        weight: Array,
        activation: Activation,
        wrt: tuple[bool, bool, bool],
        into_weight: Into | None = None,
        into_bias: Into | None = None,
    ) -> tuple[Array | None, Array | None, Array | None]:
        """dz = f′·dy first, then what is asked for."""
        dz = dy if y is None else deactivate(dy, y, activation)
        return (
            dz @ weight.T if wrt[0] else None,
            matmul_into(x.T, dz, into_weight) if wrt[1] and x is not None else None,
            place(sum_leading(dz), into_bias) if wrt[2] else None,
        )
