"""Convolution tap by tap: one product of matrices for each place in the kernel.

For tap (u, v) the pixels of the large image that meet the small one are a shifted, strided view of it:

    a[n, i·sh + u − ph, j·sw + v − pw, c]   for all (i, j)   =   padded[:, u : u + sh·(H_b−1) + 1 : sh, v : … : sw]

so that T = Σ_taps ⟨a_tap · w_tap, b⟩ and each derivative is a sum (or a list) over taps of one product. With groups a_tap,
w_tap and b are stacks of matrices, one for each group, and the products are those of each group.
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
            small += self._product(window, weight[u, v])
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
            window += self._product(small, self._transposed(weight[u, v]))
        return xp.ascontiguousarray(crop(padded, self.geometry))

    def to_weight(self, large: Array, small: Array, into: Into | None = None) -> Array:
        """Return dw with w_tap = a_tapᵀ · b, summed over images and places."""
        xp = array_module(large)
        weight = xp.empty(self.geometry.weight_shape, large.dtype)
        for u, v, window in self._taps(pad(large, self.geometry)):
            weight[u, v] = self._summed_product(window, small)
        return place(weight, into)

    def _product(self, image: Array, matrix: Array) -> Array:
        """image (N, H, W, C) times a tap's weights (C/groups, D), group by group: (N, H, W, D)."""
        xp, groups = array_module(image), self.geometry.groups
        if groups == 1:
            product: Array = xp.tensordot(image, matrix, axes=1)
            return product
        inside, outputs = matrix.shape[0], matrix.shape[1] // groups
        rows = image.reshape(-1, groups, inside).transpose(1, 0, 2)
        stacked = rows @ matrix.reshape(inside, groups, outputs).transpose(1, 0, 2)
        return stacked.transpose(1, 0, 2).reshape(*image.shape[:3], groups * outputs)

    def _transposed(self, matrix: Array) -> Array:
        """A tap's weights as the adjoint reads them: (C/groups, D) to (D/groups, C), each group's matrix transposed."""
        groups = self.geometry.groups
        if groups == 1:
            return matrix.T
        inside, outputs = matrix.shape[0], matrix.shape[1] // groups
        return matrix.reshape(inside, groups, outputs).transpose(2, 1, 0).reshape(outputs, groups * inside)

    def _summed_product(self, large: Array, small: Array) -> Array:
        """Σ over images and places of a·b, group by group: (C_a/groups, C_b)."""
        xp, groups = array_module(large), self.geometry.groups
        if groups == 1:
            product: Array = xp.tensordot(large, small, axes=((0, 1, 2), (0, 1, 2)))
            return product
        inside, outputs = large.shape[3] // groups, small.shape[3] // groups
        columns = large.reshape(-1, groups, inside).transpose(1, 2, 0)
        stacked = columns @ small.reshape(-1, groups, outputs).transpose(1, 0, 2)
        return stacked.transpose(1, 0, 2).reshape(inside, groups * outputs)


class Conv2d:
    """The reference convolution, whose plan unfolds patches of the large image."""

    def plan(self, geometry: Geometry) -> DirectPlan:
        """Return the plan that goes tap by tap."""
        return DirectPlan(geometry)
