"""The innermost product: one tile of C = A·B, or C += A·B, held in registers.

    C (ROWS × n)  =  Σ_k  A[:, k] · B[k, :]        n = COLUMNS lines; TRANSPOSED_ROWS × n where A is used transposed

Each step of k loads COLUMNS lines of B and ROWS single numbers of A, each spread over a line, and does ROWS·COLUMNS fused
multiply–adds. Matrices lie in panels so that all offsets inside a block are constants of the code:

    "lines"     element (i, k) of A at  (k ÷ L)·ROWS·L + i·L + k mod L          L = numbers in a line
                k runs along lines; ROWS rows of a line each make a block
    "columns"   element (k, i) of A at  (k ÷ ROWS)·step + (k mod ROWS)·L + i    (A is used transposed)
                the blocks that "lines" reads, summed over their rows instead

For example with L = 4 and ROWS = 2 the left panel of rows a and b, and what is summed in it:

    a₀ a₁ a₂ a₃ │ b₀ b₁ b₂ b₃ │ a₄ a₅ a₆ a₇ │ b₄ b₅ b₆ b₇        one block: a₀ … b₃
    "lines"      C[0, :] = a₀·B[0] + a₁·B[1] + … + a₇·B[7],    C[1, :] the same with b
    "columns"    C[0, :] = a₀·B[0] + b₀·B[1],    C[1, :] = a₁·B[0] + b₁·B[1], and so on for the next panel of rows
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types

from .compiled import intrinsic
from .vectors import COLUMNS, ROWS, TRANSPOSED_ROWS, Lines, fields

UNROLL = 2
"""Steps of k in one turn of the innermost loop."""


class Target(NamedTuple):
    """The tile of C that a product makes: numbers [start + row·step + column] of an array."""

    start: int
    step: int
    rows: int
    columns: int
    """How many rows and columns there are; `multiply_lines` and `multiply_columns` make all of a tile whatever they say."""
    add: bool
    """Whether the product is added to what is there."""


class Panels(NamedTuple):
    """Where left panels that lie one after another begin in an array, and how far apart they are."""

    start: int
    step: int


def _tile(context: Any, builder: Any, signature: Any, values: Any, transposed: bool) -> Any:
    """Build the loop over blocks that both products are made of; the steps inside a block are unrolled by UNROLL.

    transposed: sum over the rows of left panels ("columns"), not along their lines.
    """
    lines, word = Lines(builder, signature.args[0].dtype), ir.IntType(64)
    c, a, b = (context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 2, 4))
    c_start, c_row, _, _, accumulate = fields(builder, values[1])
    if transposed:
        (a_start, a_outer), (b_start, b_outer) = (fields(builder, values[i]) for i in (3, 5))
    else:
        a_start, a_outer = values[3], ir.Constant(word, ROWS * lines.count)
        b_start, b_outer = values[5], ir.Constant(word, lines.count * COLUMNS * lines.count)
    c, a, b, blocks = lines.at(c, c_start), lines.at(a, a_start), lines.at(b, b_start), values[6]
    width = lines.count
    inner, rows = (ROWS, TRANSPOSED_ROWS) if transposed else (width, ROWS)
    row_step, inner_step = (1, width) if transposed else (width, 1)
    # B: in "lines" a panel (k, COLUMNS·L); in "columns" the blocks of another matrix in panels of ROWS rows
    b_inner, b_column = (width, ROWS * width) if transposed else (COLUMNS * width, width)

    places = [
        lines.at(lines.at(c, builder.mul(c_row, ir.Constant(c_row.type, i))), j * width)
        for i in range(rows)
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
    a_block = lines.at(a, builder.mul(index, a_outer))
    b_block = lines.at(b, builder.mul(index, b_outer))
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
        for i in range(rows):
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


@intrinsic
def multiply_lines(typing: Any, c: Any, target: Any, a: Any, a_at: Any, b: Any, b_at: Any, blocks: Any) -> Any:
    """Set C, or add to it, the sum over `blocks` blocks of one line of k each.

    A is the left panel at a[a_at:], read along lines, B the right panel at b[b_at:].
    """
    word = types.int64
    return types.void(c, target, a, word, b, word, word), partial(_tile, transposed=False)


@intrinsic
def multiply_columns(
    typing: Any, c: Any, target: Any, a: Any, a_blocks: Any, b: Any, b_blocks: Any, blocks: Any
) -> Any:
    """Set C, or add to it, the sum over the rows of `blocks` left panels.

    A is read in columns. Of B, in left panels too, COLUMNS neighbouring lines are read along each row.
    """
    return types.void(c, target, a, a_blocks, b, b_blocks, types.int64), partial(_tile, transposed=True)
