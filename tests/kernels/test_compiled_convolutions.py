"""Compiled convolution and dense kernels: bits and threads, accuracy, odd shapes, gradients into place."""

import threading

import numpy as np
import pytest

from gan_np import kernels
from gan_np.kernels import Activation, Geometry, Into, large_size, threads
from gan_np.kernels.cases import Case, conv2d_case, convolution_geometry, dense_case, dense_layer_case
from gan_np.kernels.cpu import blocked, pool, vectors
from gan_np.kernels.cpu.layouts import read_only
from gan_np.testing.layouts import with_gaps

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
COMPILED = [
    ("conv2d", "direct"),
    ("conv2d", "few_channels"),
    ("conv2d", "winograd"),
    ("conv2d", "full_size"),
    ("dense", "numba"),
    ("dense_layer", "numba"),
]
TOLERANCE = {FLOAT32: 1e-5, FLOAT64: 1e-12}
"""Of the largest entry."""


def transposed_geometry(batch, small, out_channels, kernel, stride, padding, output_padding):
    """Of a transposed convolution of an image (height, width, channels)."""
    sizes = [large_size(small[axis], kernel, stride, padding, output_padding) for axis in (0, 1)]
    return Geometry(batch, (*sizes, out_channels), small, (kernel,) * 2, (stride,) * 2, (padding,) * 2)


def odd_cases():
    """What the kernels may trip over: few and odd channels, one image, sides that differ, output_padding."""
    for channels in (1, 3, 5, 17):
        for batch in (1, 3):
            yield convolution_geometry(batch, (9, 6, channels), 22 - channels, (4, 4), (2, 2), (1, 1))
            yield convolution_geometry(batch, (5, 8, channels), 32, (3, 3), (1, 1), (1, 1))
            yield convolution_geometry(batch, (8, 10, 32), channels, (4, 4), (2, 2), (1, 1))
        yield transposed_geometry(2, (4, 7, 32), channels, 5, 2, 2, 1)
    for batch in (1, 9):
        yield convolution_geometry(batch, (4, 3, 5), 7, (4, 3), (1, 2), (0, 0))
        yield convolution_geometry(batch, (2, 2, 17), 40, (2, 2), (1, 1), (0, 0))
    for batch in (1, 2, 5):
        yield convolution_geometry(batch, (10, 14, 32), 64, (4, 4), (2, 2), (1, 1))
        yield convolution_geometry(batch, (7, 3, 64), 32, (3, 3), (1, 1), (1, 1))
        yield transposed_geometry(batch, (4, 7, 64), 32, 5, 2, 2, 1)
        yield transposed_geometry(batch, (3, 5, 32), 32, 4, 2, 0, 1)
        yield transposed_geometry(batch, (1, 1, 96), 64, 4, 1, 0, 0)


BLOCKED = [(5, 2048, 20), (2, 300, 600), (515, 37, 16), (1030, 24, 33), (523, 1040, 50)]
"""Rows, inputs and outputs: rows that are copied, several blocks of k and chunks of panels, rows of dz that are read where
they lie, splits of the rows of dW, and W in panels for many rows with several blocks of k."""
ODD = [conv2d_case(repr(tuple(geometry)), geometry) for geometry in odd_cases()]
ODD += [
    dense_case(f"{n}×{i}→{o}", n, i, o)
    for n, i, o in [(1, 17, 5), (3, 5, 1), (33, 3, 17), (1, 1, 1), (65, 33, 129), *BLOCKED]
]
LEAKY = Activation("leaky_relu", 0.2)
ODD += [
    dense_layer_case(f"whole layer {n}×{i}→{o}", n, i, o, LEAKY)
    for n, i, o in [(8, 4, 4), (17, 5, 33), (64, 19, 7), (131, 33, 70), (300, 16, 32)]
]
THIN = [(131, 1, 17), (129, 2, 3), (200, 3, 40), (133, 17, 3), (128, 33, 2), (300, 5, 1), (129, 1, 6)]
ODD += [dense_layer_case(f"narrow layer {n}×{i}→{o}", n, i, o, LEAKY) for n, i, o in THIN]
ACTIVATED = [
    dense_layer_case(f"narrow layer {n}×{i}→{o} {kind}", n, i, o, Activation(kind))
    for n, i, o in THIN
    for kind in ("linear", "relu", "tanh", "sigmoid")
]


def training_cases():
    """DCGAN's, with a batch that a test has time for: the oracle in float64 takes most of it."""
    for case in kernels.list_cases("conv2d", size="dcgan"):
        yield conv2d_case(case.label, case.geometry._replace(batch=2))
    yield dense_case("100→8192", 32, 100, 8192)
    yield dense_case("8192→1", 32, 8192, 1)
    yield dense_case("784→1200", 32, 784, 1200)
    yield dense_layer_case("whole layer 256→128", 512, 256, 128, LEAKY)


def walk(cases, dtypes=(FLOAT32,)):
    """Every compiled kernel with every case that it can do."""
    return [
        pytest.param(operation, name, case, dtype, id=f"{name} {case.label} {dtype}")
        for operation, name in COMPILED
        for case in cases
        for dtype in dtypes
        if case.operation == operation and kernels.entry(operation, name).supports(case.problem(dtype)) is None
    ]


def implementation(operation, name):
    return kernels.entry(operation, name).implementation


def in_float64(case: Case, arrays):
    reference = implementation(case.operation, "reference")
    return case.run(reference, *(array.astype(np.float64) for array in arrays))


def difference(found, expected):
    """Largest, relative to the largest entry."""
    return float(np.abs(found - expected).max()) / float(np.abs(expected).max())


def relative_error(found, expected):
    """‖found − expected‖ / ‖expected‖."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize(("operation", "name", "case", "dtype"), walk(tuple(training_cases())))
def test_accuracy_at_sizes_of_training(operation, name, case, dtype, rng):
    """`pytest -s` prints what was found; Winograd's transforms cost about one digit."""
    arrays = case.make(rng, dtype)
    expected, found = in_float64(case, arrays), case.run(implementation(operation, name), *arrays)
    for key, right in expected.items():
        error, worst = relative_error(found[key], right), difference(found[key], right)
        print(f"{operation} {name} {case.label} {key}: {error:.1e}, the worst entry {worst:.1e}")
        assert error <= 1e-5, key
        assert worst <= 3e-5, key


@pytest.mark.parametrize(("operation", "name", "case", "dtype"), walk([*ODD, *ACTIVATED], (FLOAT32, FLOAT64)))
def test_odd_shapes(operation, name, case, dtype, rng):
    """In every memory layout; what is handed in stays as it is."""
    arrays = case.make(rng, dtype)
    expected = in_float64(case, arrays)
    for layout in (np.ascontiguousarray, np.asfortranarray, with_gaps, lambda array: np.flip(np.flip(array).copy())):
        given = [layout(array) for array in arrays]
        found = case.run(implementation(operation, name), *given)
        for key, right in expected.items():
            assert found[key].dtype == dtype
            assert found[key].shape == right.shape
            assert difference(found[key], right) <= TOLERANCE[dtype], key
        for array, before in zip(given, arrays, strict=True):
            np.testing.assert_array_equal(array, before)


def test_every_compiled_kernel_meets_odd_shapes():
    """The walk above leaves out what a kernel cannot do: not everything, and for winograd what it is made for."""
    names = [parameter.values[1] for parameter in walk(ODD)]
    assert names.count("direct") == len([case for case in ODD if case.operation == "conv2d"])
    assert names.count("winograd") >= 12
    assert names.count("few_channels") >= 10
    done = [parameter.values[2].geometry for parameter in walk(ODD) if parameter.values[1] == "winograd"]
    assert any(geometry.batch == 1 for geometry in done)
    assert any(geometry.kernel == (5, 5) for geometry in done), "output_padding"
    assert any(geometry.large[0] != geometry.large[1] for geometry in done)


MIDDLE = [
    conv2d_case("32→64 at 16²", convolution_geometry(7, (16, 16, 32), 64, (4, 4), (2, 2), (1, 1))),
    conv2d_case("64→128 at 8×12, 5×5", convolution_geometry(20, (8, 12, 64), 128, (5, 5), (2, 2), (2, 2))),
    conv2d_case("256→256 at 4²", convolution_geometry(33, (4, 4, 256), 256, (3, 3), (1, 1), (1, 1))),
    conv2d_case("3→64 at 32²", convolution_geometry(4, (32, 32, 3), 64, (4, 4), (2, 2), (1, 1))),
    dense_case("100→999", 37, 100, 999),
    dense_case("1000→1", 65, 1000, 1),
    dense_case("2→1000", 65, 2, 1000),
    dense_layer_case("whole layer 100→77", 333, 100, 77, LEAKY),
    dense_layer_case("narrow layer 2→128", 515, 2, 128, LEAKY),
    dense_layer_case("narrow layer 130→3", 515, 130, 3, LEAKY),
]
"""Large enough that the work is divided, in numbers that nothing divides evenly."""


@pytest.mark.parametrize(("operation", "name", "case", "dtype"), walk(MIDDLE))
def test_numbers_of_threads(operation, name, case, dtype, rng):
    """The same bits for one number of threads, however the work falls; the same within rounding for any."""
    kernel, arrays = implementation(operation, name), case.make(rng, dtype)
    expected = in_float64(case, arrays)
    for number in (1, 2, 3, 5):
        with threads.held_to(number):
            first = case.run(kernel, *arrays)
            for _ in range(6):
                again = case.run(kernel, *arrays)
                for key in first:
                    np.testing.assert_array_equal(again[key], first[key], err_msg=f"{key}, {number} threads")
        for key, right in expected.items():
            assert difference(first[key], right) <= TOLERANCE[dtype], (key, number)


def contractions(name, geometry, arrays):
    """All three of a plan, the weights prepared anew."""
    plan = implementation("conv2d", name).plan(geometry)
    weight, large, small = arrays
    w, a, b = plan.prepare_weight(weight), plan.prepare_large(large), plan.prepare_small(small)
    return plan.to_small(w, a), plan.to_large(w, b), plan.to_weight(a, b)


@pytest.mark.parametrize("batch", [1, 11])
def test_few_channels_have_the_same_bits_with_any_number_of_threads(batch, rng):
    """Bands and splits follow from the shape alone; one image is divided into bands, eleven into uneven splits."""
    geometry = convolution_geometry(batch, (29, 18, 3), 37, (5, 4), (2, 3), (2, 1))
    arrays = conv2d_case("", geometry).make(rng, FLOAT32)
    found = []
    for number in (1, 2, 3):
        with threads.held_to(number):
            found.append(contractions("few_channels", geometry, arrays))
    for again in found[1:]:
        for first, other in zip(found[0], again, strict=True):
            np.testing.assert_array_equal(first, other)


SHORT = [
    (convolution_geometry(9, (7, 7, 32), 32, (4, 4), (2, 2), (1, 1)), 16),
    (convolution_geometry(9, (14, 6, 32), 32, (4, 4), (2, 2), (1, 1)), 20),
    (convolution_geometry(3, (14, 16, 32), 32, (4, 4), (2, 2), (1, 1)), 25),
    (convolution_geometry(40, (14, 14, 32), 32, (4, 4), (2, 2), (1, 1)), 25),
]
"""Maps of 3×3, 7×3, 7×8 and 7×7, and how many of the 25 points some tile needs. Of three images one panel has tiles of
both kinds."""


@pytest.mark.parametrize(("geometry", "points"), SHORT)
def test_points_that_no_tile_needs_are_never_read(geometry, points, rng, monkeypatch):
    """Whatever lies in the buffers beforehand does not show in the results: NaN would."""
    plan = implementation("conv2d", "winograd").plan(geometry)
    first, last = plan.needed.reshape(-1, 2).T
    assert (last > first).sum() == points
    arrays = conv2d_case("", geometry).make(rng, FLOAT32)
    monkeypatch.setattr(
        "gan_np.kernels.cpu.winograd.plan.buffer", lambda name, size, dtype: np.full(size, np.nan, dtype)
    )
    for number in (1, 3):
        with threads.held_to(number):
            found = contractions("winograd", geometry, arrays)
        for one, right in zip(
            found, contractions("reference", geometry, [x.astype(np.float64) for x in arrays]), strict=True
        ):
            assert difference(one, right) <= TOLERANCE[FLOAT32]


def gradient_into(operation, kernel, case, arrays):
    """The weight gradient as a function of where it goes."""
    if operation == "dense":
        x, _, dz = arrays
        return lambda into: kernel.weight_gradient(x, dz, into)
    if operation == "dense_layer":
        x, weight, bias, dy = arrays
        y = kernel.forward(x, weight, bias, LEAKY)
        return lambda into: kernel.backward(dy, x, y, weight, LEAKY, (True, True, False), into)[1]
    plan = kernel.plan(case.geometry)
    a, b = plan.prepare_large(arrays[1]), plan.prepare_small(arrays[2])
    return lambda into: plan.to_weight(a, b, into)


@pytest.mark.parametrize(("operation", "name", "case", "dtype"), walk([*MIDDLE, *ODD], (FLOAT32, FLOAT64)))
def test_gradients_into_place(operation, name, case, dtype, rng):
    """Overwriting and adding, in one piece of memory and in one with gaps; nothing beside it is written."""
    arrays = case.make(rng, dtype)
    gradient = gradient_into(operation, implementation(operation, name), case, arrays)
    expected = in_float64(case, arrays)["weight" if operation == "conv2d" else "dw"]
    scale, shape = np.abs(expected).max(), expected.shape
    for gap in (1, 2):
        room = np.full((shape[0] + 2, *shape[1:-1], gap * shape[-1]), np.nan, dtype)
        place = room[1:-1, ..., ::gap]
        assert place.flags.c_contiguous == (gap == 1 or place.size == 1) or max(shape[1:]) == 1
        for times, add in ((1, False), (2, True), (3, True), (1, False)):
            gradient(Into(place, add))
            assert np.abs(place - times * expected).max() <= 4 * TOLERANCE[dtype] * scale, (gap, add)
        place[:] = np.nan
        assert np.isnan(room).all(), "wrote beside the place"


def check_python_threads(rng):
    """Whether kernels that run in several Python threads at once give what they give alone."""
    jobs = []
    for parameter in walk(MIDDLE):
        operation, name, case, dtype = parameter.values
        kernel, arrays = implementation(operation, name), case.make(rng, dtype)
        jobs.append((case, kernel, arrays, case.run(kernel, *arrays)))
    wrong = []

    def work(offset):
        for turn in range(3 * len(jobs)):
            case, kernel, arrays, expected = jobs[(turn + offset) % len(jobs)]
            found = case.run(kernel, *arrays)
            wrong.extend((case.label, key) for key in expected if not difference(found[key], expected[key]) <= 1e-6)

    with threads.held_to(2):
        others = [threading.Thread(target=work, args=(offset,)) for offset in (0, 1, 1, 4)]
        for other in others:
            other.start()
        for other in others:
            other.join(200)
    assert not any(other.is_alive() for other in others)
    assert not wrong


def test_python_threads_at_the_same_time(rng):
    """Buffers belong to the calling thread: what one computes does not show in what another does."""
    check_python_threads(rng)


def test_shared_buffers_are_seen(rng, monkeypatch):
    """The negative control of the test above: one set of buffers for all threads, as large as anybody needs."""
    memory, given = np.zeros(1 << 25), {}

    def shared(name, size, dtype):
        start = given.setdefault(name, len(given) << 20)
        return memory[start : start + (1 << 20)].view(dtype)[:size]

    for module in ("blocked", "dense_layer", "direct.plan", "few_channels.plan", "winograd.plan"):
        monkeypatch.setattr(f"gan_np.kernels.cpu.{module}.buffer", shared)
    with pytest.raises(AssertionError):
        check_python_threads(rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_packed_panel_ends_where_the_next_begins(dtype, rng):
    """Threads pack panels in any order, so none may write into another, whatever its depth."""
    depth, panel = 50, vectors.COLUMNS * vectors.lanes(np.dtype(dtype))
    w = rng.standard_normal((2 * panel, depth)).astype(dtype)
    packed = np.full(2 * depth * panel + vectors.SQUARE * panel, 7, dtype)
    pool.run(blocked.pack_item, np.dtype(dtype), 1, (read_only(w.reshape(-1)), (depth, 2 * panel), True, packed))
    np.testing.assert_array_equal(packed[: depth * panel].reshape(depth, panel), w[:panel].T)
    assert (packed[depth * panel :] == 7).all()
