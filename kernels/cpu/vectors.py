"""Vectors of one cache line, as LLVM values: what the product and transform intrinsics are built from.

A line holds LANES(dtype) numbers: 16 float32 or 8 float64. LLVM splits a line into as many registers as the processor
needs (one with AVX-512, two with AVX2, four with NEON), so the same code serves all.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from .compiled import cgutils, intrinsic
from .target import COLUMNS as COLUMNS
from .target import LINE, REGISTERS
from .target import ROWS as ROWS
from .target import TRANSPOSED_ROWS as TRANSPOSED_ROWS

VECTOR_BYTES = LINE
"""Bytes of a line: one cache line, and the widest register that any processor has."""
MULTIPLY_ADD = "fma" if REGISTERS.fused else "fmuladd"
"""LLVM's a·b + c, rounded once; where no instruction does that, rounded twice: the C library's function, which takes
a number at a time, is thirty times slower."""


@cache
def lanes(dtype: Any) -> int:
    """Return how many numbers of a dtype a line has."""
    return VECTOR_BYTES // int(np.dtype(dtype).itemsize)


def word(number: int) -> Any:
    """Return a whole number of 64 bits as a value of the code under construction."""
    return ir.Constant(ir.IntType(64), number)


def least(builder: Any, left: Any, right: Any) -> Any:
    """Return the code of min(left, right) of two whole numbers."""
    return builder.select(builder.icmp_signed("<", left, right), left, right)


def fields(builder: Any, value: Any) -> list[Any]:
    """Return the fields of a tuple, each as a value of the code under construction."""
    return [builder.extract_value(value, place) for place in range(len(value.type.elements))]


class Lines:
    """What builds loads, stores and arithmetic on lines of one dtype (or vectors of `count`), in one function."""

    def __init__(self, builder: Any, dtype: Any, count: int | None = None) -> None:
        self.builder = builder
        self.scalar = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
        self.itemsize = 4 if dtype == types.float32 else 8
        self.count = count or VECTOR_BYTES // self.itemsize
        self.line = ir.VectorType(self.scalar, self.count)
        self._suffix = f"v{self.count}f{8 * self.itemsize}"
        self.zero = ir.Constant(self.line, [0.0] * self.count)

    def at(self, pointer: Any, offset: Any) -> Any:
        """Return the address `offset` numbers behind `pointer`; the offset is an integer of Python or of LLVM."""
        if isinstance(offset, int):
            offset = ir.Constant(ir.IntType(64), offset)
        return self.builder.gep(pointer, [offset])

    def load(self, pointer: Any) -> Any:
        """Load a line from anywhere; alignment is not assumed."""
        return self.builder.load(self.builder.bitcast(pointer, self.line.as_pointer()), align=self.itemsize)

    def store(self, value: Any, pointer: Any) -> None:
        """Store a line anywhere; alignment is not assumed."""
        self.builder.store(value, self.builder.bitcast(pointer, self.line.as_pointer()), align=self.itemsize)

    def spread(self, pointer: Any) -> Any:
        """Load one number and return it in every lane of a line."""
        return self.everywhere(self.builder.load(pointer))

    def everywhere(self, one: Any) -> Any:
        """Return a number in every lane of a line."""
        first = self.builder.insert_element(ir.Constant(self.line, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        return self.builder.shuffle_vector(first, ir.Constant(self.line, ir.Undefined), order)

    def mask(self, count: Any) -> Any:
        """Return a mask that is true in the first `count` lanes."""
        word, kind = ir.IntType(64), ir.VectorType(ir.IntType(64), self.count)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), count, ir.Constant(ir.IntType(32), 0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        everywhere = self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), order)
        return self.builder.icmp_signed(
            "<", ir.Constant(kind, [ir.Constant(word, i) for i in range(self.count)]), everywhere
        )

    def load_part(self, pointer: Any, mask: Any) -> Any:
        """Load the lanes of a mask, with zeros elsewhere; no other memory is touched."""
        address = self.builder.bitcast(pointer, self.line.as_pointer())
        kind = ir.FunctionType(self.line, [address.type, ir.IntType(32), mask.type, self.line])
        load = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.load.{self._suffix}.p0")
        return self.builder.call(load, [address, ir.Constant(ir.IntType(32), self.itemsize), mask, self.zero])

    def store_part(self, value: Any, pointer: Any, mask: Any) -> None:
        """Store only the lanes of a mask; no other memory is touched."""
        address = self.builder.bitcast(pointer, self.line.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [self.line, address.type, ir.IntType(32), mask.type])
        store = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.masked.store.{self._suffix}.p0")
        self.builder.call(store, [value, address, ir.Constant(ir.IntType(32), self.itemsize), mask])

    def constant(self, value: float) -> Any:
        """Return a line with the same constant in every lane."""
        return ir.Constant(self.line, [value] * self.count)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """Return a·b + c, rounded once where the processor can do that."""
        kind = ir.FunctionType(self.line, [self.line] * 3)
        fused = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{MULTIPLY_ADD}.{self._suffix}")
        return self.builder.call(fused, [a, b, c])


@intrinsic
def move_line(typing: Any, source: Any, start: Any, target: Any, at: Any) -> Any:
    """Copy one line from source[start:] to target[at:]."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, target.dtype)
        data = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in ((source, values[0]), (target, values[2]))
        ]
        lines.store(lines.load(lines.at(data[0], values[1])), lines.at(data[1], values[3]))
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), build


@intrinsic
def add_line(typing: Any, source: Any, start: Any, target: Any, at: Any) -> Any:
    """Add one line: target[at : at + L] += source[start : start + L]."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, target.dtype)
        origin, aim = (
            lines.at(context.make_array(kind)(context, builder, array).data, place)
            for kind, array, place in ((source, *values[:2]), (target, *values[2:]))
        )
        lines.store(builder.fadd(lines.load(aim), lines.load(origin)), aim)
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), build


@intrinsic
def clear_line(typing: Any, target: Any, at: Any) -> Any:
    """Write zeros to one line of target[at:]."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, target.dtype)
        lines.store(lines.zero, lines.at(context.make_array(target)(context, builder, values[0]).data, values[1]))
        return context.get_dummy_value()

    return types.void(target, types.int64), build


SQUARE = 8
"""Side of what `transpose_square` transposes: as many lines as registers hold beside what is made of them."""


@intrinsic
def transpose_square(typing: Any, source: Any, start: Any, step: Any, target: Any, at: Any, target_step: Any) -> Any:
    """SQUARE × SQUARE numbers transposed: target[at + j·target_step + i] = source[start + i·step + j].

    Each stage exchanges the off-diagonal halves of all squares of side 2s: lines i and i + s swap what lies there.

        s = 1       a₀ a₁ a₂ a₃ …      →      a₀ b₀ a₂ b₂ …
                    b₀ b₁ b₂ b₃ …             a₁ b₁ a₃ b₃ …
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, target.dtype, SQUARE)
        word, kind = ir.IntType(64), ir.VectorType(ir.IntType(32), SQUARE)
        origin = lines.at(context.make_array(source)(context, builder, values[0]).data, values[1])
        aim = lines.at(context.make_array(target)(context, builder, values[3]).data, values[4])
        rows = [lines.load(lines.at(origin, builder.mul(values[2], ir.Constant(word, i)))) for i in range(SQUARE)]
        for side in (1, 2, 4):
            upper = [i if i & side == 0 else SQUARE + i - side for i in range(SQUARE)]
            lower = [i + side if i & side == 0 else SQUARE + i for i in range(SQUARE)]
            for i in (i for i in range(SQUARE) if i & side == 0):
                pair = rows[i], rows[i + side]
                rows[i], rows[i + side] = (builder.shuffle_vector(*pair, ir.Constant(kind, m)) for m in (upper, lower))
        for j, row in enumerate(rows):
            lines.store(row, lines.at(aim, builder.mul(values[5], ir.Constant(word, j))))
        return context.get_dummy_value()

    return types.void(source, types.int64, types.int64, target, types.int64, types.int64), build


def _moving(add: bool) -> Any:
    """Make the compiled function (source, start, count, target, at) that moves up to a line of numbers, or adds them."""

    @intrinsic
    def move(typing: Any, source: Any, start: Any, count: Any, target: Any, at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            lines = Lines(builder, target.dtype)
            mask = lines.mask(values[2])
            origin = lines.at(context.make_array(source)(context, builder, values[0]).data, values[1])
            aim = lines.at(context.make_array(target)(context, builder, values[3]).data, values[4])
            value = lines.load_part(origin, mask)
            if add:
                value = builder.fadd(lines.load_part(aim, mask), value)
            lines.store_part(value, aim, mask)
            return context.get_dummy_value()

        return types.void(source, types.int64, types.int64, target, types.int64), build

    return move


move_part = _moving(add=False)
"""target[at : at + count] = source[start : start + count], count ≤ L."""
add_part = _moving(add=True)
"""target[at : at + count] += source[start : start + count], count ≤ L."""
