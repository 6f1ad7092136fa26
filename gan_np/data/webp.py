"""Animated WebP frame by frame: each is encoded by Pillow as a still, whose chunks become a frame (RFC 9649)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

QUALITY = 90
ANIMATED, WITH_ALPHA = 0x02, 0x10
NOT_BLENDED = 0x02


def write_webp(file: BinaryIO, frames: Iterator[Any], *, fps: float, loop: bool) -> None:
    """Pillow's images, all of one size and mode, in quality 90. Times are whole milliseconds whose sum is right."""
    shown = 0
    for number, frame in enumerate(frames):
        size = _of_three(frame.width - 1) + _of_three(frame.height - 1)
        if number == 0:
            flags = ANIMATED | (WITH_ALPHA if frame.mode == "RGBA" else 0)
            file.write(b"RIFF\0\0\0\0WEBP")
            _write(file, b"VP8X", struct.pack("<I", flags) + size)
            _write(file, b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 0 if loop else 1))
        ends = round(1000 * (number + 1) / fps)
        head = bytes(6) + size + _of_three(ends - shown) + bytes([NOT_BLENDED])
        _write(file, b"ANMF", head + b"".join(_pixels(frame)))
        shown = ends
    length = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", length - 8))
    file.seek(0, io.SEEK_END)


def _of_three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _write(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(_chunk(name, data))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _pixels(frame: Any) -> Iterator[bytes]:
    """The chunks of a still that hold pixels."""
    written = io.BytesIO()
    (frame.convert("RGB") if frame.mode == "L" else frame).save(written, "WEBP", quality=QUALITY)
    data, place = written.getvalue(), 12
    while place < len(data):
        name = data[place : place + 4]
        (size,) = struct.unpack_from("<I", data, place + 4)
        if name in (b"VP8 ", b"VP8L", b"ALPH"):
            yield _chunk(name, data[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
