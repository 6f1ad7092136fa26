"""The innermost product: one tile of C = A·B, or C += A·B, held in registers.

    C (ROWS × n)  =  Σ_k  A[:, k] · B[k, :]        n = COLUMNS lines

Each step of k loads COLUMNS lines of B and ROWS single numbers of A, each spread over a line, and does ROWS·COLUMNS fused
multiply–adds. Matrices lie in panels so that all offsets inside a block are constants of the code:

    "lines"     element (i, k) of A at  (k ÷ L)·a_outer + i·L + k mod L           L = numbers in a line
                k runs along lines; ROWS rows of a line each make a block
    "columns"   element (k, i) of A at  (k ÷ ROWS)·a_outer + (k mod ROWS)·L + i   (A is used transposed)
                the blocks that "lines" reads, summed over their rows instead
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba.core import types

from .compiled import intrinsic
from .vectors import COLUMNS, ROWS, Lines


def _tile(context: Any, builder: Any, signature: Any, values: Any, transposed: bool) -> Any:
    """The loop over blocks, unrolled inside a block."""
    c_type, _, _, a_type, _, _, b_type, *_ = signature.args
    c, c_start, c_row, a, a_start, a_outer, b, b_start, b_outer, blocks, accumulate = values
    lines = Lines(builder, c_type.dtype)
    base = {
        name: lines.at(context.make_array(kind)(context, builder, array).data, start)
        for name, kind, array, start in (
            ("c", c_type, c, c_start),
            ("a", a_type, a, a_start),
            ("b", b_type, b, b_start),
        )
    }
    width = lines.count
    inner = ROWS if transposed else width
    row_step, inner_step = (1, width) if transposed else (width, 1)
    # B: in "lines" a panel (k, COLUMNS·L); in "columns" the blocks of another matrix in panels of ROWS rows
    b_inner, b_column = (width, ROWS * width) if transposed else (COLUMNS * width, width)

    c_places = [
        [
            lines.at(lines.at(base["c"], builder.mul(c_row, ir.Constant(c_row.type, i))), j * width)
            for j in range(COLUMNS)
        ]
        for i in range(ROWS)
    ]
    before = builder.block
    head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
    old = builder.append_basic_block("old")
    builder.cbranch(accumulate, old, head)
    builder.position_at_end(old)
    loaded = [[lines.load(place) for place in row] for row in c_places]
    builder.branch(head)

    builder.position_at_end(head)
    word = ir.IntType(64)
    index = builder.phi(word)
    index.add_incoming(ir.Constant(word, 0), before)
    index.add_incoming(ir.Constant(word, 0), old)
    sums = [[builder.phi(lines.line) for _ in range(COLUMNS)] for _ in range(ROWS)]
    for row, start in zip(sums, loaded, strict=True):
        for cell, value in zip(row, start, strict=True):
            cell.add_incoming(lines.zero, before)
            cell.add_incoming(value, old)
    builder.cbranch(builder.icmp_signed("<", index, blocks), body, done)

    builder.position_at_end(body)
    a_block = lines.at(base["a"], builder.mul(index, a_outer))
    b_block = lines.at(base["b"], builder.mul(index, b_outer))
    running = [list(row) for row in sums]
    for k in range(inner):
        right = [lines.load(lines.at(b_block, k * b_inner + j * b_column)) for j in range(COLUMNS)]
        for i in range(ROWS):
            left = lines.spread(lines.at(a_block, k * inner_step + i * row_step))
            for j in range(COLUMNS):
                running[i][j] = lines.fma(left, right[j], running[i][j])
    following = builder.add(index, ir.Constant(word, 1))
    index.add_incoming(following, builder.block)
    for row, new in zip(sums, running, strict=True):
        for cell, value in zip(row, new, strict=True):
            cell.add_incoming(value, builder.block)
    builder.branch(head)

    builder.position_at_end(done)
    for row, places in zip(sums, c_places, strict=True):
        for value, place in zip(row, places, strict=True):
            lines.store(value, place)
    return context.get_dummy_value()


def _signature(c: Any, a: Any, b: Any) -> Any:
    word = types.int64
    return types.void(c, word, word, a, word, word, b, word, word, word, types.boolean)


@intrinsic
def multiply_lines(
    typing: Any,
    c: Any,
    c_start: Any,
    c_row: Any,
    a: Any,
    a_start: Any,
    a_outer: Any,
    b: Any,
    b_start: Any,
    b_outer: Any,
    blocks: Any,
    accumulate: Any,
) -> Any:
    """C[i, :] at c_start + i·c_row  (+)=  Σ over blocks of one line of k each; A "lines", B a panel (k, COLUMNS·L)."""
    return _signature(c, a, b), partial(_tile, transposed=False)


@intrinsic
def multiply_columns(
    typing: Any,
    c: Any,
    c_start: Any,
    c_row: Any,
    a: Any,
    a_start: Any,
    a_outer: Any,
    b: Any,
    b_start: Any,
    b_outer: Any,
    blocks: Any,
    accumulate: Any,
) -> Any:
    """The same summed over the rows of blocks: A "columns", B blocks of ROWS lines whose COLUMNS neighbours follow."""
    return _signature(c, a, b), partial(_tile, transposed=True)
