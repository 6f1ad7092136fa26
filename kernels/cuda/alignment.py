"""Sixteen bytes at a time: whether arrays lie so, and how many neighbouring columns of a matrix a thread takes at once."""

from __future__ import annotations

from gan_np.arrays import Array

BYTES = 16
"""What one instruction of a thread can load, store or copy."""


def is_aligned(array: Array, stride: int) -> int:
    """Return 1 if rows of `stride` numbers consist of aligned chunks of 16 bytes, otherwise 0."""
    pointer: int = array.data.ptr  # type: ignore[attr-defined]
    return int(stride * array.itemsize % BYTES == 0 and pointer % BYTES == 0)


def pack_of(columns: int, *arrays: Array) -> int:
    """The columns that a thread takes at once of contiguous arrays with rows of this many numbers: 16 bytes of them.

    It is 1 where the rows of an array are not aligned.
    """
    return BYTES // arrays[0].itemsize if all(is_aligned(array, columns) for array in arrays) else 1


def long_rows(rows: int, columns: int, *arrays: Array) -> tuple[int, int, int]:
    """(rows, columns, pack) of a matrix whose rows are taken one, two or four at a time, the fewest that are aligned.

    Three colours of four pixels are twelve numbers, three chunks of 16 bytes. Where nothing helps, rows stay as they are.
    """
    for together in (1, 2, 4):
        pack = pack_of(together * columns, *arrays)
        if rows % together == 0 and pack > 1:
            return rows // together, together * columns, pack
    return rows, columns, 1
