"""Dense products: three products in tiles that differ in how their operands lie."""

from __future__ import annotations

from gan_np.arrays import Array

from ..cuda.launcher import contiguous
from ..interfaces import Into
from .product import by_columns, by_lines, multiply


class Dense:
    """The product of a dense layer and its gradients: z = x·W, dx = dz·Wᵀ, dW = xᵀ·dz."""

    def forward(self, x: Array, weight: Array) -> Array:
        """Return z = x·W, (N, in) times (in, out)."""
        sizes = x.shape[0], weight.shape[1], x.shape[1]
        return multiply((by_lines, by_columns), (contiguous(x), contiguous(weight)), sizes[:2], sizes)

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """Return dx = dz·Wᵀ, (N, out) times (out, in)."""
        sizes = dz.shape[0], weight.shape[0], dz.shape[1]
        return multiply((by_lines, by_lines), (contiguous(dz), contiguous(weight)), sizes[:2], sizes)

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """Return dW = xᵀ·dz, (in, N) times (N, out)."""
        sizes = x.shape[1], dz.shape[1], x.shape[0]
        return multiply((by_columns, by_columns), (contiguous(x), contiguous(dz)), sizes[:2], sizes, into=into)
