"""Convolution on the GPU as implicit products (`sources/convolution.cu`), exact or on tensor cores."""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Into
from .launcher import contiguous, whole
from .product import multiply

SOURCE = "convolution.cu"


class ImplicitPlan:
    """Preparations are identities (but for the order of memory); nothing is unfolded."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry, precision: str) -> None:
        self.geometry, self.precision = geometry, precision
        g = geometry
        self._numbers = (g.batch, *g.large, *g.small, *g.kernel, *g.stride, *g.padding)
        self._pixels = g.batch * g.small[0] * g.small[1]
        self._taps = g.kernel[0] * g.kernel[1] * g.large[2]

    def prepare_weight(self, weight: Array) -> Array:
        """w in C order."""
        return contiguous(weight)

    def prepare_large(self, large: Array) -> Array:
        """a in C order."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """b in C order."""
        return contiguous(small)

    def to_small(self, weight: Array, large: Array) -> Array:
        """∂T/∂b: patches of a times w."""
        g = self.geometry
        sizes = self._pixels, g.small[2], self._taps
        aligned = whole(large, g.large[2]), whole(weight, g.small[2])
        return self._multiply("to_small", (weight, large), g.small_shape, sizes, (True, False), aligned)

    def to_large(self, weight: Array, small: Array) -> Array:
        """∂T/∂a: for each of the stride's phases, what its pixels see of b times the weights that join them."""
        g = self.geometry
        pixels = [
            -(-size // stride) for size, stride in zip(g.large[:2], g.stride, strict=True)
        ]  # of the largest phase
        taps = [-(-size // stride) for size, stride in zip(g.kernel, g.stride, strict=True)]
        sizes = g.batch * pixels[0] * pixels[1], g.large[2], taps[0] * taps[1] * g.small[2]
        aligned = whole(small, g.small[2]), whole(weight, g.small[2])
        return self._multiply(
            "to_large", (weight, small), g.large_shape, sizes, (True, True), aligned, copies=g.stride[0] * g.stride[1]
        )

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """∂T/∂w: patches of a, transposed, times b."""
        g = self.geometry
        sizes = self._taps, g.small[2], self._pixels
        aligned = whole(large, g.large[2]), whole(small, g.small[2])
        return self._multiply("to_weight", (large, small), g.weight_shape, sizes, (False, False), aligned, into=into)

    def _multiply(
        self,
        kernel: str,
        arrays: tuple[Array, Array],
        shape: tuple[int, ...],
        sizes: tuple[int, int, int],
        along_k: tuple[bool, bool],
        aligned: tuple[int, int],
        copies: int = 1,
        into: Into | None = None,
    ) -> Array:
        return multiply(
            SOURCE, kernel, arrays, shape, sizes, along_k, aligned,
            precision=self.precision, middle=self._numbers, copies=copies, into=into,
        )  # fmt: skip


class Conv2d:
    """Convolution and transposed convolution; `precision`: "float32" (exact in the arrays' dtype), "tf32" or "bf16"."""

    def __init__(self, precision: str = "float32") -> None:
        self.precision = precision

    def plan(self, geometry: Geometry) -> ImplicitPlan:
        """Three implicit products."""
        return ImplicitPlan(geometry, self.precision)
