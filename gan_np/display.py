"""Images to look at: a grid as one image of Pillow's, which a notebook draws."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gan_np.arrays import Array, to_host
from gan_np.checks import ShapeError, as_array
from gan_np.data.images import enlarged, grid

if TYPE_CHECKING:
    from PIL.Image import Image


def show(images: Array, columns: int | None = None) -> Image:
    """A grid of images as one image, which a notebook draws; elsewhere `.show()` opens it and `.save(path)` keeps it.

    images: uint8, or floats from 0 to 1, (N, H, W, C) with C of 1 (grey), 3 (RGB) or 4 (RGBA); of another number each
        channel is drawn by itself, as a grey image.
    columns: how many stand side by side; as near to a square as possible if None.

    >>> import gan_np as gn
    >>> gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=16)
    >>> gn.show(gan.sample(6), columns=3).size
    (512, 352)

    Raises:
        ShapeError: another shape.
        TypeError: neither uint8 nor floats.
        ValueError: floats below 0, above 1, or not finite.
    """
    from PIL import Image

    if getattr(images, "ndim", 0) == 2 and len(images):
        raise ShapeError(f"images: these are vectors, {images.shape}; a run folder draws them, and matplotlib does")
    images = to_host(as_array("images", images))
    _check_range(images)
    sheet = enlarged(grid(images, columns))
    return Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet)


def png_of(image: Image) -> bytes:
    """An image as the bytes of a PNG file."""
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _check_range(images: Array) -> None:
    if images.dtype.kind != "f":
        return  # `grid` says what is wrong with another type
    if not (images.min(initial=0) >= 0 and images.max(initial=1) <= 1):  # NaN is neither
        raise ValueError(
            f"images: expected floats from 0 to 1, got {images.min():g} to {images.max():g}; for another range there is "
            'gan_np.data.images.to_bytes(images, "-1..1")'
        )
