"""Animated PNG frame by frame: each is encoded by Pillow as a PNG, whose pixels become a frame (PNG, third edition)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write_apng(file: BinaryIO, frames: Iterator[Any], *, fps: float, loop: bool) -> None:
    """Pillow's images, all of one size and mode (L, RGB, RGBA), without loss."""
    delay = (1 / Fraction(fps).limit_denominator(1000)).limit_denominator(1000)
    count = sequence = place = 0
    for frame in frames:
        chunks = list(_chunks(frame))
        if not count:
            file.write(_SIGNATURE)
            _write(file, b"IHDR", chunks[0][1])
            place = file.tell()
            _write(file, b"acTL", struct.pack(">II", 0, 0 if loop else 1))  # the number of frames follows at the end
        times = min(delay.numerator, 0xFFFF), min(delay.denominator, 0xFFFF)
        control = struct.pack(">IIIIIHHBB", sequence, frame.width, frame.height, 0, 0, *times, 0, 0)
        _write(file, b"fcTL", control)
        sequence += 1
        for name, data in chunks:
            if name == b"IDAT":
                if count:
                    _write(file, b"fdAT", struct.pack(">I", sequence) + data)
                    sequence += 1
                else:
                    _write(file, b"IDAT", data)
        count += 1
    _write(file, b"IEND", b"")
    file.seek(place)
    _write(file, b"acTL", struct.pack(">II", count, 0 if loop else 1))
    file.seek(0, io.SEEK_END)


def _write(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


def _chunks(frame: Any) -> Iterator[tuple[bytes, bytes]]:
    written = io.BytesIO()
    frame.save(written, "PNG")
    data, place = written.getvalue(), len(_SIGNATURE)
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        place += 12 + size
