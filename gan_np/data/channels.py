"""From any number of channels to 1, 3 or 4."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array

_OPAQUE = 255
_WHITE = 255


def to_channels(images: Array, channels: int) -> Array:
    """Images (…, H, W, C), uint8 or float32 from 0 to 1, C from 1 to 4, with `channels` (1, 3 or 4) channels.

    C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. Where alpha is lost (to 1 or 3), the image is laid on white:
    c ← (α·c + (255 − α)·255) / 255, rounded. Colour becomes grey by ITU-R 601-2, L = 0.299 R + 0.587 G + 0.114 B, in
    Pillow's integer arithmetic for bytes. Grey becomes RGB by repetition, and images without alpha become opaque.

    Raises:
        ValueError: images with more than 4 channels, which have no colour that could be converted.
    """
    given = images.shape[-1]
    if given == channels:
        return images
    if given > 4:
        raise ValueError(f"channels: images with {given} channels cannot be converted to {channels}; expected None")
    colours, alpha = (images, None) if given in (1, 3) else (images[..., :-1], images[..., -1:])
    if alpha is not None and channels != 4:
        colours, alpha = _on_white(colours, alpha), None
    if colours.shape[-1] == 3 and channels == 1:
        return _grey(colours)
    if colours.shape[-1] == 1 and channels != 1:
        colours = np.repeat(colours, 3, axis=-1)
    if channels == 4:
        if alpha is None:
            opaque = _OPAQUE if colours.dtype == np.uint8 else 1
            alpha = np.full((*colours.shape[:-1], 1), opaque, colours.dtype)
        return np.concatenate([colours, alpha], axis=-1)
    return colours


def _on_white(colours: Array, alpha: Array) -> Array:
    if colours.dtype != np.uint8:
        return np.asarray(alpha * colours + (1 - alpha))
    weight = alpha.astype(np.uint32)
    mixed = colours * weight + (_OPAQUE - weight) * _WHITE
    return ((mixed + 127) // 255).astype(np.uint8)


def _grey(colours: Array) -> Array:
    if colours.dtype != np.uint8:
        return np.asarray(colours @ np.array([[0.299], [0.587], [0.114]], colours.dtype))
    red, green, blue = (colours[..., k : k + 1].astype(np.uint32) for k in range(3))
    # 0.299, 0.587 and 0.114 in 16-bit fixed point, as Pillow's convert("L") has them
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)
