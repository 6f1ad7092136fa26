"""Y = M·X·Mᵀ for a constant matrix M, on a whole line of channels at once.

`reader(M)` takes X from places of a picture (a place outside it counts as 0) and writes the points of Y one stride apart;
`writer(M, add)` takes the points of X one stride apart and writes (or adds) Y to places of a picture, leaving out those
outside. The code is made from M: zeros cost nothing, ones no multiplication.

Places are given by two tables of offsets, one entry for each row and each column of the tile, −1 outside:

    picture + start + rows[i] + columns[j]        if rows[i] ≥ 0 and columns[j] ≥ 0

so no kernel needs to know about stride, padding or the picture's edge.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba.core import types

from .compiled import cgutils, intrinsic
from .toom_cook import Matrix
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

    def __init__(
        self, context: Any, lines: Lines, picture: Any, start: Any, tables: Any, counts: tuple[int, int]
    ) -> None:
        self.lines, self.builder = lines, lines.builder
        self.base = lines.at(picture, start)
        (rows, row_start), (columns, column_start) = tables
        self.rows, self.columns = (
            [self._entry(table, begin, place) for place in range(count)]
            for table, begin, count in ((rows, row_start, counts[0]), (columns, column_start, counts[1]))
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


@lru_cache(maxsize=32)
def reader(matrix: Matrix) -> Any:
    """(picture, start, rows, row, columns, column, points, at, stride): points = M·picture[places]·Mᵀ."""
    count = len(matrix[0])

    @intrinsic
    def read(
        typing: Any,
        picture: Any,
        start: Any,
        rows: Any,
        row: Any,
        columns: Any,
        column: Any,
        points: Any,
        at: Any,
        stride: Any,
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            lines = Lines(builder, kinds[0].dtype)
            data = {place: _data(context, builder, kinds[place], values[place]) for place in (0, 2, 4, 6)}
            tables = ((data[2], values[3]), (data[4], values[5]))
            places = _Places(context, lines, data[0], values[1], tables, (count, count))
            spare = _spare(lines)
            grid = [[lines.load(places.address(i, j, spare)) for j in range(count)] for i in range(count)]
            target = lines.at(data[6], values[7])
            for line in (line for found in _congruence(lines, matrix, grid) for line in found):
                lines.store(line, target)
                target = lines.at(target, values[8])
            return context.get_dummy_value()

        word = types.int64
        return types.void(picture, word, rows, word, columns, word, points, word, word), build

    return read


@lru_cache(maxsize=32)
def writer(matrix: Matrix, add: bool) -> Any:
    """(points, at, stride, picture, start, rows, row, columns, column): picture[places] = (or +=) M·points·Mᵀ."""
    count = len(matrix[0])

    @intrinsic
    def write(
        typing: Any,
        points: Any,
        at: Any,
        stride: Any,
        picture: Any,
        start: Any,
        rows: Any,
        row: Any,
        columns: Any,
        column: Any,
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            lines = Lines(builder, kinds[0].dtype)
            data = {place: _data(context, builder, kinds[place], values[place]) for place in (0, 3, 5, 7)}
            source, grid = lines.at(data[0], values[1]), list[list[Any]]()
            for _ in range(count):
                grid.append([])
                for _ in range(count):
                    grid[-1].append(lines.load(source))
                    source = lines.at(source, values[2])
            tables = ((data[5], values[6]), (data[7], values[8]))
            size = len(matrix)
            places = _Places(context, lines, data[3], values[4], tables, (size, size))
            spare = _spare(lines)
            for i, found in enumerate(_congruence(lines, matrix, grid)):
                for j, line in enumerate(found):
                    address = places.address(i, j, spare)
                    lines.store(builder.fadd(lines.load(address), line) if add else line, address)
            return context.get_dummy_value()

        word = types.int64
        return types.void(points, word, word, picture, word, rows, word, columns, word), build

    return write
