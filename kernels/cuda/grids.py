"""Grids for the kernels that go over all numbers, or down the columns of a matrix. Functions of the sizes alone."""

from __future__ import annotations

from typing import NamedTuple

THREADS = 256
MOST_BLOCKS = 2112
"""Sixteen blocks for each of an H100's 132 multiprocessors; longer arrays take several turns."""
LARGEST = 2**31 - 2**24
"""Numbers in an array: kernels index with 32 bits, and a loop over a grid may step once beyond the end."""


def over(count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (grid, block) for a loop over `count` pieces of work."""
    return (max(1, min(-(-count // THREADS), MOST_BLOCKS)),), (THREADS,)


class ColumnGrid(NamedTuple):
    """How `numba_cuda/columns.py` goes down the columns of a matrix."""

    grid: tuple[int, int]
    """(groups of columns, groups of rows)."""
    block: tuple[int, int]
    run: int
    """The number of rows of one group."""

    @property
    def partials(self) -> int:
        """Return how many partial sums a column has."""
        return self.grid[1]


def columns_of(rows: int, columns: int) -> ColumnGrid:
    """Return a grid of blocks of up to 32 columns.

    There are as many groups of rows as fill the device, each with at least four rows for a thread.
    """
    width = 1
    while width < min(columns, 32):
        width *= 2
    height, groups = THREADS // width, -(-columns // width)
    partials = max(1, min(MOST_BLOCKS // 4 // groups, -(-rows // (4 * height)), 256))
    run = -(-rows // partials)
    return ColumnGrid((groups, -(-rows // run)), (width, height), run)


COLUMN_THREADS, MERGE_THREADS = 1024, 256
"""The threads of a block that adds down columns, and of one that merges such sums, as columns.cuh has them."""
LARGE_BLOCKS = 132
"""Blocks of 1,024 threads that an H100 runs at once."""
ALONE = 6144
"""Rows, times arrays read or written, that a block takes alone: beyond them a second kernel costs less than the wait."""
SECTOR = 32
"""Bytes that memory gives at once."""


class SumGrid(NamedTuple):
    """The grid of the first stage of a sum down the columns of a matrix, as `columns.cuh` makes it."""

    grid: tuple[int, int]
    """(groups of columns, groups of rows)."""
    block: tuple[int, int]
    """(packs of neighbouring columns, rows at a time)."""

    @property
    def partials(self) -> int:
        """Return how many partial sums a column has; with 1 there is nothing to merge."""
        return self.grid[1]


def alone(rows: int, arrays: int) -> bool:
    """Whether a block takes all rows of its columns, where `arrays` matrices are read or written."""
    return rows * arrays <= ALONE


def sums_down(rows: int, columns: int, pack: int, arrays: int, itemsize: int) -> SumGrid:
    """The first stage: `pack` columns a thread, `arrays` matrices read or written.

    Where the rows are few enough, a block takes all rows of a few columns; else as many wide blocks as run at once share
    them.
    """
    packs = columns // pack
    if alone(rows, arrays):
        width = _power(min(packs, max(1, SECTOR // (pack * itemsize))))
        height = min(COLUMN_THREADS // width, _power(rows))
        return SumGrid((-(-packs // width), 1), (width, height))
    width = _power(min(packs, 32))
    height, groups = COLUMN_THREADS // width, -(-packs // width)
    return SumGrid((groups, _evenly(-(-rows // height), max(1, LARGE_BLOCKS // groups), 2)), (width, height))


def merge_of(partials: int, columns: int) -> tuple[tuple[int], tuple[int, int]]:
    """Return (grid, block) of the second stage: a sector of columns by many partial sums, so that each thread reads few."""
    width = _power(min(columns, 8))
    return (-(-columns // width),), (width, min(MERGE_THREADS // width, _power(partials)))


def rows_over(rows: int, columns: int, pack: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (grid, block) for work on all numbers of a matrix whose threads keep their columns."""
    packs = columns // pack
    width = _power(min(packs, 32))
    height, groups = THREADS // width, -(-packs // width)
    return (groups, _evenly(-(-rows // height), max(1, 8 * LARGE_BLOCKS // groups), 1)), (width, height)


def image_blocks(count: int, size: int, pack: int) -> tuple[tuple[int, int], tuple[int]]:
    """Return (grid, block) for work on `count` images of `size` numbers each.

    A thread takes four packs, and several blocks an image.
    """
    packs = size // pack
    threads = max(32, min(THREADS, _power(-(-packs // 4))))
    return (count, min(-(-packs // (4 * threads)), max(1, 8 * MOST_BLOCKS // count))), (threads,)


def _evenly(pieces: int, most: int, least_turns: int) -> int:
    """The fewest workers, at most `most`, that do all pieces in the turns that `most` would need; at least `least_turns`."""
    turns = max(least_turns, -(-pieces // most))
    return -(-pieces // turns)


def _power(number: int) -> int:
    """The least power of 2 that is not less."""
    return 1 << (number - 1).bit_length()
