"""One image file as an array, through Pillow.

Only formats for images on disk are tried (no PostScript, which would start another program). Only the first image of
an animation or of several pages is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.printable import printable

from .channels import to_channels
from .extent import Extent, extent_of
from .ranges import Scale
from .resize import Size, resized

if TYPE_CHECKING:
    from PIL import Image

_ENDINGS = ("png", "apng", "jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "tif", "tiff", "webp", "avif", "jp2", "j2k")
SUFFIXES = frozenset("." + ending for ending in (*_ENDINGS, "ppm", "pgm", "pbm", "pnm"))
"""How names of image files end, in lower case."""

_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "JPEG2000")
_ORIENTATION = 0x0112
_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")


NO_SCALES: Mapping[str | None, Scale] = MappingProxyType({})


class Found(NamedTuple):
    """What the header of an image file says: its size, whether it is grey, and how deep it is."""

    size: Size
    is_grey: bool
    deep: str | None = None
    """"f" or "i" for grey of more than 8 bits: floats, or integers whose range the file does not tell."""
    halved: bool = False
    """Whether it has 16 bits a channel in colour or beside alpha, of which Pillow reads the upper 8."""


class Unreadable(ValueError):
    """An image file that cannot be read; the message says why, without the name."""


def inspect(file: Path | IO[bytes]) -> Found:
    """Size (as seen, after EXIF orientation) and kind of an image file, from its header.

    Call it with warnings silenced or turned into errors: Pillow warns about doubtful files.

    Raises:
        Unreadable: not an image, a damaged one, or one of more pixels than Pillow's limit against bombs.
    """
    try:
        with _open(file) as image:
            width, height = _stored_size(image)
            # a PNG file may hold its EXIF after the pixels, which are not read here
            turned = (image.format != "PNG" or "exif" in image.info) and _orientation(image) > 4
            grey = image.mode in _GREY_MODES
            return Found((width, height) if turned else (height, width), grey, _deep(image.mode), _halved(image))
    except Unreadable:
        raise
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise Unreadable(_reason(error)) from error


def extent(file: Path | IO[bytes]) -> Extent:
    """The least and the greatest value of a file of deep grey (see `Found.deep`).

    Raises:
        Unreadable: as `inspect`; also values that are not finite.
    """
    try:
        with _open(file) as image:
            return extent_of(np.asarray(image), "values")
    except ValueError as error:
        raise Unreadable(printable(error)) from error
    except Exception as error:
        raise Unreadable(_reason(error)) from error


def decode(
    file: Path | IO[bytes],
    channels: int,
    size: Size | None = None,
    scales: Mapping[str | None, Scale] = NO_SCALES,
    *,
    fit: str = "crop",
    dtype: str = "uint8",
) -> Array:
    """An image file as (H, W, channels), channels 1, 3 or 4, brought to `size` by `resized` if it is given.

    dtype: "uint8", or "float32" for floats from 0 to 1, in which deep grey keeps all its bits.

    EXIF orientation is applied. Modes: 1, L, LA, P, PA, RGB, RGBA, CMYK, YCbCr, HSV and LAB as Pillow converts them; deep
    grey by its scale (its transparent colour, if any, is ignored); other alpha, palettes with transparency and transparent
    colours included, goes through `to_channels` (on white if channels is 1 or 3).

    scales: how values become bytes, by `Found.deep` (with None for bytes themselves); what is not in it stays.

    Raises:
        Unreadable: as `inspect`; also deep grey without a scale, and a scale for what Pillow has halved.
    """
    from PIL import Image

    try:
        with _open(file) as image:
            scale = scales.get(_deep(image.mode))
            if scale is not None and _halved(image):
                raise Unreadable(
                    "16 bits a channel in colour or beside alpha, of which only 8 can be read here: no range of values can "
                    "be applied; convert it to 8 bits"
                )
            image.load()
            turn = _orientation(image)
            plain = _plain(image, scale, dtype)
            if turn > 1:
                plain = plain.transpose(Image.Transpose(_TURNS[turn]))
            if size is not None:
                plain = resized(plain, size, fit)
            pixels = np.asarray(plain)
            if dtype != "uint8":
                pixels = pixels.clip(0, 1) if pixels.dtype == np.float32 else pixels / np.float32(255)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error)) from error
    return to_channels(pixels[:, :, None] if pixels.ndim == 2 else pixels, channels)


# EXIF orientation → Pillow's Transpose: FLIP_LEFT_RIGHT 0, FLIP_TOP_BOTTOM 1, ROTATE_90 2, ROTATE_180 3, ROTATE_270 4,
# TRANSPOSE 5, TRANSVERSE 6
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


def _open(file: Path | IO[bytes]) -> Image.Image:
    from PIL import Image

    Image.init()
    image = Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise Image.DecompressionBombError(f"{image.width}×{image.height} pixels")
    return image


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) before EXIF orientation: some versions of Pillow give the size of TIFF files after it."""
    tags = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    return (tags[256], tags[257]) if 256 in tags and 257 in tags else image.size


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # an image with damaged EXIF is still an image
        return 1
    return value if value in _TURNS else 1


def _deep(mode: str) -> str | None:
    return "f" if mode == "F" else "i" if mode == "I" or mode.startswith("I;") else None


def _halved(image: Image.Image) -> bool:
    """Before it is loaded: what the decoder is told of the pixels in the file."""
    return image.mode in ("LA", "RGB", "RGBA") and any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _plain(image: Image.Image, scale: Scale | None, dtype: str) -> Image.Image:
    """In mode L, LA, RGB or RGBA, or of deep grey as "float32" in mode F; colours go through `scale`, alpha does not."""
    from PIL import Image

    mode = image.mode
    if _deep(mode):
        if scale is None:
            raise Unreadable(f"grey of more than 8 bits (mode {mode}), which its header did not tell")
        return Image.fromarray(scale.scaled(np.asarray(image), dtype))
    if mode in _GREY_MODES:
        wanted = "LA" if image.has_transparency_data and mode != "1" else "L"
    else:
        wanted = "RGBA" if image.has_transparency_data else "RGB"
    plain = image if mode == wanted else image.convert(wanted)
    if scale is None:
        return plain
    pixels = np.array(plain)
    if wanted in ("LA", "RGBA"):
        pixels[..., :-1] = scale.to_bytes(pixels[..., :-1])
    else:
        pixels = scale.to_bytes(pixels)
    return Image.fromarray(pixels)


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return (
            f"too many pixels, more than Pillow's limit of {Image.MAX_IMAGE_PIXELS:,} against decompression bombs; make it "
            "smaller, or in Python raise PIL.Image.MAX_IMAGE_PIXELS if you trust it"
        )
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a format that is read here"
    return printable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
