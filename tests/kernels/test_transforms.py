"""Readers and writers of tiles against NumPy's M·X·Mᵀ, with places outside the image."""

import functools

import numba
import numpy as np
import pytest

from gan_np.kernels.cpu import transform
from gan_np.kernels.cpu.toom_cook import POINTS, matrices
from gan_np.kernels.cpu.vectors import lanes

SIDE = len(POINTS)
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-14}
START, ROW, COLUMN, AT, BEGIN = 3, 2, 1, 5, 2
"""Where the image's first place, both tables' entries and the points begin, and of AT what their record says: nothing starts
at 0 by accident."""
UNTOUCHED = 12345.0

READERS = {"read_large": "bt", "read_small": "a", "read_weight": "g"}
WRITERS = {"write_small": ("aᵀ", False), "write_weight": ("gᵀ", False), "add_weight": ("gᵀ", True)}

every_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
every_size = pytest.mark.parametrize("reads", [2, 3, 4])


@functools.cache
def compiled(name, reads):
    """A function that calls one of the intrinsics for a number of taps, which the compiler must know."""
    intrinsic = getattr(transform, name)
    return numba.njit(lambda a, b, c, d: intrinsic(reads, a, b, c, d))


def matrix_of(name, reads):
    found = matrices(SIDE + 1 - reads, reads)
    matrix = np.array(getattr(found, name.removesuffix("ᵀ")))
    return matrix.T if name.endswith("ᵀ") else matrix


def congruence(matrix, grid):
    return np.einsum("ia,abl,jb->ijl", matrix, grid, matrix)


def close(found, expected, dtype):
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * max(np.abs(expected).max(), 1))


class Tile:
    """An image of whole lines, tables of its places (one outside along each axis), and points one gap apart."""

    def __init__(self, rng, dtype, places, points):
        self.rng, self.line, self.side = rng, lanes(dtype), points
        self.height, self.width = places + 2, places + 3
        self.image = rng.standard_normal(START + self.height * self.width * self.line + 2).astype(dtype)
        self.rows = self.table(ROW, self.height, self.width * self.line, places)
        self.columns = self.table(COLUMN, self.width, self.line, places)
        self.gap = self.line + 3
        self.points = np.full(AT + points * points * self.gap, UNTOUCHED, dtype)

    def table(self, begin, size, step, count):
        """In any order, so that neighbours in the table need not be neighbours in the image."""
        places = self.rng.permutation(size)[:count]
        places[self.rng.integers(count)] = -1
        return np.concatenate([np.full(begin, 10**9), np.where(places >= 0, places * step, -1)]).astype(np.int64)

    def inside(self):
        """(i, j, its line in the image) of every place inside."""
        for i, row in enumerate(self.rows[ROW:]):
            for j, column in enumerate(self.columns[COLUMN:]):
                if row >= 0 and column >= 0:
                    yield i, j, slice(START + row + column, START + row + column + self.line)

    def grid(self):
        """The places' numbers, 0 outside."""
        found = np.zeros((len(self.rows) - ROW, len(self.columns) - COLUMN, self.line))
        for i, j, where in self.inside():
            found[i, j] = self.image[where]
        return found

    def lines(self):
        """The points' lines, to be read or written, and what lies between them."""
        room = self.points[AT:].reshape(self.side, self.side, self.gap)
        return room[..., : self.line], room[..., self.line :]

    def read(self, name, reads):
        compiled(name, reads)(self.places(), self.tile(), self.gaps(), AT - BEGIN)

    def write(self, name, reads, above=False, left=False):
        compiled(name, reads)(self.gaps(), AT - BEGIN, self.places(), self.tile(above, left))

    def places(self):
        return transform.Places(self.image, self.rows, self.columns)

    def tile(self, above=False, left=False):
        return transform.Tile(START, ROW, COLUMN, above, left)

    def gaps(self):
        return transform.Points(self.points, BEGIN, self.gap)


@every_dtype
@every_size
@pytest.mark.parametrize("name", READERS)
def test_reading(name, reads, dtype, rng):
    matrix = matrix_of(READERS[name], reads)
    tile = Tile(rng, dtype, matrix.shape[1], SIDE)
    before = tile.image.copy()
    tile.read(name, reads)
    found, between = tile.lines()
    close(found, congruence(matrix, tile.grid()), dtype)
    np.testing.assert_array_equal(tile.image, before)
    assert (tile.points[:AT] == UNTOUCHED).all()
    assert (between == UNTOUCHED).all()


@every_dtype
@every_size
@pytest.mark.parametrize("name", WRITERS)
def test_writing(name, reads, dtype, rng):
    transposed, adds = WRITERS[name]
    matrix = matrix_of(transposed, reads)
    tile = Tile(rng, dtype, matrix.shape[0], SIDE)
    points, _ = tile.lines()
    points[:] = rng.standard_normal(points.shape)
    expected = tile.image.astype(np.float64)
    values = congruence(matrix, points.astype(np.float64))
    for i, j, where in tile.inside():
        expected[where] = values[i, j] + adds * expected[where]
    before = tile.image.copy()
    tile.write(name, reads)
    close(tile.image, expected, dtype)
    changed = np.zeros(len(before), bool)
    for _, _, where in tile.inside():
        changed[where] = True
    np.testing.assert_array_equal(tile.image[~changed], before[~changed])


@every_dtype
@every_size
@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("left", [False, True])
def test_adding_tiles_that_overlap(reads, above, left, dtype, rng):
    """Only the first taps − 1 rows and columns belong to an earlier tile too; what lies elsewhere is overwritten."""
    matrix, shared = matrix_of("btᵀ", reads), reads - 1
    tile = Tile(rng, dtype, SIDE, SIDE)
    points, _ = tile.lines()
    points[:] = rng.standard_normal(points.shape)
    expected = tile.image.astype(np.float64)
    values = congruence(matrix, points.astype(np.float64))
    for i, j, where in tile.inside():
        kept = (above and i < shared) or (left and j < shared)
        expected[where] = values[i, j] + kept * expected[where]
    tile.write("write_large", reads, above, left)
    close(tile.image, expected, dtype)


@every_size
def test_nothing_inside(reads, rng):
    """A tile that lies outside altogether reads zeros and writes nothing."""
    tile = Tile(rng, np.float32, SIDE, SIDE)
    tile.rows[ROW:] = -1
    before = tile.image.copy()
    tile.read("read_large", reads)
    np.testing.assert_array_equal(tile.lines()[0], 0)
    tile.points[:] = 1
    tile.write("write_large", reads, True, True)
    np.testing.assert_array_equal(tile.image, before)


def test_numbers_that_are_not_finite_outside_do_not_come_in(rng):
    """A place outside counts as 0, whatever lies there."""
    tile = Tile(rng, np.float64, SIDE, SIDE)
    wanted = tile.grid()
    seen = np.zeros(len(tile.image), bool)
    for _, _, where in tile.inside():
        seen[where] = True
    tile.image[~seen] = np.nan
    tile.read("read_large", 2)
    close(tile.lines()[0], congruence(matrix_of("bt", 2), wanted), np.float64)


def test_the_comparison_sees_a_wrong_matrix(rng):
    """The negative control: F(3, 3)'s matrix where F(4, 2)'s belongs."""
    matrix = matrix_of("gᵀ", 2)
    tile = Tile(rng, np.float64, 2, SIDE)
    points, _ = tile.lines()
    points[:] = rng.standard_normal(points.shape)
    tile.write("write_weight", 2)
    close(tile.grid(), np.where(tile.grid() != 0, congruence(matrix, points), 0), np.float64)
    with pytest.raises(AssertionError):
        close(tile.grid(), np.where(tile.grid() != 0, congruence(matrix_of("gᵀ", 3)[:2], points), 0), np.float64)


def test_a_number_of_taps_that_the_compiler_does_not_know(rng):
    """The matrices decide what code there is: a number that comes at run time is refused, not taken for another."""
    tile = Tile(rng, np.float32, SIDE, SIDE)
    call = numba.njit(lambda taps, a, b, c, d: transform.read_large(taps, a, b, c, d))
    with pytest.raises(numba.TypingError, match="taps: expected a number that the compiler knows"):
        call(2, tile.places(), tile.tile(), tile.gaps(), AT - BEGIN)
