"""GIF animations frame by frame (GIF89a): each is encoded by Pillow as a GIF of its own and put behind the others."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

HUNDREDTHS_AT_LEAST = 2
"""Browsers show a shorter delay as a tenth of a second."""
FASTEST = 100 // HUNDREDTHS_AT_LEAST


def write_gif(file: BinaryIO, frames: Iterator[Any], *, fps: float, loop: bool) -> None:
    """Pillow's images, all of one size, as an animation with a palette for each frame.

    Delays are whole hundredths of a second, so they differ by one where 100/fps is not whole; their sum is right.
    """
    shown = 0
    for number, frame in enumerate(frames):
        table, descriptor, pixels = _parts(_on_white(frame))
        if number == 0:
            file.write(b"GIF89a" + struct.pack("<HHBBB", frame.width, frame.height, 0x70, 0, 0))
            if loop:
                file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", 0) + b"\0")
        ends = round(100 * (number + 1) / fps)
        file.write(b"!\xf9\x04\x04" + struct.pack("<H", ends - shown) + b"\0\0")
        file.write(descriptor + table + pixels)
        shown = ends
    file.write(b";")


def _on_white(frame: Any) -> Any:
    """Without alpha, of which a GIF has one bit; colours as those of a palette of 256."""
    from PIL import Image

    if frame.mode == "RGBA":
        white = Image.new("RGBA", frame.size, "white")
        frame = Image.alpha_composite(white, frame).convert("RGB")
    return frame if frame.mode == "L" else frame.quantize(256, dither=Image.Dither.NONE)


def _parts(frame: Any) -> tuple[bytes, bytes, bytes]:
    """The palette, the descriptor that says so, and the compressed pixels of one frame."""
    written = io.BytesIO()
    frame.save(written, "GIF", interlace=0)
    data = written.getvalue()
    flags, place = data[10], 13
    size = 3 << (flags & 7) + 1
    assert flags & 0x80, "Pillow writes one palette for the whole file"
    table = data[place : place + size]
    place += size
    while data[place] == 0x21:  # extensions: a label, then blocks
        place = _behind_blocks(data, place + 2)
    assert data[place] == 0x2C
    descriptor = data[place : place + 9] + bytes([0x80 | (flags & 7)])
    start = place + 10
    return table, descriptor, data[start : _behind_blocks(data, start + 1)]


def _behind_blocks(data: bytes, place: int) -> int:
    while data[place]:
        place += 1 + data[place]
    return place + 1
