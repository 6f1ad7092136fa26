"""The matrices of fast short convolution (Toom 1963, Cook 1966, Winograd 1980), derived once, exactly.

    y[i] = Σ_u g[u]·d[i + u],   i < m, u < r,      y = Aᵀ[(G g) ⊙ (Bᵀ d)]      with n = m + r − 1 products, not m·r

Derivation. The product of two polynomials of r and m coefficients has n coefficients and is known from its values at n
points (∞ standing for the leading coefficient). With E_k the n × k matrix of powers, E_k[i, j] = pointᵢʲ (and the last
unit vector for ∞), the product of g and x is

    s = E_n⁻¹[(E_r g) ⊙ (E_m x)].

⟨s, d⟩ is trilinear in g, x and d; its derivative with respect to x is the filter y above (the transposition principle):

    y = E_mᵀ[(E_r g) ⊙ (E_n⁻ᵀ d)],      A = E_m,   G = E_r,   Bᵀ = E_n⁻ᵀ.

Row i of Bᵀ may be multiplied by any sᵢ if row i of G is divided by it. In two dimensions all three act on rows and columns.
Bᵀ depends on n alone, so five points serve 2 taps (m = 4), 3 taps (m = 3) and 4 taps (m = 2) alike.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import NamedTuple

Matrix = tuple[tuple[float, ...], ...]
Exact = list[list[Fraction]]

POINTS: tuple[Fraction | None, ...] = (Fraction(0), Fraction(1, 2), Fraction(-1), Fraction(2), None)
"""None is ∞. A point and its negative inverse together keep rounding errors small: with ½ and 2 beside −1 the error of a
product over 1,024 numbers is 0.6 times that of the usual 1, −1 and 2."""


class Matrices(NamedTuple):
    """What y = Aᵀ[(G g) ⊙ (Bᵀ d)] needs, in floating point (every entry is exact or a correctly rounded fraction)."""

    outputs: int
    """m: outputs of one tile along an axis."""
    taps: int
    """r."""
    points: int
    """n = m + r − 1: products, and inputs of one tile."""
    a: Matrix
    """n × m."""
    g: Matrix
    """n × r."""
    bt: Matrix
    """n × n."""


@lru_cache(maxsize=16)
def matrices(outputs: int, taps: int, points: tuple[Fraction | None, ...] = POINTS) -> Matrices:
    """Derive the three matrices for `outputs` outputs and `taps` taps from so many points, exactly, and round them once.

    For example m = 2 outputs of r = 2 taps from the points 0, 1 and ∞ need n = 3 products instead of 4:

        Bᵀ = ⎡ 1 −1  0 ⎤      G = ⎡ 1  0 ⎤      A = ⎡ 1  0 ⎤      y₀ = g₀·(d₀ − d₁) + (g₀ + g₁)·d₁
             ⎢ 0  1  0 ⎥          ⎢ 1  1 ⎥          ⎢ 1  1 ⎥      y₁ = (g₀ + g₁)·d₁ + g₁·(d₂ − d₁)
             ⎣ 0 −1  1 ⎦          ⎣ 0  1 ⎦          ⎣ 0  1 ⎦

    Raises:
        ValueError: there are not outputs + taps − 1 points.
    """
    count = outputs + taps - 1
    if count != len(points):
        raise ValueError(f"points: {outputs} outputs of {taps} taps need {count} points, got {len(points)}")
    bt = _transpose(_inverse(_powers(points, count)))
    g = _powers(points, taps)
    for row, (b_row, g_row) in enumerate(zip(bt, g, strict=True)):
        # Small whole numbers act on the image, fractions on the weights.
        scale = Fraction(lcm(*(entry.denominator for entry in b_row)))
        scale /= gcd(*(int(entry * scale) for entry in b_row))
        bt[row] = [entry * scale for entry in b_row]
        g[row] = [entry / scale for entry in g_row]
    return Matrices(outputs, taps, count, _floats(_powers(points, outputs)), _floats(g), _floats(bt))


def transpose(matrix: Matrix) -> Matrix:
    """Return the matrix with its rows and columns exchanged."""
    return tuple(zip(*matrix, strict=True))


def _powers(points: tuple[Fraction | None, ...], columns: int) -> Exact:
    return [[Fraction(j == columns - 1) if point is None else point**j for j in range(columns)] for point in points]


def _transpose(matrix: Exact) -> Exact:
    return [list(row) for row in zip(*matrix, strict=True)]


def _inverse(matrix: Exact) -> Exact:
    """Return the inverse of a matrix of fractions, by Gauss–Jordan elimination."""
    size = len(matrix)
    rows = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [entry / rows[column][column] for entry in rows[column]]
        for i in range(size):
            if i != column:
                rows[i] = [x - rows[i][column] * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


def _floats(matrix: Exact) -> Matrix:
    return tuple(tuple(float(entry) for entry in row) for row in matrix)
