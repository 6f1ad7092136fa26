"""How many neighbouring columns of a matrix a thread takes at once: 16 bytes' worth where the arrays allow it."""

from __future__ import annotations

from gan_np.arrays import Array

from .launcher import whole

BYTES = 16


def pack_of(columns: int, *arrays: Array) -> int:
    """The columns that a thread takes of contiguous arrays with rows of so many numbers; 1: rows lie across the 16 bytes."""
    return BYTES // arrays[0].itemsize if all(whole(array, columns) for array in arrays) else 1


def long_rows(rows: int, columns: int, *arrays: Array) -> tuple[int, int, int]:
    """(rows, columns, pack) of a matrix with its rows taken one, two or four at a time, the fewest that are whole chunks.

    Three colours of four pixels are twelve numbers, three chunks of 16 bytes. Where nothing helps, rows stay as they are.
    """
    for together in (1, 2, 4):
        pack = pack_of(together * columns, *arrays)
        if rows % together == 0 and pack > 1:
            return rows // together, together * columns, pack
    return rows, columns, 1
