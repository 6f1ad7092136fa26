"""Sums of two arrays, and over all examples, with a factor for each example."""

from __future__ import annotations

from gan_np.arrays import Array

from ..interfaces import Into
from .placing import place


class ScaledSum:
    """Sums in which example n, the n-th entry of the first axis, counts s[n] times."""

    def add(self, x: Array, y: Array, scale: Array | None) -> Array:
        """Return x + s ⊙ y, or x + y without s."""
        if scale is None:
            found: Array = x + y
            return found
        found = scale.reshape(-1, *(1,) * (y.ndim - 1)) * y
        found += x
        return found

    def total(self, x: Array, scale: Array, into: Into | None = None) -> Array:
        """Return Σ s ⊙ x over all axes but the last."""
        rows = x.reshape(len(x), -1, x.shape[-1]).sum(axis=1)
        return place((scale[:, None] * rows).sum(axis=0), into)
