"""What convolution plans have in common that read images where they lie."""

from __future__ import annotations

from gan_np.arrays import Array

from .layouts import contiguous


class ImagesAsGiven:
    """A plan that prepares nothing of its images: nothing need be kept from one of its three products for another."""

    keeps_large = False
    keeps_small = False

    def prepare_large(self, large: Array) -> Array:
        """Return a as it is."""
        return contiguous(large)

    def prepare_small(self, small: Array) -> Array:
        """Return b as it is."""
        return contiguous(small)
