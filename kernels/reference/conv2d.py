"""Convolution tap by tap: one product of matrices for each place in the kernel.

For tap (u, v) the pixels of the large image that meet the small one are a shifted, strided view of it:

    a[n, i·sh + u − ph, j·sw + v − pw, c]   for all (i, j)   =   padded[:, u : u + sh·(H_b−1) + 1 : sh, v : … : sw]

so that T = Σ_taps ⟨a_tap · w_tap, b⟩ and each derivative is a sum (or a list) over taps of one product.
"""

from __future__ import annotations

from collections.abc import Iterator

from gan_np.arrays import Array, array_module

from ..geometry import Geometry
from ..interfaces import Into
from .placing import place


def pad(large: Array, geometry: Geometry) -> Array:
    """Return `large` with zeros around it: (N, H + 2·ph, W + 2·pw, C)."""
    (ph, pw), (n, height, width, channels) = geometry.padding, geometry.large_shape
    if not (ph or pw):
        return large
    padded = array_module(large).zeros((n, height + 2 * ph, width + 2 * pw, channels), large.dtype)
    padded[:, ph : ph + height, pw : pw + width] = large
    return padded


def crop(padded: Array, geometry: Geometry) -> Array:
    """Return an image without its border, the adjoint of `pad`."""
    (ph, pw), (height, width, _) = geometry.padding, geometry.large
    return padded[:, ph : ph + height, pw : pw + width]


class DirectPlan:
    """The reference plan of one geometry: its preparations are identities, and its products go tap by tap."""

    keeps_large = False
    keeps_small = False

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def _taps(self, padded: Array) -> Iterator[tuple[int, int, Array]]:
        (sh, sw), (height, width, _) = self.geometry.stride, self.geometry.small
        for u in range(self.geometry.kernel[0]):
            for v in range(self.geometry.kernel[1]):
                yield u, v, padded[:, u : u + sh * (height - 1) + 1 : sh, v : v + sw * (width - 1) + 1 : sw]

    def prepare_weight(self, weight: Array) -> Array:
        """Return w as it is."""
        return weight

    def prepare_large(self, large: Array) -> Array:
        """Return a as it is."""
        return large

    def prepare_small(self, small: Array) -> Array:
        """Return b as it is."""
        return small

    def to_small(self, weight: Array, large: Array) -> Array:
        """Return b = Σ_taps a_tap · w_tap."""
        xp = array_module(large)
        small = xp.zeros(self.geometry.small_shape, large.dtype)
        for u, v, window in self._taps(pad(large, self.geometry)):
            small += xp.tensordot(window, weight[u, v], axes=1)
        return small

    def to_large(self, weight: Array, small: Array) -> Array:
        """Return a, where a_tap += b · w_tapᵀ for tap after tap in one order, so that the sum is the same at every run."""
        xp, (ph, pw), (n, height, width, channels) = (
            array_module(small),
            self.geometry.padding,
            self.geometry.large_shape,
        )
        padded = xp.zeros((n, height + 2 * ph, width + 2 * pw, channels), small.dtype)
        for u, v, window in self._taps(padded):
            window += xp.tensordot(small, weight[u, v].T, axes=1)
        return xp.ascontiguousarray(crop(padded, self.geometry))

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw with w_tap = a_tapᵀ · b, summed over images and places."""
        xp = array_module(large)
        weight = xp.empty(self.geometry.weight_shape, large.dtype)
        for u, v, window in self._taps(pad(large, self.geometry)):
            weight[u, v] = xp.tensordot(window, small, axes=((0, 1, 2), (0, 1, 2)))
        return place(weight, into)


class Conv2d:
    """The reference convolution, whose plan unfolds patches of the large image."""

    def plan(self, geometry: Geometry) -> DirectPlan:
        """Return the plan that goes tap by tap."""
        return DirectPlan(geometry)
