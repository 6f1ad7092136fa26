"""Matrices in the panels that the innermost product reads, and products of panels with edges that need not divide evenly.

    left panel     ROWS rows:  [k ÷ L][ROWS][L]     read along lines, or over rows by the transposed product
    right panel    N columns:  [k][N]               N = COLUMNS·L

For example with ROWS = 2, L = 4, N = 4, and a matrix x (3, 6) on the left of a matrix w (6, 5); · is a 0 that fills a panel:

    x:  left panel 0   x₀₀ x₀₁ x₀₂ x₀₃ x₁₀ x₁₁ x₁₂ x₁₃   x₀₄ x₀₅ · · x₁₄ x₁₅ · ·
        left panel 1   x₂₀ x₂₁ x₂₂ x₂₃ · · · ·           x₂₄ x₂₅ · · · · · ·
    w:  right panel 0  w₀₀ w₀₁ w₀₂ w₀₃   w₁₀ w₁₁ w₁₂ w₁₃   …   w₅₀ w₅₁ w₅₂ w₅₃
        right panel 1  w₀₄ · · ·         w₁₄ · · ·         …   w₅₄ · · ·

What a matrix lacks to full panels is 0 there; what a product has beyond the edge of its result is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .compiled import inlined, inner
from .memory import get, put
from .product import Target, multiply_columns, multiply_lines
from .vectors import (
    COLUMNS,
    ROWS,
    SQUARE,
    TRANSPOSED_ROWS,
    VECTOR_BYTES,
    clear_line,
    move_line,
    move_part,
    transpose_square,
)


@inlined
def padded(size: int, unit: int) -> Any:
    """Return the smallest multiple of `unit` that is at least `size`."""
    return (size + unit - 1) // unit * unit


@inlined
def copy_numbers(source: Any, start: int, count: int, target: Any, at: int) -> Any:
    """Copy up to a line of numbers, and fill what is left of the line with zeros."""
    line = VECTOR_BYTES // target.itemsize
    if count >= line:
        move_line(source, start, target, at)
    else:
        clear_line(target, at)
        move_part(source, start, count, target, at)


@inlined
def right_panel(w: Any, shape: Any, transposed: bool, k_range: Any, first: int, right: Any, at: int) -> Any:
    """Write one right panel: rows k0 to k1, and the columns from `first` on, of W (depth, columns).

    transposed: W is stored as its transpose, (columns, depth).
    """
    k0, k1 = k_range
    depth, columns = shape
    line = VECTOR_BYTES // right.itemsize
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
                transpose_square(w, start, depth, right, place, panel)
            else:
                for i in range(SQUARE):
                    for step in range(min(SQUARE, k1 - k)):  # what lies behind k1 may be another panel
                        inside = first + j + i < columns and k + step < depth
                        right[place + step * panel + i] = w[start + i * depth + step] if inside else 0


@inlined
def left_rows(x: Any, start: int, shape: Any, k_range: Any, left: Any, at: int) -> Any:
    """Write numbers k0 to k1 of the rows of a matrix (rows, width) as left panels at left[at:].

    The matrix begins at x[start:].
    """
    (rows, width), (k0, k1) = shape, k_range
    line, wide = VECTOR_BYTES // left.itemsize, k1 - k0
    for row in range(padded(rows, ROWS)):
        for k in range(0, wide, line):
            count = width - k0 - k if row < rows else 0
            place = at + row // ROWS * ROWS * wide + k * ROWS + row % ROWS * line
            copy_numbers(x, start + row * width + k0 + k, count, left, place)


@inner
def pack_panel(index: int, thread: int, source: Any, rows: int, width: int, wide: int, target: Any) -> None:
    """Write the ROWS rows from index·ROWS on of a row-major matrix (rows, width) as a left panel of `wide` columns.

    `wide` is a multiple of L, the numbers in a line.
    """
    first = index * ROWS
    left_rows(source, first * width, (min(ROWS, rows - first), width), (0, wide), target, first * wide)


class Own(NamedTuple):
    """The part of a buffer that belongs to one thread."""

    values: Any
    start: int


@inlined
def _write_edge(c: Any, target: Any, spare: Any, rows: int, panel: int) -> Any:
    """Write, or add, those numbers of a tile in spare memory that belong to C."""
    for i in range(min(target.rows, rows)):
        for j in range(min(target.columns, panel)):
            place, value = target.start + i * target.step + j, spare.values[spare.start + i * panel + j]
            c[place] = c[place] + value if target.add else value


@inlined
def lines_tile(c: Any, target: Any, a: Any, a_at: int, b: Any, b_at: int, blocks: int, spare: Any) -> Any:
    """Compute one tile of C = A·B, or add it, for a left and a right panel.

    Only as many rows and columns as the target has are touched: a tile at the edge of C is made in spare memory first.
    """
    panel = COLUMNS * (VECTOR_BYTES // c.itemsize)
    if target.rows >= ROWS and target.columns >= panel:
        multiply_lines(c, target, a, a_at, b, b_at, blocks)
    else:
        multiply_lines(spare.values, Target(spare.start, panel, ROWS, panel, False), a, a_at, b, b_at, blocks)
        _write_edge(c, target, spare, ROWS, panel)


@inlined
def columns_tile(c: Any, target: Any, a: Any, a_blocks: Any, b: Any, b_blocks: Any, panels: int, spare: Any) -> Any:
    """Compute one tile of C = Aᵀ·B, or add it, for two matrices in left panels, summed over their rows.

    a_blocks, b_blocks: where the first panel of each begins, and how many numbers further the next one does.
    """
    panel = COLUMNS * (VECTOR_BYTES // c.itemsize)
    if target.rows >= TRANSPOSED_ROWS and target.columns >= panel:
        multiply_columns(c, target, a, a_blocks, b, b_blocks, panels)
    else:
        apart = Target(spare.start, panel, TRANSPOSED_ROWS, panel, False)
        multiply_columns(spare.values, apart, a, a_blocks, b, b_blocks, panels)
        _write_edge(c, target, spare, TRANSPOSED_ROWS, panel)


@inner
def reduce_splits(index: int, thread: int, share: int, splits: int, partial: Any, add: bool, total: Any) -> None:
    """Write, or add, `share` numbers of the sum of `splits` arrays that lie one after another in `partial`.

    They are added in their order, so that the sum does not depend on the number of threads.
    """
    size = total.size
    first, last = index * share, min((index + 1) * share, size)
    for i in range(first, last):
        put(total, i, get(partial, i) + get(total, i) if add else get(partial, i))
    for start in range(size, splits * size, size):
        for i in range(first, last):
            put(total, i, get(total, i) + get(partial, start + i))
