"""Blocks of random bits, inside compiled kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from ..reference.philox import MULTIPLIERS, ROUNDS, STEPS, WORD
from .compiled import intrinsic

BLOCK, PIECE = 4, 256
"""Words of a block; blocks whose bits are made before they are used, in two short loops: one long one is not vectorised."""


@intrinsic
def philox(typing: Any, index: Any, left: Any, right: Any) -> Any:
    """Return the four words of block `index`, as int64, by the rounds of `reference/philox.py` in 64-bit arithmetic."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = ir.IntType(64)

        def constant(value: int) -> Any:
            return ir.Constant(word, value)

        def high(value: Any) -> Any:
            return builder.lshr(value, constant(32))

        def low(value: Any) -> Any:
            return builder.and_(value, constant(WORD))

        index, left, right = values
        a, b, c, d = low(index), high(index), constant(0), constant(0)
        for _ in range(ROUNDS):
            one, other = builder.mul(constant(MULTIPLIERS[0]), a), builder.mul(constant(MULTIPLIERS[1]), c)
            a, b = builder.xor(builder.xor(high(other), b), left), low(other)
            c, d = builder.xor(builder.xor(high(one), d), right), low(one)
            left, right = low(builder.add(left, constant(STEPS[0]))), low(builder.add(right, constant(STEPS[1])))
        return context.make_tuple(builder, signature.return_type, [a, b, c, d])

    return four_words(types.int64, types.int64, types.int64), build


four_words: Any = types.UniTuple(types.int64, 4)  # type: ignore[no-untyped-call]
