"""Matrices in the panels that the innermost product reads, and products of panels with edges that need not divide evenly.

    left panel     ROWS rows:  [k ÷ L][ROWS][L]     read along lines, or over rows by the transposed product
    right panel    N columns:  [k][N]               N = COLUMNS·L

What a matrix lacks to full panels is 0 there; what a product has beyond the edge of its result is left out.
"""

from __future__ import annotations

from typing import Any

from .compiled import inlined, inner
from .product import multiply_columns, multiply_lines
from .vectors import COLUMNS, LINE, ROWS, SQUARE, clear_line, move_line, move_part, turn_square


@inlined
def padded(size: int, unit: int) -> Any:
    """The next multiple of `unit`."""
    return (size + unit - 1) // unit * unit


@inlined
def copy_numbers(source: Any, start: int, count: int, target: Any, at: int) -> Any:
    """Up to a line of numbers, and zeros up to a whole one."""
    line = LINE // target.itemsize
    if count >= line:
        move_line(source, start, target, at)
    else:
        clear_line(target, at)
        move_part(source, start, count, target, at)


@inlined
def right_panel(w: Any, shape: Any, transposed: bool, k0: int, k1: int, first: int, right: Any, at: int) -> Any:
    """Rows k0 to k1 and columns `first` and on of W (depth, columns), or of the transpose of W (columns, depth)."""
    depth, columns = shape
    line = LINE // right.itemsize
    panel = COLUMNS * line
    if not transposed:
        for k in range(k0, k1):
            for j in range(0, panel, line):
                count = columns - first - j if k < depth else 0
                copy_numbers(w, k * columns + first + j, count, right, at + (k - k0) * panel + j)
        return
    for j in range(0, panel, SQUARE):
        for k in range(k0, k1, SQUARE):
            start, place = (first + j) * depth + k, at + (k - k0) * panel + j
            if first + j + SQUARE <= columns and k + SQUARE <= depth:
                turn_square(w, start, depth, right, place, panel)
            else:
                for i in range(SQUARE):
                    for step in range(SQUARE):
                        inside = first + j + i < columns and k + step < depth
                        right[place + step * panel + i] = w[start + i * depth + step] if inside else 0


@inlined
def left_rows(x: Any, start: int, rows: int, width: int, k0: int, wide: int, left: Any, at: int) -> Any:
    """Numbers k0 to k0 + wide of `rows` rows of a matrix of this width, the first of them at x[start:], as left panels."""
    line = LINE // left.itemsize
    for row in range(padded(rows, ROWS)):
        for k in range(0, wide, line):
            count = width - k0 - k if row < rows else 0
            place = at + row // ROWS * ROWS * wide + k * ROWS + row % ROWS * line
            copy_numbers(x, start + row * width + k0 + k, count, left, place)


@inner
def pack_panel(index: int, thread: int, source: Any, rows: int, width: int, wide: int, target: Any) -> None:
    """Rows index·ROWS and on of a row-major matrix (rows, width) as a left panel of `wide` columns, a multiple of L."""
    first = index * ROWS
    left_rows(source, first * width, min(ROWS, rows - first), width, 0, wide, target, first * wide)


@inlined
def _give_edge(
    c: Any, c_at: int, c_row: int, rows: int, columns: int, accumulate: bool, spare: Any, spare_at: int, panel: int
) -> Any:
    """What of a tile in spare memory belongs to C."""
    for i in range(min(rows, ROWS)):
        for j in range(min(columns, panel)):
            place, value = c_at + i * c_row + j, spare[spare_at + i * panel + j]
            c[place] = c[place] + value if accumulate else value


@inlined
def lines_tile(
    c: Any,
    c_at: int,
    c_row: int,
    rows: int,
    columns: int,
    a: Any,
    a_at: int,
    b: Any,
    b_at: int,
    blocks: int,
    accumulate: bool,
    spare: Any,
    spare_at: int,
) -> Any:
    """C (+)= A·B for a left and a right panel; only `rows` × `columns` of the tile belong to C."""
    line = LINE // c.itemsize
    panel = COLUMNS * line
    if rows >= ROWS and columns >= panel:
        multiply_lines(c, c_at, c_row, a, a_at, ROWS * line, b, b_at, line * panel, blocks, accumulate)
    else:
        multiply_lines(spare, spare_at, panel, a, a_at, ROWS * line, b, b_at, line * panel, blocks, False)
        _give_edge(c, c_at, c_row, rows, columns, accumulate, spare, spare_at, panel)


@inlined
def columns_tile(
    c: Any,
    c_at: int,
    c_row: int,
    rows: int,
    columns: int,
    a: Any,
    a_at: int,
    a_width: int,
    b: Any,
    b_at: int,
    b_width: int,
    panels: int,
    accumulate: bool,
    spare: Any,
    spare_at: int,
) -> Any:
    """C (+)= Aᵀ·B for matrices in left panels of padded widths, summed over their rows."""
    line = LINE // c.itemsize
    panel = COLUMNS * line
    if rows >= ROWS and columns >= panel:
        multiply_columns(c, c_at, c_row, a, a_at, a_width * ROWS, b, b_at, b_width * ROWS, panels, accumulate)
    else:
        multiply_columns(spare, spare_at, panel, a, a_at, a_width * ROWS, b, b_at, b_width * ROWS, panels, False)
        _give_edge(c, c_at, c_row, rows, columns, accumulate, spare, spare_at, panel)
