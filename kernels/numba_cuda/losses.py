"""Softplus and its derivative."""

from __future__ import annotations

import math
from typing import Any

from gan_np.arrays import Array

from ..cuda.launcher import contiguous, new
from .compiled import device, variants
from .pointwise import map_numbers


@variants
def softplus(real: Any) -> Any:
    """Return log(1 + eˢ) = max(s, 0) + log(1 + e^−|s|), which never overflows."""

    @device
    def function(s: Any, unused: Any) -> Any:
        return max(s, real(0)) + real(math.log1p(real(math.exp(-abs(s)))))

    return function


@variants
def logistic(real: Any) -> Any:
    """Return 1/(1 + e⁻ˢ), written with e^−|s| on both sides so that small probabilities keep their digits."""

    @device
    def function(s: Any, unused: Any) -> Any:
        small = real(math.exp(-abs(s)))
        return (real(1) if s >= real(0) else small) / (real(1) + small)

    return function


class Softplus:
    """The function log(1 + eˢ) and its derivative."""

    def forward(self, s: Array) -> Array:
        """Return softplus, log(1 + eˢ), of each score."""
        return self._each(softplus, s)

    def derivative(self, s: Array) -> Array:
        """Return 1/(1 + e⁻ˢ)."""
        return self._each(logistic, s)

    def _each(self, function: Any, s: Array) -> Array:
        y = new(s, s.shape)
        map_numbers(function(s.dtype.type), contiguous(s), y)
        return y
