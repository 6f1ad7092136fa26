"""Fast short convolution: the derived matrices are exact, and with the tables of places they give a strided convolution."""

from fractions import Fraction

import numpy as np
import pytest

from gan_np.kernels import Geometry, small_size
from gan_np.kernels.cpu.tiles import taps, tiling
from gan_np.kernels.cpu.toom_cook import POINTS, Matrices, matrices, transpose

SIZES = [(4, 2), (3, 3), (2, 4), (1, 5), (5, 1)]


def exact(matrix):
    """Entries as fractions; those of the matrices are multiples of 1/6, so a small denominator recovers them."""
    return [[Fraction(entry).limit_denominator(1000) for entry in row] for row in matrix]


def times(matrix, vector):
    return [sum((a * x for a, x in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


def whole_numbers(rng, size):
    return [Fraction(int(value)) for value in rng.integers(-50, 51, size)]


def correlate_exactly(found, d, g):
    """y = Aᵀ[(G g) ⊙ (Bᵀ d)] in fractions."""
    products = [u * v for u, v in zip(times(exact(found.g), g), times(exact(found.bt), d), strict=True)]
    return times(exact(transpose(found.a)), products)


def check_correlation(found, rng):
    d, g = whole_numbers(rng, found.points), whole_numbers(rng, found.taps)
    expected = [sum(g[u] * d[i + u] for u in range(found.taps)) for i in range(found.outputs)]
    assert correlate_exactly(found, d, g) == expected


@pytest.mark.parametrize(("outputs", "reads"), SIZES)
def test_correlation_is_exact(outputs, reads, rng):
    found = matrices(outputs, reads)
    for _ in range(20):
        check_correlation(found, rng)


def test_a_changed_entry_is_seen(rng):
    found = matrices(4, 2)
    for name in ("a", "g", "bt"):
        rows = [list(row) for row in getattr(found, name)]
        row = next(i for i, row in enumerate(rows) if row[0])
        rows[row][0] *= 2
        with pytest.raises(AssertionError):
            check_correlation(found._replace(**{name: tuple(map(tuple, rows))}), rng)


@pytest.mark.parametrize(("outputs", "reads"), SIZES)
def test_shapes_and_sizes_of_entries(outputs, reads):
    found = matrices(outputs, reads)
    assert isinstance(found, Matrices)
    assert (found.outputs, found.taps, found.points) == (outputs, reads, len(POINTS))
    for name, columns in (("a", outputs), ("g", reads), ("bt", len(POINTS))):
        assert np.shape(getattr(found, name)) == (len(POINTS), columns), name
    for name, unit in (("a", 1 / 16), ("bt", 1)):  # what acts on images is exact: no rounding beyond that of sums
        entries = np.array(getattr(found, name)) / unit
        assert (entries == np.round(entries)).all(), name
    assert np.gcd.reduce(np.array(found.bt, int), axis=1).tolist() == [1] * len(POINTS)
    assert found.bt == matrices(4, 2).bt, "Bᵀ depends on the points alone"


@pytest.mark.parametrize(("outputs", "reads"), SIZES)
def test_adjoints_are_the_transposed_matrices(outputs, reads, rng):
    """⟨y, b⟩ = ⟨∂/∂d, d⟩ = ⟨∂/∂g, g⟩ with dd = B(U ⊙ dM), dg = Gᵀ(V ⊙ dM), dM = A b: exactly."""
    found = matrices(outputs, reads)
    d, g, b = whole_numbers(rng, found.points), whole_numbers(rng, reads), whole_numbers(rng, outputs)
    u, v, dm = times(exact(found.g), g), times(exact(found.bt), d), times(exact(found.a), b)
    dd = times(exact(transpose(found.bt)), [x * y for x, y in zip(u, dm, strict=True)])
    dg = times(exact(transpose(found.g)), [x * y for x, y in zip(v, dm, strict=True)])
    value = sum(x * y for x, y in zip(correlate_exactly(found, d, g), b, strict=True))
    assert value == sum(x * y for x, y in zip(dd, d, strict=True)) == sum(x * y for x, y in zip(dg, g, strict=True))
    expected = [sum(g[u] * b[i - u] for u in range(reads) if 0 <= i - u < outputs) for i in range(found.points)]
    assert dd == expected, "the input's gradient is the full convolution"


def test_transpose_is_its_own_inverse():
    matrix = matrices(3, 3).g
    assert transpose(transpose(matrix)) == matrix
    np.testing.assert_array_equal(transpose(matrix), np.array(matrix).T)


@pytest.mark.parametrize(("outputs", "reads"), [(4, 4), (2, 2), (6, 3)])
def test_wrong_numbers_of_points_are_refused(outputs, reads):
    with pytest.raises(
        ValueError, match=f"points: {outputs} outputs of {reads} taps need {outputs + reads - 1} points"
    ):
        matrices(outputs, reads)


def test_other_points(rng):
    points = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(2), None)
    for outputs, reads in ((4, 3), (3, 4), (2, 5)):
        check_correlation(matrices(outputs, reads, points), rng)


# One axis is enough for the tables: rows and columns are made by the same code and never mixed.
AXES = [
    pytest.param(large, kernel, stride, padding, id=f"{large}, {kernel} taps, stride {stride}, padding {padding}")
    for kernel, stride, padding in [
        (4, 2, 1),
        (5, 2, 2),
        (3, 1, 1),
        (4, 1, 0),
        (2, 1, 2),
        (8, 2, 3),
        (10, 3, 4),
        (9, 3, 0),
    ]
    for large in (1, 5, 8, 10, 17)
    if large + 2 * padding >= kernel
]


def geometry_of(large, kernel, stride, padding):
    """Different along the two axes, so that neither can be taken for the other."""
    sides, sizes, strides, paddings = (large, 6), (kernel, 4), (stride, 2), (padding, 1)
    small = tuple(small_size(*axis) for axis in zip(sides, sizes, strides, paddings, strict=True))
    return Geometry(1, (*sides, 3), (*small, 5), sizes, strides, paddings)


@pytest.mark.parametrize(("large", "kernel", "stride", "padding"), AXES)
@pytest.mark.parametrize("turned", [False, True], ids=["rows", "columns"])
def test_tables_say_what_meets_what(large, kernel, stride, padding, turned):
    """Output i of tile i ÷ m and tap s·u' + p meet at row s·i + s·u' + p − padding: entry (i mod m) + u' of phase p."""
    geometry = geometry_of(large, kernel, stride, padding)
    if turned:
        swapped = {name: getattr(geometry, name)[::-1] for name in ("kernel", "stride", "padding")}
        geometry = geometry._replace(large=(6, large, 3), small=(geometry.small[1], geometry.small[0], 5), **swapped)
    found, reads = tiling(geometry)[int(turned)], taps(geometry)[int(turned)]
    outputs, small = len(POINTS) + 1 - reads, geometry.small[int(turned)]
    a_step, b_step = (3, 5) if turned else (3 * geometry.large[1], 5 * geometry.small[1])
    w_step = 15 if turned else 15 * geometry.kernel[1]
    assert found.taps == reads == -(-kernel // stride)
    assert found.tiles == -(-small // outputs)
    assert found.large.size == found.tiles * stride * len(POINTS)
    met = set()
    for i in range(found.tiles * outputs):
        tile, inside = divmod(i, outputs)
        assert found.small[i] == (i * b_step if i < small else -1)
        for tap in range(reads):
            for phase in range(stride):
                place = stride * i + stride * tap + phase - padding
                entry = found.large[(tile * stride + phase) * len(POINTS) + inside + tap]
                assert entry == (place * a_step if 0 <= place < large else -1)
                met.add(place)
    for tap in range(reads):
        for phase in range(stride):
            u = stride * tap + phase
            assert found.weight[phase * reads + tap] == (u * w_step if u < kernel else -1)
    assert found.covered == (set(range(large)) <= met)


def test_places_that_no_tile_reads_are_told():
    assert tiling(geometry_of(8, 4, 2, 1)).rows.covered
    # without padding, the row that output_padding adds lies behind the last tap of the last place
    assert not tiling(Geometry(1, (11, 10, 3), (4, 4, 5), (4, 4), (2, 2), (0, 0))).rows.covered
    assert tiling(Geometry(1, (11, 10, 3), (4, 4, 5), (4, 4), (2, 2), (0, 0))).columns.covered


@pytest.mark.parametrize(("large", "kernel", "stride", "padding"), AXES)
def test_a_strided_convolution_from_tables_and_matrices(large, kernel, stride, padding, rng):
    axis = tiling(geometry_of(large, kernel, stride, padding)).rows
    if axis.taps not in (2, 3, 4):
        pytest.skip("these points serve 2 to 4 taps")
    found = matrices(len(POINTS) + 1 - axis.taps, axis.taps)
    a, g, bt = (np.array(matrix) for matrix in (found.a, found.g, found.bt))
    image, weight = rng.standard_normal(large), rng.standard_normal(kernel)
    small = small_size(large, kernel, stride, padding)

    def at(values, offsets, step):
        return np.where(offsets >= 0, values[np.maximum(offsets, 0) // step], 0.0)

    d = at(image, axis.large, 3 * 6).reshape(axis.tiles, stride, found.points)
    w = at(weight, axis.weight, 15 * 4).reshape(stride, found.taps)
    y = ((d @ bt.T) * (w @ g.T)).sum(axis=1) @ a
    padded = np.pad(image, padding)
    expected = [padded[i * stride : i * stride + kernel] @ weight for i in range(small)]
    np.testing.assert_allclose(y.ravel()[:small], expected, rtol=1e-12, atol=1e-12)
