"""Convolution with one tap for each pixel: products of matrices with a row for each pixel, nothing gathered.

All three are those of `dense.py`; bias and activation are applied to a tile of pixels while it is in the cache.
"""

from __future__ import annotations

from collections.abc import Callable

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Activation, Into
from ..reference.placing import place
from .activation import BiasActivation
from .as_given import ImagesAsGiven
from .blocked import Epilogue, product
from .costs import SKINNY
from .dense import Dense
from .heap import empty
from .layouts import contiguous, flat, read_only


class PointwisePlan(ImagesAsGiven):
    """The plan of one geometry."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry, self.dense = geometry, Dense()

    def prepare_weight(self, weight: Array) -> Array:
        """Return w as a matrix (channels of a, channels of b)."""
        return contiguous(weight).reshape(weight.shape[2:])

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return b = a·w."""
        return self.dense.forward(_pixels(large), weight).reshape(self.geometry.small_shape)

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return a = b·wᵀ."""
        return self.dense.input_gradient(_pixels(small), weight).reshape(self.geometry.large_shape)

    def to_small_with_epilogue(self, weight: Array, large: Array, bias: Array | None, activation: Activation) -> Array:
        """Return f(a·w + bias)."""
        return _with_epilogue(
            self.to_small, weight, large, False, self.geometry.small_shape, Epilogue(bias, activation)
        )

    def to_large_with_epilogue(self, weight: Array, small: Array, bias: Array | None, activation: Activation) -> Array:
        """Return f(b·wᵀ + bias)."""
        return _with_epilogue(self.to_large, weight, small, True, self.geometry.large_shape, Epilogue(bias, activation))

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw = aᵀ·b, summed over all pixels."""
        shape = self.geometry.weight_shape
        if into is None or not into.array.flags.c_contiguous:
            return place(self.dense.weight_gradient(_pixels(large), _pixels(small)).reshape(shape), into)
        matrix = Into(into.array.reshape(shape[2:]), into.add)
        self.dense.weight_gradient(_pixels(large), _pixels(small), matrix)
        return into.array


def _pixels(image: Array) -> Array:
    return image.reshape(-1, image.shape[3])


def _with_epilogue(
    plain: Callable[[Array, Array], Array],
    weight: Array,
    image: Array,
    transposed: bool,
    shape: tuple[int, ...],
    epilogue: Epilogue,
) -> Array:
    """The product of all pixels with w, or with its transpose, and the epilogue."""
    if min(weight.shape) < SKINNY:  # plain loops, which have none
        return BiasActivation().forward(plain(weight, image), *epilogue, in_place=True)
    pixels, target = _pixels(image), empty(shape, image.dtype)
    sizes = (*pixels.shape, shape[3])
    product(read_only(pixels), sizes, read_only(weight), transposed, flat(target), epilogue)
    return target


class Pointwise:
    """Convolution with one tap for each pixel."""

    def plan(self, geometry: Geometry) -> PointwisePlan:
        """Return the plan of a geometry."""
        return PointwisePlan(geometry)
