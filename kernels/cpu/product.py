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

UNROLL = 2
"""Steps of k in one turn of the innermost loop."""


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

    places = [
        lines.at(lines.at(base["c"], builder.mul(c_row, ir.Constant(c_row.type, i))), j * width)
        for i in range(ROWS)
        for j in range(COLUMNS)
    ]
    before = builder.block
    head, body, steps, onward, done = (
        builder.append_basic_block(name) for name in ("head", "body", "steps", "onward", "done")
    )
    old = builder.append_basic_block("old")
    builder.cbranch(accumulate, old, head)
    builder.position_at_end(old)
    loaded = [lines.load(place) for place in places]
    builder.branch(head)

    word = ir.IntType(64)
    zero, one = ir.Constant(word, 0), ir.Constant(word, 1)
    builder.position_at_end(head)
    index = builder.phi(word)
    sums = [builder.phi(lines.line) for _ in places]
    index.add_incoming(zero, before)
    index.add_incoming(zero, old)
    for cell, start in zip(sums, loaded, strict=True):
        cell.add_incoming(lines.zero, before)
        cell.add_incoming(start, old)
    builder.cbranch(builder.icmp_signed("<", index, blocks), body, done)

    builder.position_at_end(body)
    a_block = lines.at(base["a"], builder.mul(index, a_outer))
    b_block = lines.at(base["b"], builder.mul(index, b_outer))
    builder.branch(steps)

    # Unrolled only a little: of a long run of steps LLVM loads everything first and spills it to the stack again.
    builder.position_at_end(steps)
    step = builder.phi(word)
    inside = [builder.phi(lines.line) for _ in places]
    step.add_incoming(zero, body)
    for cell, start in zip(inside, sums, strict=True):
        cell.add_incoming(start, body)
    a_now = lines.at(a_block, builder.mul(step, ir.Constant(word, inner_step)))
    b_now = lines.at(b_block, builder.mul(step, ir.Constant(word, b_inner)))
    running = list(inside)
    for k in range(UNROLL):
        right = [lines.load(lines.at(b_now, k * b_inner + j * b_column)) for j in range(COLUMNS)]
        for i in range(ROWS):
            left = lines.spread(lines.at(a_now, k * inner_step + i * row_step))
            for j in range(COLUMNS):
                running[i * COLUMNS + j] = lines.fma(left, right[j], running[i * COLUMNS + j])
    next_step = builder.add(step, ir.Constant(word, UNROLL))
    step.add_incoming(next_step, steps)
    for cell, value in zip(inside, running, strict=True):
        cell.add_incoming(value, steps)
    builder.cbranch(builder.icmp_signed("<", next_step, ir.Constant(word, inner)), steps, onward)

    builder.position_at_end(onward)
    index.add_incoming(builder.add(index, one), onward)
    for cell, value in zip(sums, running, strict=True):
        cell.add_incoming(value, onward)
    builder.branch(head)

    builder.position_at_end(done)
    for value, place in zip(sums, places, strict=True):
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
