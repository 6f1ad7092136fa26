"""Animations of any length in the memory of one frame: GIF, animated WebP and PNG, and MP4 where there is an encoder."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, number
from gan_np.files import replace, writing

from .apng import write_apng
from .gif import FASTEST, write_gif
from .video import ffmpeg, write_mp4
from .webp import write_webp

ENDINGS = (".gif", ".webp", ".apng", ".mp4")
"""How names of animations end."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def is_animation(path: str | Path) -> bool:
    """Whether a name ends like that of an animation."""
    return Path(path).suffix.lower() in ENDINGS


def check_animation(path: str | Path, fps: float, name: str = "out") -> None:
    """Refuse, before the frames are made, what `write_animation` would refuse; `name` is the argument that the path was.

    Raises:
        ValueError: another ending, or more frames a second than a format can say.
        ModuleNotFoundError: .mp4 without an encoder.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in ENDINGS:
        raise ValueError(f"{name}: the name of an animation ends in {', '.join(ENDINGS)}, got {str(path)!r}")
    number("fps", fps, 0.1, 1000)
    if suffix == ".gif" and fps > FASTEST:
        raise ValueError(f"fps: a .gif shows at most {FASTEST} frames a second, got {fps:g}; .webp shows more")
    if suffix == ".mp4":
        ffmpeg()


def write_animation(frames: Iterable[Array], path: str | Path, *, fps: float = 20, loop: bool = True) -> Path:
    """Write uint8 images (H, W, C), all of one shape, C of 1 (grey), 3 (RGB) or 4 (RGBA), as an animation.

    path: its ending says the format: .gif (256 colours a frame), .webp (lossy, quality 90), .apng (without loss), .mp4 (with
        ffmpeg, or the extra `video`). fps: frames a second. loop: it goes round without end; else it is shown once
        (an .mp4 leaves that to the player).

    Frames are taken and written one by one, and the file appears whole, when the last is written.

    >>> import tempfile
    >>> import numpy as np, gan_np as gn
    >>> frames = (np.full((8, 8, 1), 5 * number, np.uint8) for number in range(40))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gn.data.write_animation(frames, folder + "/brighter.gif").name
    'brighter.gif'

    Raises:
        ValueError: another ending, no frames. ShapeError: not images, or of several shapes.
        ModuleNotFoundError: .mp4 without an encoder. RuntimeError: the encoder fails.
    """
    check_animation(path, fps, "path")
    target, suffix = Path(path), Path(path).suffix.lower()
    made = _images(frames)
    first = next(made, None)
    if first is None:
        raise ValueError("frames: expected at least one")
    made = chain([first], made)
    if suffix == ".mp4":
        return _movie(made, target, fps)
    write = {".gif": write_gif, ".webp": write_webp, ".apng": write_apng}[suffix]
    with writing(target) as file:
        write(file, made, fps=fps, loop=loop)
    return target


def _movie(frames: Iterator[Any], target: Path, fps: float) -> Path:
    """Through a file beside it, since ffmpeg writes into one by its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        write_mp4(temporary, frames, fps=fps)
        replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _images(frames: Iterable[Array]) -> Iterator[Any]:
    """As Pillow's images, checked."""
    from PIL import Image

    shape = None
    for frame in frames:
        if frame.ndim != 3 or frame.shape[2] not in _MODES or frame.dtype != np.uint8:
            raise ShapeError(
                f"frames: expected uint8 (height, width, channels) with 1, 3 or 4 channels, got {frame.dtype} {frame.shape}"
            )
        shape = shape or frame.shape
        if frame.shape != shape:
            raise ShapeError(f"frames: expected all of {shape}, got {frame.shape}")
        pixels = np.ascontiguousarray(frame)
        yield Image.fromarray(pixels[:, :, 0] if shape[2] == 1 else pixels)
