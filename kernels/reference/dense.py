"""The product of rows with a matrix."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Into
from .placing import matmul_into


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
