"""Exponential, tanh, logistic sigmoid and softplus without branches or tables, so that loops over them are vectorised.

    e^u = 2^n·e^r,   n = round(u/ln 2),   r = u − n·ln 2,   |r| ≤ ln 2/2

|r| is so small that Taylor's series is as good as any other polynomial: p = e^r − 1 with 7 terms in float32 (the first
left out is below 2e-8 of the sum) and 13 in float64. Everything else is made from the pair (2^n, p), which loses no digits
where e^u is near 1: e^u = 2^n + 2^n·p,  e^u − 1 = (2^n − 1) + 2^n·p.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba.core import types

from .compiled import cgutils, inner, intrinsic
from .vectors import MULTIPLY_ADD

TERMS = {32: 7, 64: 13}
MANTISSA = {32: 23, 64: 52}
LARGEST = {32: 127, 64: 1023}
"""Exponent of the largest power of two."""


class _Reals:
    """Arithmetic on scalars of one dtype, for LLVM to make vectors of."""

    def __init__(self, builder: Any, kind: Any) -> None:
        self.builder, self.bits = builder, kind.bitwidth
        self.real = ir.FloatType() if self.bits == 32 else ir.DoubleType()
        self.word = ir.IntType(self.bits)

    def constant(self, value: float) -> Any:
        return ir.Constant(self.real, value)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        kind = ir.FunctionType(self.real, [self.real] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{MULTIPLY_ADD}.f{self.bits}")
        return self.builder.call(function, [a, b, c])

    def series(self, r: Any, coefficients: list[float]) -> Any:
        """Σ coefficients[k]·rᵏ by Horner's scheme."""
        total = self.constant(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            total = self.fma(total, r, self.constant(coefficient))
        return total


def _ln2(bits: int) -> tuple[float, float]:
    """ln 2 in two parts; n times the first is exact, since it has as many zero bits at its end as n has digits."""
    scale = 2.0 ** (14 if bits == 32 else 40)
    high = math.floor(math.log(2) * scale) / scale
    beyond = 2.3190468138462996e-17  # ln 2 − math.log(2)
    return high, math.log(2) - high + beyond


@intrinsic
def exponential_parts(typing: Any, u: Any) -> Any:
    """Return 2^n and e^r − 1 with u = n·ln 2 + r, for u ≤ 0.

    2^n is 0 where e^u would be below the smallest normal number.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        reals, (given,) = _Reals(builder, signature.args[0]), values
        bits = reals.bits
        lowest = reals.constant(-LARGEST[bits] * math.log(2))
        # "less than" is false for NaN, which so finds its way into p
        given = builder.select(builder.fcmp_ordered("<", given, lowest), lowest, given)
        # Adding 1.5·2^23 leaves round(·) in the last bits of the sum.
        magic = reals.constant(1.5 * 2.0 ** MANTISSA[bits])
        shifted = reals.fma(given, reals.constant(1 / math.log(2)), magic)
        n = builder.fsub(shifted, magic)
        high, low = _ln2(bits)
        r = reals.fma(n, reals.constant(-low), reals.fma(n, reals.constant(-high), given))
        exponent = builder.add(builder.bitcast(shifted, reals.word), ir.Constant(reals.word, LARGEST[bits]))
        power = builder.bitcast(builder.shl(exponent, ir.Constant(reals.word, MANTISSA[bits])), reals.real)
        rest = reals.series(r, [1 / math.factorial(k) for k in range(2, TERMS[bits] + 1)])
        p = reals.fma(builder.fmul(r, r), rest, r)
        return context.make_tuple(builder, signature.return_type, (power, p))

    pair: Any = types.UniTuple
    return pair(u, 2)(u), build


ATANH_TERMS = {32: 7, 64: 16}
"""The first left out is below 2e-8, or 2e-17, of the sum."""


@intrinsic
def log_one_plus(typing: Any, e: Any) -> Any:
    """Return log(1 + e) for 0 ≤ e ≤ 1, as 2·artanh(w) with w = e/(2 + e) ≤ ⅓.

    All terms of that series are positive, so that small e keep their digits.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        reals, (given,) = _Reals(builder, signature.args[0]), values
        w = builder.fdiv(given, builder.fadd(given, reals.constant(2.0)))
        rest = reals.series(builder.fmul(w, w), [2 / (2 * k + 1) for k in range(ATANH_TERMS[reals.bits])])
        return builder.fmul(w, rest)

    return e(e), build


TURN_TERMS = {32: 6, 64: 10}


@intrinsic
def turn_series(typing: Any, square: Any) -> Any:
    """Return cos x and (sin x)/x from x², for |x| ≤ π/4."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        reals = _Reals(builder, signature.args[0])
        terms = range(TURN_TERMS[reals.bits])
        cosine = reals.series(values[0], [(-1) ** k / math.factorial(2 * k) for k in terms])
        sine = reals.series(values[0], [(-1) ** k / math.factorial(2 * k + 1) for k in terms])
        return context.make_tuple(builder, signature.return_type, (cosine, sine))

    pair: Any = types.UniTuple
    return pair(square, 2)(square), build


@inner
def exponential(u: Any) -> Any:
    """Return e^u for u ≤ 0."""
    power, p = exponential_parts(u)
    return power + power * p


@inner
def tanh(z: Any) -> Any:
    """Return tanh z, with tanh |z| = −t/(t + 2) and t = e^−2|z| − 1, which keeps the digits of small z."""
    real = type(z)
    size = abs(z)
    power, p = exponential_parts(real(-2.0) * size)
    t = (power - real(1.0)) + power * p
    found = -t / (t + real(2.0))
    return found if z > real(0.0) else -found


@inner
def logistic(z: Any) -> Any:
    """Return 1/(1 + e^−z), written with e^−|z| on both sides so that small probabilities keep their digits."""
    real = type(z)
    e = exponential(-abs(z))
    return (real(1.0) if z >= real(0.0) else e) / (real(1.0) + e)


@inner
def softplus(s: Any) -> Any:
    """Return log(1 + eˢ) = max(s, 0) + log(1 + e^−|s|)."""
    real = type(s)
    return (real(0.0) if s < real(0.0) else s) + log_one_plus(exponential(-abs(s)))
