"""Convolution with a kernel as large as the image: a product with the weights, as in a dense layer.

Each image is one row of it.

A DCGAN's ends: 4×4 maps to one pixel in D, and one pixel to 4×4 maps in G (transposed).
"""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Into
from ..reference.placing import place
from .dense import Dense
from .layouts import contiguous


class FullSizePlan:
    """The plan of one geometry, which uses a, b and w as they are, as matrices."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry, self.dense = geometry, Dense()

    def prepare_weight(self, weight: Array) -> Array:
        """Return w as a matrix (kernel height·width·channels of a, channels of b)."""
        return contiguous(weight).reshape(-1, self.geometry.small[2])

    def prepare_large(self, large: Array) -> Array:
        """Return a as a matrix (N, height·width·channels)."""
        return contiguous(large).reshape(self.geometry.batch, -1)

    def prepare_small(self, small: Array) -> Array:
        """Return b as a matrix (N, channels)."""
        return contiguous(small).reshape(self.geometry.batch, -1)

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return b = a·w."""
        return self.dense.forward(large, weight).reshape(self.geometry.small_shape)

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return a = b·wᵀ."""
        return self.dense.input_gradient(small, weight).reshape(self.geometry.large_shape)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw = aᵀ·b."""
        shape = self.geometry.weight_shape
        if into is None or not into.array.flags.c_contiguous:
            return place(self.dense.weight_gradient(large, small).reshape(shape), into)
        matrix = into.array.reshape(-1, shape[3])
        self.dense.weight_gradient(large, small, Into(matrix, into.add))
        return into.array


class FullSize:
    """Convolution with a kernel that covers the image: one product of matrices."""

    def plan(self, geometry: Geometry) -> FullSizePlan:
        """Return the plan of a geometry, which is made once."""
        return FullSizePlan(geometry)
