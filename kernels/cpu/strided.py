"""The innermost product of matrices where they lie: a tile of C = A·B, or C += A·B, held in registers.

    C (rows × columns)  =  Σ_k  A[:, k] · B[k, :]

    A[i, k] at start + i·row + k·step       row-major: step 1.  Transposed, as in xᵀ·dz: row 1
    B[k, j] at start + k·step + j           the columns of a tile side by side

So one product serves x·W, dz·Wᵀ and xᵀ·dz, whether a matrix was copied into panels or not. A tile is ROWS × COLUMNS lines;
at the edges of C there are tiles of half as many rows, and of one line, so that an edge wastes less than half a tile.
The memory of C is fetched while the product runs: the last thing that a tile does is to add to it, or write it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types

from .compiled import cgutils, inner, intrinsic
from .product import UNROLL
from .vectors import COLUMNS, ROWS, VECTOR_BYTES, Lines, fields

HALF = (ROWS + 1) // 2
"""Rows of a tile where fewer are left."""


class Left(NamedTuple):
    """Where numbers of A lie in an array."""

    start: int
    row: int
    """From one row of C to the next."""
    step: int
    """From one k to the next."""


class Right(NamedTuple):
    """Where rows of B lie in an array."""

    start: int
    step: int
    """From one k to the next."""


TO_BE_WRITTEN, SOON, AHEAD_OF_TIME = (1, 3), (0, 3), (0, 2)
"""How a line is fetched: for writing (1) or reading (0), to the first- (3) or the second-level cache (2)."""


def prefetch(builder: Any, pointer: Any, how: tuple[int, int]) -> None:
    """Fetch the cache line of an address, which need not be one that may be read, and do not wait for it."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(fetch, [builder.bitcast(pointer, byte), *(ir.Constant(word, n) for n in (*how, 1))])


class Ahead(NamedTuple):
    """What is fetched to the second-level cache while a tile is computed, needed soon: two columns of lines."""

    start: int
    step: int
    """From one line of a column to the next."""
    beside: int
    """From the first column to the second."""
    after: int
    """How many lines there are after the first one of a column."""


def _product(rows: int, columns: int) -> Any:
    """Make the product for tiles of up to so many rows, and columns in lines."""

    @intrinsic
    def multiply(
        typing: Any, c: Any, target: Any, a: Any, left: Any, b: Any, right: Any, depth: Any, w: Any, ahead: Any
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            arrays = [context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 2, 4, 7)]
            _build(builder, Lines(builder, c.dtype), (rows, columns), arrays, values)
            return context.get_dummy_value()

        return types.void(c, target, a, left, b, right, types.int64, w, ahead), build

    return multiply


def _build(builder: Any, lines: Lines, shape: tuple[int, int], arrays: Any, values: Any) -> None:
    rows, columns = shape
    c, a, b, w = arrays
    w_start, w_step, w_beside, w_count = fields(builder, values[8])
    c_start, c_step, there, wide, add = fields(builder, values[1])
    a_start, a_row, a_step = fields(builder, values[3])
    b_start, b_step = fields(builder, values[5])
    depth, word = values[6], ir.IntType(64)
    a, b, c = lines.at(a, a_start), lines.at(b, b_start), lines.at(c, c_start)
    # Rows that there are not are the last one again.
    last = builder.sub(there, ir.Constant(word, 1))
    which = [
        builder.select(builder.icmp_signed("<", ir.Constant(word, i), last), ir.Constant(word, i), last)
        for i in range(rows)
    ]
    a_rows = [lines.at(a, builder.mul(row, a_row)) for row in which]
    c_rows = [lines.at(c, builder.mul(row, c_step)) for row in which]
    for place in c_rows:
        for j in range(columns):
            prefetch(builder, lines.at(place, j * lines.count), TO_BE_WRITTEN)

    def steps(count: int, a_at: Any, b_at: Any, sums: list[Any]) -> list[Any]:
        sums = list(sums)
        for k in range(count):
            if k:
                a_at, b_at = builder.add(a_at, a_step), builder.add(b_at, b_step)
            beside = [lines.load(lines.at(lines.at(b, b_at), j * lines.count)) for j in range(columns)]
            for i in range(rows):
                one = lines.spread(lines.at(a_rows[i], a_at))
                for j in range(columns):
                    sums[i * columns + j] = lines.fma(one, beside[j], sums[i * columns + j])
        return sums

    zero = ir.Constant(word, 0)
    turns = builder.sdiv(depth, ir.Constant(word, UNROLL))
    names = ("head", "body", "rest", "single", "done", "whole", "edge", "end")
    before, blocks = builder.block, {name: builder.append_basic_block(name) for name in names}
    builder.branch(blocks["head"])
    builder.position_at_end(blocks["head"])
    turn, a_at, b_at, w_at = (builder.phi(word) for _ in range(4))
    sums = [builder.phi(lines.line) for _ in range(rows * columns)]
    builder.cbranch(builder.icmp_signed("<", turn, turns), blocks["body"], blocks["rest"])

    builder.position_at_end(blocks["body"])
    for offset in (0, w_beside):
        prefetch(builder, lines.at(lines.at(w, w_at), offset), AHEAD_OF_TIME)
    after = steps(UNROLL, a_at, b_at, sums)
    more = builder.icmp_signed("<", turn, w_count)
    onward = (
        builder.add(turn, ir.Constant(word, 1)),
        builder.add(a_at, builder.mul(a_step, ir.Constant(word, UNROLL))),
        builder.add(b_at, builder.mul(b_step, ir.Constant(word, UNROLL))),
        builder.add(w_at, builder.select(more, w_step, zero)),
    )
    for cell, value in zip((turn, a_at, b_at, w_at, *sums), (*onward, *after), strict=True):
        cell.add_incoming(w_start if cell is w_at else zero if cell in (turn, a_at, b_at) else lines.zero, before)
        cell.add_incoming(value, blocks["body"])
    builder.branch(blocks["head"])

    builder.position_at_end(blocks["rest"])
    odd = builder.icmp_signed("<", builder.mul(turns, ir.Constant(word, UNROLL)), depth)
    builder.cbranch(odd, blocks["single"], blocks["done"])
    builder.position_at_end(blocks["single"])
    longer = steps(1, a_at, b_at, sums)
    builder.branch(blocks["done"])
    builder.position_at_end(blocks["done"])
    found = []
    for cell, value in zip(sums, longer, strict=True):
        total = builder.phi(lines.line)
        total.add_incoming(cell, blocks["rest"])
        total.add_incoming(value, blocks["single"])
        found.append(total)
    full = builder.and_(
        builder.icmp_signed(">=", there, ir.Constant(word, rows)),
        builder.icmp_signed(">=", wide, ir.Constant(word, columns * lines.count)),
    )
    builder.cbranch(full, blocks["whole"], blocks["edge"])

    builder.position_at_end(blocks["whole"])
    with builder.if_else(add) as (adding, setting):
        for branch, adds in ((adding, True), (setting, False)):
            with branch:
                for n, value in enumerate(found):
                    place = lines.at(c_rows[n // columns], n % columns * lines.count)
                    lines.store(builder.fadd(lines.load(place), value) if adds else value, place)
    builder.branch(blocks["end"])

    builder.position_at_end(blocks["edge"])
    masks = [lines.mask(builder.sub(wide, ir.Constant(word, j * lines.count))) for j in range(columns)]
    for i in range(rows):
        with builder.if_then(builder.icmp_signed("<", ir.Constant(word, i), there)):
            for j in range(columns):
                place, value = lines.at(c_rows[i], j * lines.count), found[i * columns + j]
                old = builder.select(add, lines.load_part(place, masks[j]), lines.zero)
                lines.store_part(builder.fadd(value, old), place, masks[j])
    builder.branch(blocks["end"])
    builder.position_at_end(blocks["end"])


_full, _short = _product(ROWS, COLUMNS), _product(HALF, COLUMNS)
_narrow, _corner = _product(ROWS, 1), _product(HALF, 1)


@inner
def multiply_tile(c: Any, target: Any, a: Any, left: Any, b: Any, right: Any, depth: int, w: Any, ahead: Any) -> None:
    """Set a tile of C, or add to it, Σ_k A[:, k]·B[k, :] for k below `depth`.

    w, ahead: what is fetched meanwhile; where that ends nothing more is read than the last of it, again.

    Only as many rows and columns as the target has, of at most ROWS and COLUMNS lines, are touched. Of B all lines that have
    one of these columns are read.
    """
    if COLUMNS == 1 or target.columns > VECTOR_BYTES // c.itemsize:
        if target.rows > HALF:
            _full(c, target, a, left, b, right, depth, w, ahead)
        else:
            _short(c, target, a, left, b, right, depth, w, ahead)
    elif target.rows > HALF:
        _narrow(c, target, a, left, b, right, depth, w, ahead)
    else:
        _corner(c, target, a, left, b, right, depth, w, ahead)
