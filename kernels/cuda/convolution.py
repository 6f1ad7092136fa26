"""Convolution on the GPU as implicit products (`sources/convolution.cu`), exact or on tensor cores."""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Activation, Into
from . import few_channels
from .alignment import is_aligned
from .grouped import GroupedPlan
from .launcher import compute_capability, contiguous
from .operands import BF16, as_bf16, transposed
from .product import HOPPER_CAPABILITY, WARPGROUP_COLUMNS, WGMMA_TF32, Epilogue, instruction_for, multiply

SOURCE = "convolution.cu"


class Weights:
    """The weights in C order, as float32 or bf16, and transposed when that is first asked for."""

    def __init__(self, weight: Array) -> None:
        self.natural = weight
        self._transposed: Array | None = None

    @property
    def transposed(self) -> Array:
        """Return the weights as a matrix (C_b, kh·kw·C_a)."""
        if self._transposed is None:
            self._transposed = transposed(self.natural, self.natural.shape[3])
        return self._transposed


class ImplicitPlan:
    """The three products of one geometry, whose operands are found in the images while they are multiplied.

    Preparations put arrays in C order, and store them as bf16 where that is what is multiplied; nothing is unfolded.
    """

    def __init__(self, geometry: Geometry, precision: str) -> None:
        self.geometry, self.precision = geometry, precision
        g = geometry
        self._numbers = (g.batch, *g.large, *g.small, *g.kernel, *g.stride, *g.padding)
        self._pixels = g.batch * g.small[0] * g.small[1]
        self._taps = g.kernel[0] * g.kernel[1] * g.large[2]
        self.keeps_large = self.keeps_small = precision == "bf16"

    def prepare_weight(self, weight: Array) -> Weights:
        """Return w in the form that is multiplied."""
        return Weights(self._stored(weight))

    def prepare_large(self, large: Array) -> Array:
        """Return a in the form that is multiplied."""
        return self._stored(large)

    def prepare_small(self, small: Array) -> Array:
        """Return b in the form that is multiplied."""
        return self._stored(small)

    def _stored(self, array: Array) -> Array:
        array = contiguous(array)
        channels = self.geometry.large[2], self.geometry.small[2]
        as_stored = (
            self.precision == "bf16"
            and all(count % 8 == 0 and count >= WARPGROUP_COLUMNS for count in channels)  # so that lines are aligned
            and compute_capability(array) == HOPPER_CAPABILITY
        )
        return as_bf16(array) if as_stored else array

    def to_small(self, weight: Weights, large: Array) -> Array:
        """Return ∂T/∂b, patches of a times w."""
        return self._to_small(weight, large, None)

    def to_small_with_epilogue(
        self, weight: Weights, large: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(∂T/∂b + bias)."""
        return self._to_small(weight, large, Epilogue(bias, activation))

    def to_large(self, weight: Weights, small: Array) -> Array:
        """Return ∂T/∂a, of each phase of the stride a product.

        For each phase of the stride, the receptive fields of its pixels in b are multiplied with the weights that join them.
        For example with stride 2 and a 4×4 kernel each pixel of a meets 2×2 of the 4×4 taps; which ones depends on whether
        its row and its column are even or odd. That makes four phases, each a product with a quarter of the weights.
        """
        return self._to_large(weight.natural, small, None)

    def to_large_with_epilogue(
        self, weight: Weights, small: Array, bias: Array | None, activation: Activation
    ) -> Array:
        """Return f(∂T/∂a + bias)."""
        return self._to_large(weight.natural, small, Epilogue(bias, activation))

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return ∂T/∂w, the transpose of a's patches times b."""
        g = self.geometry
        sizes = self._taps, g.small[2], self._pixels
        instruction = instruction_for(self.precision, large, *sizes[:2])
        if instruction == WGMMA_TF32:
            b, stride, along_k = transposed(small, g.small[2]), self._pixels, (False, True)
        else:
            b, stride, along_k = small, g.small[2], (False, False)
        aligned = is_aligned(large, g.large[2]), is_aligned(b, stride)
        return multiply(
            SOURCE, "to_weight", (large, b), g.weight_shape, sizes, along_k, aligned,
            instruction=instruction, middle=self._numbers, into=into,
        )  # fmt: skip

    def _to_small(self, weight: Weights, large: Array, epilogue: Epilogue | None) -> Array:
        g = self.geometry
        sizes = self._pixels, g.small[2], self._taps
        instruction = instruction_for(self.precision, large, *sizes[:2])
        if instruction == WGMMA_TF32:
            b, stride, along_k = weight.transposed, self._taps, (True, True)
        else:
            b, stride, along_k = weight.natural, g.small[2], (True, False)
        aligned = is_aligned(large, g.large[2]), is_aligned(b, stride)
        return multiply(
            SOURCE, "to_small", (b, large), g.small_shape, sizes, along_k, aligned,
            instruction=instruction, middle=self._numbers, epilogue=epilogue,
        )  # fmt: skip

    def _to_large(self, weight: Array, small: Array, epilogue: Epilogue | None) -> Array:
        g = self.geometry
        share = None if weight.dtype == BF16 else few_channels.share_of(g, weight.dtype)
        if share is not None:
            return few_channels.to_large(g, self._numbers, weight, small, share, self.precision, epilogue)
        pixels = [
            -(-size // stride) for size, stride in zip(g.large[:2], g.stride, strict=True)
        ]  # of the largest phase
        taps = [-(-size // stride) for size, stride in zip(g.kernel, g.stride, strict=True)]
        sizes = g.batch * pixels[0] * pixels[1], g.large[2], taps[0] * taps[1] * g.small[2]
        aligned = is_aligned(small, g.small[2]), is_aligned(weight, g.small[2])
        return multiply(
            SOURCE, "to_large", (weight, small), g.large_shape, sizes, (True, True), aligned,
            instruction=instruction_for(self.precision, small, *sizes[:2]), middle=self._numbers,
            copies=g.stride[0] * g.stride[1], epilogue=epilogue,
        )  # fmt: skip


class Conv2d:
    """Convolution and transposed convolution at a precision.

    precision: "float32" (exact in the arrays' dtype), "tf32" or "bf16".
    """

    def __init__(self, precision: str = "float32") -> None:
        self.precision = precision

    def plan(self, geometry: Geometry) -> ImplicitPlan | GroupedPlan:
        """Return the plan of a geometry; channels in groups are too few for a product's tiles."""
        if geometry.groups > 1:
            return GroupedPlan(geometry, self.precision)
        return ImplicitPlan(geometry, self.precision)
