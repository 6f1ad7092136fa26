"""Convolution with one tap: a product with the weights for each pixel, as a dense layer's for each row."""

from __future__ import annotations

from gan_np.arrays import Array

from ..geometry import Geometry
from .full_size import FullSizePlan
from .layouts import contiguous


class PointwisePlan(FullSizePlan):
    """The plan of one geometry, which uses a and b as matrices with a row for each pixel."""

    def prepare_large(self, large: Array) -> Array:
        """Return a as a matrix (N·height·width, channels)."""
        return contiguous(large).reshape(-1, self.geometry.large[2])

    def prepare_small(self, small: Array) -> Array:
        """Return b as a matrix (N·height·width, channels)."""
        return contiguous(small).reshape(-1, self.geometry.small[2])


class Pointwise:
    """Convolution with one tap for each pixel: one product of matrices."""

    def plan(self, geometry: Geometry) -> PointwisePlan:
        """Return the plan of a geometry."""
        return PointwisePlan(geometry)
