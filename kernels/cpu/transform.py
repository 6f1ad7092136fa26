"""Y = M·X·Mᵀ for a constant matrix M, on a whole line of channels at once.

A reader takes X from places of an image (a place outside it counts as 0) and writes the points of Y one stride apart; a
writer takes the points of X one stride apart and writes (or adds) Y to places of an image, leaving out those outside. The
code is made from M: zeros cost nothing, ones no multiplication. Which M depends on the number of taps, which the compiler
must know (see `constants` of `pool.run`).

Places are given by two tables of offsets, one entry for each row and each column of the tile, −1 outside:

    values[start + rows[row + i] + columns[column + j]]        if both offsets are ≥ 0

so no kernel needs to know about stride, padding or the image's edge.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import errors, types

from .compiled import cgutils, literal_intrinsic
from .toom_cook import POINTS, Matrix, matrices, transpose
from .vectors import Lines, fields

WORD = ir.IntType(64)


def _apply(lines: Lines, matrix: Matrix, values: list[Any]) -> list[Any]:
    """Return the lines of M·v for a column v of lines.

    A product with the constant 0 is left out, one with 1 or −1 costs an addition only. Factors of 1 come first, so that the
    sum begins without a multiplication where it can.
    """
    results = []
    for row in matrix:
        total = None
        for factor, value in sorted(zip(row, values, strict=True), key=lambda pair: pair[0] != 1.0):
            if factor == 0:
                continue
            if total is None:
                total = value if factor == 1 else lines.builder.fmul(lines.constant(factor), value)
            elif factor == 1:
                total = lines.builder.fadd(total, value)
            elif factor == -1:
                total = lines.builder.fsub(total, value)
            else:
                total = lines.fma(lines.constant(factor), value, total)
        results.append(lines.zero if total is None else total)
    return results


def _congruence(lines: Lines, matrix: Matrix, grid: list[list[Any]]) -> list[list[Any]]:
    """Return the lines of M·X·Mᵀ: M is applied to each column of X, then to each row of the result."""
    down = [_apply(lines, matrix, [row[j] for row in grid]) for j in range(len(grid[0]))]
    return [_apply(lines, matrix, [column[i] for column in down]) for i in range(len(matrix))]


class Places(NamedTuple):
    """An array, and the tables that say where the rows and columns of its tiles lie."""

    values: Any
    rows: Any
    columns: Any


class Tile(NamedTuple):
    """A tile of an array with tables (`Places`, or a record that begins with its fields)."""

    start: int
    row: int
    """The first of the tile's entries in the table of rows."""
    column: int
    above: bool
    """For a writer: whether there is a tile above this one that shares its first rows, and was written before it. For a
    reader: whether the points whose row is ∞ are left as they are."""
    left: bool
    """For a writer: the same for the tile on its left, and its first columns. For a reader: the same for columns."""


class Points(NamedTuple):
    """The points of one thread or of all: point p of what lies at `at` is a line at start + at + p·gap."""

    values: Any
    start: int
    gap: int


class _Addresses:
    """The addresses of the places of one tile.

    A place outside the image has no address: it is given that of a spare line of zeros, which is read, or written and then
    forgotten, without a branch.
    """

    def __init__(self, context: Any, lines: Lines, kind: Any, places: Any, tile: Any, count: int) -> None:
        self.lines, self.builder = lines, lines.builder
        found, kinds = fields(lines.builder, places), list(kind)
        image, rows, columns = (_data(context, lines.builder, kinds[i], found[i]) for i in range(3))
        start, row, column, self.above, self.left = fields(lines.builder, tile)
        self.base, self.spare = lines.at(image, start), _spare(lines)
        self.rows, self.columns = (
            [self._entry(table, begin, place) for place in range(count)]
            for table, begin in ((rows, row), (columns, column))
        )

    def _entry(self, table: Any, begin: Any, place: int) -> tuple[Any, Any]:
        pointer = self.builder.gep(table, [self.builder.add(begin, ir.Constant(WORD, place))])
        value = self.builder.load(pointer)
        return value, self.builder.icmp_signed(">=", value, ir.Constant(WORD, 0))

    def address(self, i: int, j: int) -> Any:
        (row, row_inside), (column, column_inside) = self.rows[i], self.columns[j]
        there = self.lines.at(self.base, self.builder.add(row, column))
        return self.builder.select(self.builder.and_(row_inside, column_inside), there, self.spare)


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _points(context: Any, lines: Lines, kind: Any, points: Any, at: Any) -> tuple[Any, Any]:
    """Return the address of the first point's line, and the number of entries from one point to the next."""
    values, start, gap = fields(lines.builder, points)[:3]
    data = _data(context, lines.builder, next(iter(kind)), values)
    return lines.at(data, lines.builder.add(start, at)), gap


def _spare(lines: Lines) -> Any:
    """Reserve a line of zeros on the stack, and return its address."""
    builder = lines.builder
    spare = cgutils.alloca_once(builder, lines.line)
    builder.store(lines.zero, spare)
    return builder.bitcast(spare, lines.scalar.as_pointer())


def _matrix(name: str, taps: Any) -> Matrix:
    """Return one of the matrices of `toom_cook`, by its name ("btᵀ" is the transpose of `bt`).

    The number of taps must be a constant of the code that is compiled, since the instructions follow from the matrix.

    Raises:
        RequireLiteralValue: it is known only when the code runs.
    """
    if not isinstance(taps, types.IntegerLiteral):
        raise errors.RequireLiteralValue("taps: expected a number that the compiler knows")
    found = matrices(len(POINTS) + 1 - taps.literal_value, taps.literal_value)
    made: Matrix = getattr(found, name.removesuffix("ᵀ"))
    return transpose(made) if name.endswith("ᵀ") else made


def _reader(name: str) -> Any:
    """Make the compiled function (taps, places, tile, points, at) that sets points = M·values[places of the tile]·Mᵀ.

    name: which matrix is M, as `_matrix` takes it.

    For example the row (0, 2, 1, −1, 0) of M = Bᵀ makes, of the five lines d₀ … d₄ of a column, the line d₂ + 2·d₁ − d₃, by
    one multiply–add and one subtraction; d₀ and d₄ are not touched for it.
    """

    @literal_intrinsic
    def read(typing: Any, taps: Any, places: Any, tile: Any, points: Any, at: Any) -> Any:
        matrix = _matrix(name, taps)

        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            count = len(matrix[0])
            lines = Lines(builder, next(iter(places)).dtype)
            addresses = _Addresses(context, lines, places, values[1], values[2], count)
            grid = [[lines.load(addresses.address(i, j)) for j in range(count)] for i in range(count)]
            target, gap = _points(context, lines, points, values[3], values[4])
            forgotten = _spare(lines)
            for i, row in enumerate(_congruence(lines, matrix, grid)):
                for j, line in enumerate(row):
                    address = target
                    for flag, place in ((addresses.above, i), (addresses.left, j)):
                        if place == len(matrix) - 1:
                            address = builder.select(flag, forgotten, address)
                    lines.store(line, address)
                    target = lines.at(target, gap)
            return context.get_dummy_value()

        return types.void(taps, places, tile, points, types.int64), build

    return read


def _writer(name: str, add: str = "nothing") -> Any:
    """Make the compiled function (taps, points, at, places, tile) that sets values[places of the tile] = M·points·Mᵀ.

    name: which matrix is M, as `_matrix` takes it.
    add: to how much of what lies there the result is added: "nothing", "all", or what is "shared" by tiles that are written
        row by row. A tile's first r − 1 rows also belong to the tile above it, its first r − 1 columns to that on its left:
        where there is such a tile, its numbers are added to. Everything else is written for the first time, so that the
        image need not be cleared.

        r = 3        this tile     ╔═════════╗
        s  shared with the tile    ║ s s s s ║ ←┐
           above or on the left    ║ s s s s ║ ←┴ rows of the tile above
        ·  written first here      ║ s s · · ║
                                   ║ s s · · ║
                                   ╚═════════╝
                                     ↑ ↑  columns of the tile on the left
    """

    @literal_intrinsic
    def write(typing: Any, taps: Any, points: Any, at: Any, places: Any, tile: Any) -> Any:
        matrix, shared = _matrix(name, taps), taps.literal_value - 1

        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            count = len(matrix[0])
            lines = Lines(builder, next(iter(places)).dtype)
            (source, gap), grid = _points(context, lines, points, values[1], values[2]), list[list[Any]]()
            for _ in range(count):
                grid.append([])
                for _ in range(count):
                    grid[-1].append(lines.load(source))
                    source = lines.at(source, gap)
            addresses = _Addresses(context, lines, places, values[3], values[4], len(matrix))
            nowhere = ir.Constant(ir.IntType(1), False)
            for i, row_of_lines in enumerate(_congruence(lines, matrix, grid)):
                for j, line in enumerate(row_of_lines):
                    address = addresses.address(i, j)
                    if add == "all":
                        line = builder.fadd(lines.load(address), line)
                    elif add == "shared" and (i < shared or j < shared):
                        above, left = (addresses.above, i), (addresses.left, j)
                        kept = builder.or_(*(flag if place < shared else nowhere for flag, place in (above, left)))
                        line = builder.fadd(line, builder.select(kept, lines.load(address), lines.zero))
                    lines.store(line, address)
            return context.get_dummy_value()

        return types.void(taps, points, types.int64, places, tile), build

    return write


read_large = _reader("bt")
"""V = Bᵀ·d·B of the large image."""
write_large = _writer("btᵀ", add="shared")
"""dx += B·dV·Bᵀ, the adjoint of `read_large`."""
read_small = _reader("a")
"""dM = A·dy·Aᵀ of the small image, the adjoint of `write_small`."""
read_weight = _reader("g")
"""U = G·g·Gᵀ of the taps."""
write_small = _writer("aᵀ")
"""y = Aᵀ·M·A."""
write_weight = _writer("gᵀ")
"""dg = Gᵀ·dU·G, the adjoint of `read_weight`."""
add_weight = _writer("gᵀ", add="all")
"""dg += Gᵀ·dU·G."""
