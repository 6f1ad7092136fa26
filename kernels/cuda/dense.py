"""Dense products on the GPU (`sources/dense.cu`), exact or on tensor cores."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Into
from .alignment import is_aligned
from .launcher import contiguous
from .product import OF_THREADS_OR_WARPS, multiply

SOURCE = "dense.cu"


class Dense:
    """The product of a dense layer and its gradients, z = x·W, dx = dz·Wᵀ, dW = xᵀ·dz, at a precision.

    precision: "float32" (exact in the arrays' dtype), "tf32" or "bf16".
    """

    def __init__(self, precision: str = "float32") -> None:
        self.precision = precision

    def forward(self, x: Array, weight: Array) -> Array:
        """Return z = x·W, (N, in) times (in, out)."""
        (rows, depth), columns = x.shape, weight.shape[1]
        return self._multiply("forward", (x, weight), (rows, columns, depth), (True, False), None)

    def input_gradient(self, dz: Array, weight: Array) -> Array:
        """Return dx = dz·Wᵀ, (N, out) times (out, in)."""
        (rows, depth), columns = dz.shape, weight.shape[0]
        return self._multiply("input_gradient", (dz, weight), (rows, columns, depth), (True, True), None)

    def weight_gradient(self, x: Array, dz: Array, into: Into | None = None) -> Array:
        """Return dW = xᵀ·dz, (in, N) times (N, out)."""
        (depth, rows), columns = x.shape, dz.shape[1]
        return self._multiply("weight_gradient", (x, dz), (rows, columns, depth), (False, False), into)

    def _multiply(
        self,
        kernel: str,
        arrays: tuple[Array, Array],
        sizes: tuple[int, int, int],
        along_k: tuple[bool, bool],
        into: Into | None,
    ) -> Array:
        a, b = map(contiguous, arrays)
        aligned = is_aligned(a, a.shape[1]), is_aligned(b, b.shape[1])
        return multiply(
            SOURCE, kernel, (a, b), sizes[:2], sizes, along_k, aligned,
            instruction=OF_THREADS_OR_WARPS[self.precision], middle=sizes, into=into,
        )  # fmt: skip
