"""Grids for the kernels that go over all numbers, or down the columns of a matrix. Functions of the sizes alone."""

from __future__ import annotations

from typing import NamedTuple

THREADS = 256
MOST_BLOCKS = 2112
"""Sixteen blocks for each of an H100's 132 multiprocessors; longer arrays take several turns."""


def over(count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(grid, block) for a loop over `count` pieces of work."""
    return (max(1, min(-(-count // THREADS), MOST_BLOCKS)),), (THREADS,)


class ColumnGrid(NamedTuple):
    """How `columns.cuh` goes down the columns of a matrix."""

    grid: tuple[int, int]
    """(groups of columns, parts)."""
    block: tuple[int, int]
    run: int
    """Rows of one part."""

    @property
    def parts(self) -> int:
        """Partial sums of a column."""
        return self.grid[1]

    @property
    def merge_grid(self) -> tuple[int]:
        """The grid of the second stage."""
        return (self.grid[0],)


def columns_of(rows: int, columns: int) -> ColumnGrid:
    """Blocks of up to 32 columns; as many parts as fill the device, each with at least four rows for a thread."""
    width = 1
    while width < min(columns, 32):
        width *= 2
    height, groups = THREADS // width, -(-columns // width)
    parts = max(1, min(MOST_BLOCKS // 4 // groups, -(-rows // (4 * height)), 256))
    run = -(-rows // parts)
    return ColumnGrid((groups, -(-rows // run)), (width, height), run)
