"""One picture file as an array, through Pillow.

Only formats for pictures on disk are tried (no PostScript, which would start another program). Only the first picture of
an animation or of several pages is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gan_np.arrays import Array

from .channels import to_channels
from .resize import Size, cover

if TYPE_CHECKING:
    from PIL import Image

_ENDINGS = ("png", "apng", "jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "tif", "tiff", "webp", "avif", "jp2", "j2k")
SUFFIXES = frozenset("." + ending for ending in (*_ENDINGS, "ppm", "pgm", "pbm", "pnm"))
"""How names of picture files end, in lower case."""

_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "JPEG2000")
_ORIENTATION = 0x0112
_GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


class Found(NamedTuple):
    """What the header of a picture file says."""

    size: Size
    is_grey: bool


class Unreadable(ValueError):
    """A picture file that cannot be read; the message says why, without the name."""


def inspect(path: Path) -> Found:
    """Size (as seen, after EXIF orientation) and kind of a picture file, from its header.

    Call it with warnings silenced or turned into errors: Pillow warns about doubtful files.

    Raises:
        Unreadable: not a picture, a damaged one, or one of more pixels than Pillow's limit against bombs.
    """
    try:
        with _open(path) as image:
            width, height = _stored_size(image)
            # a PNG file may hold its EXIF after the pixels, which are not read here
            turned = (image.format != "PNG" or "exif" in image.info) and _orientation(image) > 4
            return Found((width, height) if turned else (height, width), image.mode in _GREY_MODES)
    except Unreadable:
        raise
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise Unreadable(_reason(error)) from error


def decode(path: Path, channels: int, size: Size | None = None) -> Array:
    """A picture file as uint8 (H, W, channels), channels 1, 3 or 4, cut to `size` by `cover` if it is given.

    EXIF orientation is applied. Modes: 1, L, LA, P, PA, RGB, RGBA, CMYK, YCbCr, HSV and LAB as Pillow converts them;
    16-bit grey is divided by 257 and rounded (its transparent colour, if any, is ignored); other alpha, palettes with
    transparency and transparent colours included, goes through `to_channels` (on white if channels is 1 or 3).

    Raises:
        Unreadable: as `inspect`; also floats and grey values outside 0…65535.
    """
    from PIL import Image

    try:
        with _open(path) as image:
            image.load()
            turn = _orientation(image)
            plain = _plain(image)
            if turn > 1:
                plain = plain.transpose(Image.Transpose(_TURNS[turn]))
            if size is not None:
                plain = cover(plain, size)
            pixels = np.asarray(plain)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error)) from error
    return to_channels(pixels[:, :, None] if pixels.ndim == 2 else pixels, channels)


# EXIF orientation → Pillow's Transpose: FLIP_LEFT_RIGHT 0, FLIP_TOP_BOTTOM 1, ROTATE_90 2, ROTATE_180 3, ROTATE_270 4,
# TRANSPOSE 5, TRANSVERSE 6
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


def _open(path: Path) -> Image.Image:
    from PIL import Image

    Image.init()
    image = Image.open(path, formats=[name for name in _FORMATS if name in Image.OPEN])
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
    except Exception:  # a picture with damaged EXIF is still a picture
        return 1
    return value if value in _TURNS else 1


def _plain(image: Image.Image) -> Image.Image:
    """In mode L, LA, RGB or RGBA."""
    from PIL import Image

    mode = image.mode
    if mode == "F":
        raise Unreadable("32-bit floats (mode F), whose range is unknown; convert it to 8 bits")
    if mode == "I" or mode.startswith("I;"):
        values = np.asarray(image).astype(np.int64)
        if values.size and (values.min() < 0 or values.max() > 65535):
            raise Unreadable(f"32-bit grey values outside 0…65535 ({values.min()} to {values.max()})")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if mode in _GREY_MODES:
        wanted = "LA" if image.has_transparency_data and mode != "1" else "L"
    else:
        wanted = "RGBA" if image.has_transparency_data else "RGB"
    return image if mode == wanted else image.convert(wanted)


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return (
            f"too many pixels, more than Pillow's limit of {Image.MAX_IMAGE_PIXELS:,} against decompression bombs; "
            "raise PIL.Image.MAX_IMAGE_PIXELS if you trust it"
        )
    if isinstance(error, UnidentifiedImageError):
        return "not a picture in a format that is read here"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
