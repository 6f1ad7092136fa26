"""NumPy's .npy files, memory-mapped, and the checks of headers that .npz files share."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from gan_np.arrays import Array, DType
from gan_np.printable import printable

_LONGEST_HEADER = 10_000
"""Bytes; NumPy refuses longer ones too, but only after it has read them."""


_READERS: dict[tuple[int, int], tuple[int, Any]] = {
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}
"""Version of the format → bytes of the header's length, and what reads them and the header."""


class Header(NamedTuple):
    """The header of an .npy file: shape, dtype and order of the array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: DType

    @property
    def data_bytes(self) -> int:
        """How many bytes must follow, as an unbounded integer."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def identity_of(path: Path) -> tuple[str, int, int]:
    """Path, size and time of change."""
    found = path.stat()
    return str(path.resolve()), found.st_size, found.st_mtime_ns


def read_header(file: IO[bytes], name: str) -> Header:
    """Read the header of an .npy file and leave `file` at the data. Nothing in it is trusted or run.

    name: for messages, printable.

    Raises:
        ValueError: it is not one, or one of Python objects (which would be unpickled), or of records.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in _READERS:
            raise ValueError(f"format version {version}")
        width, reader = _READERS[version]
        length = file.read(width)
        if (claimed := int.from_bytes(length, "little")) > _LONGEST_HEADER:
            raise ValueError(f"a header of {claimed:,} bytes")
        shape, fortran_order, dtype = reader(io.BytesIO(length + file.read(claimed)))
    except Exception as error:  # a damaged header makes NumPy's parser raise nearly anything
        raise ValueError(f"{name}: not a readable .npy file: {type(error).__name__}: {printable(error)}") from error
    if dtype.hasobject:
        raise ValueError(f"{name}: holds Python objects, which are never unpickled here; save an array of numbers")
    if any(isinstance(size, bool) or size < 0 for size in shape) or dtype.kind not in "biufc":
        raise ValueError(f"{name}: expected an array of numbers, got {dtype} of shape {shape}")
    return Header(tuple(shape), fortran_order, dtype)


def map_npy(path: Path) -> Array:
    """The array of an .npy file, memory-mapped and read-only.

    Raises:
        ValueError: not an .npy file, one of objects, or one whose header does not agree with its size.
    """
    name = printable(path)
    with path.open("rb") as file:
        header = read_header(file, name)
        offset = file.tell()
    found = path.stat().st_size - offset
    if found != header.data_bytes:
        raise ValueError(
            f"{name}: the header promises {header.data_bytes:,} bytes ({header.dtype}, shape {header.shape}) "
            f"and {found:,} follow; the file is damaged or incomplete"
        )
    if not found:
        raise ValueError(f"{name}: no images in it (shape {header.shape})")
    order = "F" if header.fortran_order else "C"
    array: Array = np.memmap(path, header.dtype, "r", offset, header.shape, order)  # type: ignore[call-overload]
    return array
