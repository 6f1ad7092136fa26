"""The compiled kernels that go over an array number by number, where the cases of the parity tests do not reach:
several chunks and threads, lines of every length, numbers far out, memory in place."""

import numpy as np
import pytest

from gan_np import kernels
from gan_np.kernels import Activation, Into, threads
from gan_np.kernels.cases import (
    ACTIVATIONS,
    _batch_norm_case,
    _layer_norm_case,
    _update_cases,
    bias_activation_case,
    cross_entropy_case,
    maxout_case,
    pool_case,
    softplus_case,
    upsample_case,
)

pytest.importorskip("numba")

OPERATIONS = [
    operation
    for operation in kernels.OPERATIONS
    if operation not in ("dense", "conv2d") and "numba" in [entry.name for entry in kernels.entries(operation)]
]
TOLERANCE = {np.float32: 3e-6, np.float64: 1e-13}
FLOATS = tuple(TOLERANCE)


def numba(operation):
    return kernels.entry(operation, "numba").implementation


def reference(operation):
    return kernels.entry(operation, "reference").implementation


def agree(found, expected, tolerance, label=""):
    """Within `tolerance` of the largest entry, or of 1 for a mean, which is a small sum of large numbers."""
    scale = max(float(np.abs(expected).max(initial=0)), 1.0 if label.endswith("mean") else 1e-30)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale, err_msg=label)


def agree_on(case, dtype, rng, tolerance=None):
    arrays = case.make(rng, np.dtype(dtype))
    wide = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
    found, expected = case.run(numba(case.operation), *arrays), case.run(reference(case.operation), *wide)
    for key, right in expected.items():
        agree(found[key], right, tolerance or TOLERANCE[dtype], f"{case.operation} {case.label}: {key}")


WITHOUT = {"report", "running", "logistic", "accuracy", "images"}
"""Operations that the processor has no need of, or that are a few numbers there."""


def test_there_is_a_compiled_kernel_for_every_operation():
    assert set(OPERATIONS) == set(kernels.OPERATIONS) - {"dense", "conv2d"} - WITHOUT


@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_number_of_threads_gives_the_same_bits(operation, rng):
    for case in kernels.list_cases(operation, size="dcgan"):
        arrays = case.make(rng, np.dtype(np.float32))
        with threads.held_to(1):
            alone = case.run(numba(operation), *arrays)
        for count in (2, 3):
            with threads.held_to(count):
                found = case.run(numba(operation), *arrays)
            for key, right in alone.items():
                np.testing.assert_array_equal(found[key], right, err_msg=f"{case.label}, {count} threads: {key}")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_training_sizes(operation, rng):
    """Many chunks, the last one shorter."""
    for case in kernels.list_cases(operation, size="dcgan"):
        agree_on(case, np.float32, rng, 1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("channels", [1, 3, 5, 17, 300])
@pytest.mark.parametrize("leading", [(11,), (1, 5, 7), (1, 13, 1), (3, 40, 67)])
def test_lines_of_every_length(dtype, channels, leading, rng):
    if channels == 300:
        leading = (1, *leading[1:]) if len(leading) > 1 else (3,)  # many chunks all the same, and never a single row
    shape = (*leading, channels)
    for activation in ACTIVATIONS:
        agree_on(bias_activation_case("", shape, activation), dtype, rng)
        affine = activation.kind != "relu"
        # Few rows have deviations near 0, where everything that is divided by them loses digits.
        few = 5 if np.prod(leading) < 100 else 1
        agree_on(_batch_norm_case("", shape, activation, affine), dtype, rng, few * TOLERANCE[dtype])
    rows = int(np.prod(leading))
    agree_on(_layer_norm_case("", (rows, channels + 6)), dtype, rng, 5 * TOLERANCE[dtype])
    agree_on(maxout_case("", rows, channels, 3), dtype, rng)
    agree_on(cross_entropy_case("", rows, channels), dtype, rng)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [1, 2047, 32_768, 32_769, 70_001])
def test_vectors_about_the_length_of_a_chunk(dtype, count, rng):
    for case in (softplus_case("", count), *_update_cases("", count)):
        agree_on(case, dtype, rng)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("channels", [1, 3, 5, 17])
def test_windows_and_factors_of_every_size(dtype, channels, rng):
    for n, height, width in ((1, 1, 1), (1, 4, 3), (5, 7, 9)):
        for factor in ((1, 1), (2, 3), (4, 1)):
            agree_on(pool_case("", (n, height, width, channels), factor), dtype, rng)
            for operation in ("upsample_nearest", "upsample_bilinear"):
                agree_on(upsample_case(operation, "", (n, height, width, channels), factor), dtype, rng)
    # chunks that begin inside a repeated row
    agree_on(upsample_case("upsample_nearest", "", (2, 40, 31, 17), (3, 1)), dtype, rng)


@pytest.mark.parametrize("outlier", [0.0, 1e7])
@pytest.mark.parametrize("centre", [0.0, 1e4, -1e6])
def test_batch_statistics_far_from_zero(centre, outlier, rng):
    """σ = 1 far from 0, the sum over many chunks, and a first value that is nothing like the others."""
    x = (rng.standard_normal((100_003, 3)) + centre).astype(np.float32)
    x[0] += np.float32(outlier)
    _, mean, variance, inverse = numba("batch_norm").forward(x, None, None, 1e-5, Activation())
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(variance, wide.var(axis=0), rtol=1e-5)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(wide.var(axis=0) + 1e-5), rtol=1e-5)


def test_a_channel_that_never_changes(rng):
    """Its variance is 0, and x̂ exactly 0."""
    x = rng.standard_normal((5000, 4)).astype(np.float32)
    x[:, 1] = 3.25
    y, _, variance, _ = numba("batch_norm").forward(x, None, None, 1e-5, Activation())
    assert variance[1] == 0
    np.testing.assert_array_equal(y[:, 1], 0)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_relative_error_of_saturating_activations(dtype, kind):
    """Relative to each value, not to the largest: small results keep their digits."""
    size = np.logspace(-30, 1.9, 20_001)
    z = np.concatenate([size, -size]).astype(dtype)
    wide = z.astype(np.longdouble)
    right = np.tanh(wide) if kind == "tanh" else np.where(wide > 0, 1, np.exp(wide)) / (1 + np.exp(-np.abs(wide)))
    y = numba("bias_activation").forward(z[None], None, Activation(kind))[0]
    np.testing.assert_allclose(y, right.astype(np.float64), rtol={np.float32: 3e-7, np.float64: 1e-15}[dtype])


@pytest.mark.parametrize("dtype", FLOATS)
def test_relative_error_of_softplus(dtype):
    s = np.concatenate([np.linspace(-80, 80, 20_001), np.logspace(-30, 0, 101)]).astype(dtype)
    wide = s.astype(np.longdouble)
    small = np.exp(-np.abs(wide))
    bound = {np.float32: 3e-7, np.float64: 1e-15}[dtype]
    right = np.maximum(wide, 0) + np.log1p(small)
    np.testing.assert_allclose(numba("softplus").forward(s), right.astype(np.float64), rtol=bound)
    derivative = np.where(wide >= 0, 1, small) / (1 + small)
    np.testing.assert_allclose(numba("softplus").derivative(s), derivative.astype(np.float64), rtol=bound)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation.kind)
def test_infinite_and_undefined_numbers(dtype, activation):
    """As the reference has them: NaN is not lost, −∞ is 0 after relu."""
    z = np.array([[np.nan, np.inf, -np.inf, 1.0]], dtype)
    expected = reference("bias_activation").forward(z, None, activation)
    np.testing.assert_array_equal(numba("bias_activation").forward(z, None, activation)[:, :3], expected[:, :3])


def test_nan_is_not_lost_in_losses_and_maxout():
    s = np.array([0.0, np.nan], np.float32)
    assert np.isnan(numba("softplus").forward(s)[1])
    assert np.isnan(numba("softplus").derivative(s)[1])
    logits = np.array([[1.0, np.nan, 3.0], [np.nan, 0.0, 0.0], [1.0, 2.0, 3.0]], np.float32)
    loss, derivative = numba("softmax_cross_entropy").forward(logits, np.array([0, 1, 2]))
    np.testing.assert_array_equal(np.isnan(loss), [True, True, False])
    assert np.isnan(derivative[:2]).all()
    x = np.array([[1, np.nan, 3, np.nan], [np.nan, 2, np.nan, 5], [4, 3, 2, np.nan]], np.float32)
    y, winner = numba("maxout").forward(x, 4)
    assert np.isnan(y).all()
    np.testing.assert_array_equal(winner, [[1], [0], [3]])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation.kind)
@pytest.mark.parametrize("with_bias", [False, True])
def test_in_place_or_not_the_same_bits(dtype, activation, with_bias, rng):
    z = rng.standard_normal((2, 70, 80, 3)).astype(dtype)
    bias = rng.standard_normal(3).astype(dtype) if with_bias else None
    kernel, before = numba("bias_activation"), z.copy()
    y = kernel.forward(z, bias, activation)
    np.testing.assert_array_equal(z, before)
    assert not np.shares_memory(y, z)
    for memory in (z.copy(), np.asfortranarray(z), np.repeat(z, 2, axis=0)[::-2][::-1]):
        found = kernel.forward(memory, bias, activation, in_place=True)
        assert np.shares_memory(found, memory)
        np.testing.assert_array_equal(memory, y)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation.kind)
def test_bias_gradient_into_memory_with_gaps(add, activation, rng):
    dy, y = rng.standard_normal((2, 50, 17))
    memory = np.arange(34.0)
    before = memory.copy()
    dz, dbias = numba("bias_activation").backward(dy, y, activation, True, Into(memory[::2], add))
    right = reference("bias_activation").backward(dy, y, activation, True)
    np.testing.assert_allclose(dz, right[0], rtol=1e-13)
    np.testing.assert_allclose(memory[::2], right[1] + (before[::2] if add else 0), rtol=1e-12)
    np.testing.assert_array_equal(memory[1::2], before[1::2])
    assert np.shares_memory(dbias, memory)


def test_a_batch_of_nothing():
    dy = np.empty((0, 3), np.float32)
    for activation in ACTIVATIONS:
        y = numba("bias_activation").forward(dy, np.ones(3, np.float32), activation)
        assert y.shape == (0, 3)
        dz, dbias = numba("bias_activation").backward(dy, y, activation, True)
        assert dz.shape == (0, 3)
        np.testing.assert_array_equal(dbias, 0)
    assert numba("softplus").forward(dy).shape == (0, 3)


@pytest.mark.parametrize("operation", ["sgd", "adam", "rmsprop", "average"])
def test_updates_reach_memory_with_gaps(operation, rng):
    """In place through strides; what lies between stays."""
    for case in _update_cases("", 1001):
        if case.operation != operation:
            continue
        arrays = case.make(rng, np.dtype(np.float64))
        plain, spread = [array.copy() for array in arrays], []
        for array in arrays:
            memory = np.full(2 * array.size, 7.0)
            memory[::2] = array
            spread.append(memory)
        for vectors in (plain, [memory[::2] for memory in spread]):
            _step(operation, vectors)
        for left, right in zip(spread, plain, strict=True):
            np.testing.assert_array_equal(left[::2], right)
            np.testing.assert_array_equal(left[1::2], 7.0)
        assert not np.array_equal(plain[0], arrays[0])


def _step(operation, vectors):
    kernel = numba(operation)
    if operation == "sgd":
        kernel.step(*vectors, 0.1, 0.9, True)
    elif operation == "adam":
        kernel.step(*vectors, 3, 1e-2, 0.5, 0.999, 1e-8)
    elif operation == "rmsprop":
        theta, gradient, velocity, second = vectors
        kernel.step(theta, gradient, second, velocity, 1e-2, 0.9, 1e-6, 0.5)
    else:
        kernel.step(*vectors, 0.99)


def test_numbers_of_any_kind_compile_nothing_new(rng):
    """Read-only arrays, integers and NumPy scalars where floats are expected: still one specialisation."""
    from gan_np.kernels.cpu import activation as module
    from gan_np.kernels.cpu import updates

    dtype = np.dtype(np.float32)
    z, bias = rng.standard_normal((4, 3)).astype(dtype), np.ones(3, dtype)
    bias.flags.writeable = False
    numba("bias_activation").forward(z, bias, Activation("leaky_relu", np.float32(0.25)))
    z.flags.writeable = False
    numba("bias_activation").forward(z, bias.copy(), Activation("leaky_relu", 0.25))
    vectors = [np.ones(5, dtype) for _ in range(4)]
    numba("adam").step(*vectors, np.int64(1), 1, 0, np.float32(0.5), 1e-8)
    assert len(module._forward[dtype].overloads) == 1
    assert len(updates._adam[dtype].overloads) == 1


def test_every_chunk_is_taken_once_by_any_number_of_threads(rng):
    """A chunk left out would keep its old numbers, one taken twice would be moved twice."""
    for count in range(1, 9):
        for size in (1, 32_768, 32_769, 300_001):
            average, values = np.zeros(size, np.float32), np.ones(size, np.float32)
            with threads.held_to(count):
                numba("average").step(average, values, 0.75)
            np.testing.assert_array_equal(average, 0.25)
