"""Y = M·X·Mᵀ for a constant matrix M, on a whole line of channels at once.

A reader takes X from places of an image (a place outside it counts as 0) and writes the points of Y one stride apart; a
writer takes the points of X one stride apart and writes (or adds) Y to places of an image, leaving out those outside. The
code is made from M: zeros cost nothing, ones no multiplication. Which M depends on the number of taps, which the compiler
must know: it is the length of the tuple `taps`, whose entries mean nothing.

Places are given by two tables of offsets, one entry for each row and each column of the tile, −1 outside:

    image + start + rows[i] + columns[j]        if rows[i] ≥ 0 and columns[j] ≥ 0

so no kernel needs to know about stride, padding or the image's edge.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from .compiled import cgutils, intrinsic
from .toom_cook import POINTS, Matrix, matrices, transpose
from .vectors import Lines

WORD = ir.IntType(64)


def _apply(lines: Lines, matrix: Matrix, values: list[Any]) -> list[Any]:
    """M times a column of lines."""
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
    """M·X·Mᵀ: down the columns, then along the rows."""
    down = [_apply(lines, matrix, [row[j] for row in grid]) for j in range(len(grid[0]))]
    return [_apply(lines, matrix, [column[i] for column in down]) for i in range(len(matrix))]


class _Places:
    """Addresses of a tile's places; those outside lead to a spare line."""

    def __init__(self, lines: Lines, image: Any, start: Any, tables: Any, count: int) -> None:
        self.lines, self.builder = lines, lines.builder
        self.base = lines.at(image, start)
        (rows, row_start), (columns, column_start) = tables
        self.rows, self.columns = (
            [self._entry(table, begin, place) for place in range(count)]
            for table, begin in ((rows, row_start), (columns, column_start))
        )

    def _entry(self, table: Any, begin: Any, place: int) -> tuple[Any, Any]:
        pointer = self.builder.gep(table, [self.builder.add(begin, ir.Constant(WORD, place))])
        value = self.builder.load(pointer)
        return value, self.builder.icmp_signed(">=", value, ir.Constant(WORD, 0))

    def address(self, i: int, j: int, spare: Any) -> Any:
        (row, row_inside), (column, column_inside) = self.rows[i], self.columns[j]
        there = self.lines.at(self.base, self.builder.add(row, column))
        return self.builder.select(self.builder.and_(row_inside, column_inside), there, spare)


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _spare(lines: Lines) -> Any:
    """A line of zeros on the stack."""
    builder = lines.builder
    spare = cgutils.alloca_once(builder, lines.line)
    builder.store(lines.zero, spare)
    return builder.bitcast(spare, lines.scalar.as_pointer())


def _matrix(name: str, taps: Any) -> Matrix:
    """One of the matrices for as many taps as the tuple type has entries."""
    found = matrices(len(POINTS) + 1 - taps.count, taps.count)
    made: Matrix = getattr(found, name.removesuffix("ᵀ"))
    return transpose(made) if name.endswith("ᵀ") else made


def _reader(name: str) -> Any:
    """(taps, image, start, rows, row, columns, column, points, at, stride): points = M·image[places]·Mᵀ."""

    @intrinsic
    def read(
        typing: Any,
        taps: Any,
        image: Any,
        start: Any,
        rows: Any,
        row: Any,
        columns: Any,
        column: Any,
        points: Any,
        at: Any,
        stride: Any,
    ) -> Any:
        matrix = _matrix(name, taps)

        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds, count = signature.args, len(matrix[0])
            lines = Lines(builder, image.dtype)
            data = {place: _data(context, builder, kinds[place], values[place]) for place in (1, 3, 5, 7)}
            tables = ((data[3], values[4]), (data[5], values[6]))
            places = _Places(lines, data[1], values[2], tables, count)
            spare = _spare(lines)
            grid = [[lines.load(places.address(i, j, spare)) for j in range(count)] for i in range(count)]
            target = lines.at(data[7], values[8])
            for line in (line for found in _congruence(lines, matrix, grid) for line in found):
                lines.store(line, target)
                target = lines.at(target, values[9])
            return context.get_dummy_value()

        word = types.int64
        return types.void(taps, image, word, rows, word, columns, word, points, word, word), build

    return read


def _written(context: Any, builder: Any, signature: Any, values: Any, matrix: Matrix) -> tuple[Lines, _Places, Any]:
    """What every writer begins with: the places, and M·points·Mᵀ."""
    kinds, count = signature.args, len(matrix[0])
    lines = Lines(builder, kinds[4].dtype)
    data = {place: _data(context, builder, kinds[place], values[place]) for place in (1, 4, 6, 8)}
    source, grid = lines.at(data[1], values[2]), list[list[Any]]()
    for _ in range(count):
        grid.append([])
        for _ in range(count):
            grid[-1].append(lines.load(source))
            source = lines.at(source, values[3])
    tables = ((data[6], values[7]), (data[8], values[9]))
    places = _Places(lines, data[4], values[5], tables, len(matrix))
    return lines, places, _congruence(lines, matrix, grid)


def _writer(name: str, add: bool) -> Any:
    """(taps, points, at, stride, image, start, rows, row, columns, column): image[places] = (or +=) M·points·Mᵀ."""

    @intrinsic
    def write(
        typing: Any,
        taps: Any,
        points: Any,
        at: Any,
        stride: Any,
        image: Any,
        start: Any,
        rows: Any,
        row: Any,
        columns: Any,
        column: Any,
    ) -> Any:
        matrix = _matrix(name, taps)

        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            lines, places, found = _written(context, builder, signature, values, matrix)
            spare = _spare(lines)
            for i, row_of_lines in enumerate(found):
                for j, line in enumerate(row_of_lines):
                    address = places.address(i, j, spare)
                    lines.store(builder.fadd(lines.load(address), line) if add else line, address)
            return context.get_dummy_value()

        word = types.int64
        return types.void(taps, points, word, word, image, word, rows, word, columns, word), build

    return write


@intrinsic
def add_large(
    typing: Any,
    taps: Any,
    points: Any,
    at: Any,
    stride: Any,
    image: Any,
    start: Any,
    rows: Any,
    row: Any,
    columns: Any,
    column: Any,
    above: Any,
    left: Any,
) -> Any:
    """dx += B·dV·Bᵀ, the adjoint of `read_large`, for tiles taken row by row.

    A tile's first r − 1 rows also belong to the tile `above` it, its first r − 1 columns to that on its `left`: where such a
    tile is (and was written before), its numbers are added to. Everything else is written for the first time, so that the
    image need not be cleared.
    """
    matrix, shared = _matrix("btᵀ", taps), taps.count - 1

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines, places, found = _written(context, builder, signature, values, matrix)
        spare = _spare(lines)
        nowhere = ir.Constant(ir.IntType(1), False)
        for i, row_of_lines in enumerate(found):
            for j, line in enumerate(row_of_lines):
                address = places.address(i, j, spare)
                if i < shared or j < shared:
                    kept = builder.or_(values[10] if i < shared else nowhere, values[11] if j < shared else nowhere)
                    line = builder.fadd(line, builder.select(kept, lines.load(address), lines.zero))
                lines.store(line, address)
        return context.get_dummy_value()

    word = types.int64
    kinds = (taps, points, word, word, image, word, rows, word, columns, word, types.boolean, types.boolean)
    return types.void(*kinds), build


read_large = _reader("bt")
"""V = Bᵀ·d·B of the large image."""
read_small = _reader("a")
"""dM = A·dy·Aᵀ of the small image, the adjoint of `write_small`."""
read_weight = _reader("g")
"""U = G·g·Gᵀ of the taps."""
write_small = _writer("aᵀ", add=False)
"""y = Aᵀ·M·A."""
write_weight = _writer("gᵀ", add=False)
"""dg = Gᵀ·dU·G, the adjoint of `read_weight`."""
add_weight = _writer("gᵀ", add=True)
"""dg += Gᵀ·dU·G."""
