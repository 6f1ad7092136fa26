"""The product of rows with a matrix, and the fused layer."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Activation, Into
from .activation import activate, deactivate, sum_leading
from .placing import matmul_into, place


class Dense:
    """The product of a dense layer and its gradients: z = x·W, dx = dz·Wᵀ, dW = xᵀ·dz."""

    def forward(self, x: Array, weight: Array) -> Array:
        """Return z = x·W, (N, in) times (in, out)."""
        return x @ weight

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """Return dx = dz·Wᵀ, (N, out) times (out, in)."""
        return dz @ weight.T

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """Return dW = xᵀ·dz, (in, N) times (N, out)."""
        return matmul_into(x.T, dz, into)


class DenseLayer:
    """The whole dense layer, y = f(x·W + b), and its gradients."""

    def forward(self, x: Array, weight: Array, bias: Array | None, activation: Activation) -> Array:
        """Return y: first the product, then the bias, then f."""
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
        """Return dx, dW and db as far as `wrt` asks for them, from dz = f′·dy."""
        dz = dy if y is None else deactivate(dy, y, activation)
        return (
            dz @ weight.T if wrt[0] else None,
            matmul_into(x.T, dz, into_weight) if wrt[1] and x is not None else None,
            place(sum_leading(dz), into_bias) if wrt[2] else None,
        )
