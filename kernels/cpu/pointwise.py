"""Convolution with one tap for each pixel: products of matrices with a row for each pixel, nothing gathered.

Forward and the weights' gradient are those of `direct/`, whose patches are then the pixels themselves. The gradient of the
image is the product of `dense.py`, which writes each pixel once, where `direct/` adds up what comes to it. Forward is
that of `dense.py` too where an image of one to three channels goes in or comes out: its panels would mostly multiply zeros.
"""

from __future__ import annotations

from typing import NamedTuple

from gan_np.arrays import Array

from ..geometry import Geometry
from ..interfaces import Into
from .costs import SKINNY
from .dense import Dense
from .direct.plan import DirectPlan, Weights
from .layouts import contiguous


class PointwiseWeights(NamedTuple):
    """The weights as a matrix (channels of a, channels of b), and in panels, which are made when they are first needed."""

    matrix: Array
    panels: Weights


class PointwisePlan:
    """The plan of one geometry."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry, self.dense, self.direct = geometry, Dense(), DirectPlan(geometry)

    def prepare_weight(self, weight: Array) -> PointwiseWeights:
        """Return w as a matrix and in panels."""
        weight = contiguous(weight)
        return PointwiseWeights(weight.reshape(weight.shape[2:]), self.direct.prepare_weight(weight))

    def prepare_large(self, large: Array) -> Array:
        """Return a as it is."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """Return b as it is."""
        return contiguous(small)

    def to_small(self, weight: PointwiseWeights, large: Array) -> Array:
        """Return b = a·w."""
        if min(weight.matrix.shape) >= SKINNY:
            return self.direct.to_small(weight.panels, large)
        rows = large.reshape(-1, self.geometry.large[2])
        return self.dense.forward(rows, weight.matrix).reshape(self.geometry.small_shape)

    def to_large(self, weight: PointwiseWeights, small: Array) -> Array:
        """Return a = b·wᵀ."""
        rows = small.reshape(-1, self.geometry.small[2])
        return self.dense.input_gradient(rows, weight.matrix).reshape(self.geometry.large_shape)

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw = aᵀ·b, summed over all pixels."""
        return self.direct.to_weight(large, small, into)


class Pointwise:
    """Convolution with one tap for each pixel."""

    def plan(self, geometry: Geometry) -> PointwisePlan:
        """Return the plan of a geometry."""
        return PointwisePlan(geometry)
