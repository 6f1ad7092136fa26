"""Loops that do nothing but arithmetic, or nothing but memory: compiled once, run by each thread on numbers of its own.

They are written in vectors of a cache line (`gan_np.kernels.cpu.vectors`), so that no compiler has to find out that they
can be.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from gan_np.kernels.cpu.target import REGISTERS
from gan_np.kernels.cpu.vectors import Lines

CHAINS = {64: 12, 32: 5}.get(REGISTERS.size, 3)
"""Sums that wait for nothing but themselves: enough for two units whose result comes after four cycles, and few enough for
the registers (where a line needs two of sixteen, ten of them)."""
TOGETHER = 4
"""Lines that a memory loop takes in one go."""


@intrinsic
def _multiply_add(typing: Any, values: Any, count: Any) -> Any:
    """values[0:L] = a result of `count` times CHAINS fused multiply-adds of a line each; values has at least three lines."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lines = Lines(builder, values.dtype)
        data = context.make_array(values)(context, builder, given[0]).data
        factor, term = lines.load(lines.at(data, lines.count)), lines.load(lines.at(data, 2 * lines.count))
        sums = [cgutils.alloca_once_value(builder, lines.load(data)) for _ in range(CHAINS)]
        with cgutils.for_range(builder, given[1]):
            for place in sums:
                builder.store(lines.fma(builder.load(place), factor, term), place)
        total = lines.zero
        for place in sums:
            total = builder.fadd(total, builder.load(place))
        lines.store(total, data)
        return context.get_dummy_value()

    return types.void(values, types.int64), build


@intrinsic
def _triad(typing: Any, a: Any, b: Any, c: Any, lines_of: Any) -> Any:
    """a = b + 3·c over so many lines, a multiple of TOGETHER."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lines = Lines(builder, a.dtype)
        out, left, right = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip((a, b, c), given[:3], strict=True)
        )
        three = lines.constant(3.0)
        step = ir.Constant(ir.IntType(64), TOGETHER)
        with cgutils.for_range_slice(builder, ir.Constant(ir.IntType(64), 0), given[3], step) as (place, _):
            first = builder.mul(place, ir.Constant(ir.IntType(64), lines.count))
            for number in range(TOGETHER):
                at = builder.add(first, ir.Constant(ir.IntType(64), number * lines.count))
                value = lines.fma(lines.load(lines.at(right, at)), three, lines.load(lines.at(left, at)))
                lines.store(value, lines.at(out, at))
        return context.get_dummy_value()

    return types.void(a, b, c, types.int64), build


@intrinsic
def _read(typing: Any, a: Any, lines_of: Any, out: Any) -> Any:
    """out[0:L] += the sum of the lines of a, so many that they are a multiple of TOGETHER."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        lines = Lines(builder, a.dtype)
        data = context.make_array(a)(context, builder, given[0]).data
        aim = context.make_array(out)(context, builder, given[2]).data
        sums = [cgutils.alloca_once_value(builder, lines.load(aim)) for _ in range(TOGETHER)]
        step = ir.Constant(ir.IntType(64), TOGETHER)
        with cgutils.for_range_slice(builder, ir.Constant(ir.IntType(64), 0), given[1], step) as (place, _):
            first = builder.mul(place, ir.Constant(ir.IntType(64), lines.count))
            for number, total in enumerate(sums):
                at = builder.add(first, ir.Constant(ir.IntType(64), number * lines.count))
                builder.store(builder.fadd(builder.load(total), lines.load(lines.at(data, at))), total)
        whole = lines.zero
        for total in sums:
            whole = builder.fadd(whole, builder.load(total))
        lines.store(whole, aim)
        return context.get_dummy_value()

    return types.void(a, types.int64, out), build


@numba.njit(nogil=True)
def multiply_add(values: Any, count: int) -> None:
    """CHAINS·count fused multiply-adds of a line: values[0:L] = CHAINS·(the `count`-th of x ← x·f + t), f and t behind
    it."""
    _multiply_add(values, count)


@numba.njit(nogil=True)
def triad(a: Any, b: Any, c: Any, lines: int, times: int) -> None:
    """a = b + 3·c over the first `lines` lines (a multiple of TOGETHER), `times` times: McCalpin's STREAM."""
    for _ in range(times):
        _triad(a, b, c, lines)


@numba.njit(nogil=True)
def read(a: Any, lines: int, times: int, out: Any) -> None:
    """Add up the first `lines` lines of a (a multiple of TOGETHER), `times` times; what comes out is in out[0:L]."""
    for _ in range(times):
        _read(a, lines, out)
