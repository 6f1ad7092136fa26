"""Images moved, turned and stretched by affine maps on the GPU (`sources/affine_sample.cu`)."""

from __future__ import annotations

from gan_np.arrays import Array

from .grids import over
from .launcher import contiguous, launch, new

SOURCE = "affine_sample.cu"


class AffineSample:
    """Interpolation where an affine map says that each pixel comes from."""

    def forward(self, x: Array, maps: Array) -> Array:
        """(N, H, W, C) → (N, H, W, C)."""
        return _applied("affine_sample", x, maps)

    def backward(self, dy: Array, maps: Array) -> Array:
        """The exact adjoint."""
        return _applied("affine_adjoint", dy, maps)


def _applied(kernel: str, images: Array, maps: Array) -> Array:
    images = contiguous(images)
    made = new(images, images.shape)
    arguments = (images, contiguous(maps), made, made.size, *images.shape[1:])
    launch(SOURCE, kernel, *over(made.size), arguments, dtype=images.dtype)
    return made
