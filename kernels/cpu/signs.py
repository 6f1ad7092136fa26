"""The signs of an array, one bit a number: all that the derivative of relu and leaky_relu reads of their output.

An output that nothing else reads again in the backward pass is then kept in a 32nd of its memory (a 64th in float64).

    numbers   1.5  −0.2  0.0  3.1 …     a line
    bits       1     0    0    1  …     as many bits, in uint8
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from gan_np.arrays import Array

from .chunks import ROW_BLOCK, chunk_length, chunks_of, next_span, require_memory
from .compiled import inner, intrinsic
from .functions import Cells, Given, GivenBytes, Result, ResultBytes, compiled_function
from .heap import LARGE, empty
from .pool import parallel, state
from .vectors import Lines, lanes

BYTE = 8
"""Bits, one for each number, in a byte."""


@intrinsic
def _keep_signs(typing: Any, y: Any, at: Any, bits: Any, place: Any) -> Any:
    """Write whether each number of the line y[at:] is above 0 to the bits that begin at bits[place]."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, y.dtype)
        line = lines.load(lines.at(context.make_array(y)(context, builder, values[0]).data, values[1]))
        word = ir.IntType(lines.count)
        aim = lines.at(context.make_array(bits)(context, builder, values[2]).data, values[3])
        above = builder.bitcast(builder.fcmp_ordered(">", line, lines.zero), word)
        builder.store(above, builder.bitcast(aim, word.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(y, types.int64, bits, types.int64), build


@intrinsic
def _through_signs(typing: Any, dy: Any, at: Any, bits: Any, place: Any, below: Any, dz: Any) -> Any:
    """Write the line dz[at:]: dy where its bit is set, else `below` times dy."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = Lines(builder, dy.dtype)
        line = lines.load(lines.at(context.make_array(dy)(context, builder, values[0]).data, values[1]))
        word = ir.IntType(lines.count)
        origin = lines.at(context.make_array(bits)(context, builder, values[2]).data, values[3])
        set_bits = builder.load(builder.bitcast(origin, word.as_pointer()), align=1)
        above = builder.bitcast(set_bits, ir.VectorType(ir.IntType(1), lines.count))
        lower = builder.fmul(line, lines.everywhere(values[4]))
        aim = lines.at(context.make_array(dz)(context, builder, values[5]).data, values[1])
        lines.store(builder.select(above, line, lower), aim)
        return context.get_dummy_value()

    return types.void(dy, types.int64, bits, types.int64, dy.dtype, dz), build


@inner
def _signs_part(index: int, thread: int, chunks: Any, line: int, y: Any, bits: Any) -> None:
    start, stop = next_span(chunks, thread, y.size, False)
    for at in range(start, stop, line):
        _keep_signs(y, at, bits, at // BYTE)


@compiled_function
def _signs(state: Cells, line: int, y: Given, bits: ResultBytes) -> None:
    chunks = chunks_of(state, y.size, chunk_length(y.size, ROW_BLOCK))
    require_memory(parallel(state, _signs_part, chunks.number, (chunks, line, y, bits)))


@inner
def _through_part(index: int, thread: int, chunks: Any, line: int, dy: Any, bits: Any, below: Any, dz: Any) -> None:
    start, stop = next_span(chunks, thread, dy.size, False)
    for at in range(start, stop, line):
        _through_signs(dy, at, bits, at // BYTE, below, dz)


@compiled_function
def _through(state: Cells, line: int, dy: Given, bits: GivenBytes, slope: float, dz: Result) -> None:
    chunks = chunks_of(state, dy.size, chunk_length(dy.size, ROW_BLOCK))
    below = dy.dtype.type(slope)
    require_memory(parallel(state, _through_part, chunks.number, (chunks, line, dy, bits, below, dz)))


class Signs:
    """Which numbers of an array are above 0; in a backward pass it stands in that array's place."""

    __slots__ = ("bits",)

    def __init__(self, y: Array) -> None:
        self.bits = empty(y.size // BYTE, "uint8")
        _signs[y.dtype](state(), lanes(y.dtype), y.ravel(), self.bits)

    def through(self, dy: Array, below: float, dz: Array) -> None:
        """Write dz = dy where y is above 0, below·dy elsewhere; both are flat, and may be one."""
        _through[dy.dtype](state(), lanes(dy.dtype), dy, self.bits, below, dz)


def signs(y: Array) -> Array | Signs:
    """The signs of y; y itself where that is small, or does not divide into lines."""
    return Signs(y) if y.nbytes >= LARGE and y.size % lanes(y.dtype) == 0 else y
