"""CUDA kernels at sizes that the small cases of the table do not reach: several partial sums, chunks of 16 bytes.

Products have `test_cuda_products.py`.
"""

import functools
import math

import numpy as np
import pytest
from comparing import BF16_WARPS, FLOAT32, WARPS, compare
from on_host import threads_in_order

from gan_np import kernels
from gan_np.arrays import to_device, to_host
from gan_np.kernels import Activation, Into
from gan_np.kernels.cases import blur_case, conv2d_case, convolution_geometry, pool_case
from gan_np.kernels.cuda import grids


@pytest.fixture(autouse=True)
def shuffled(host_gpu):
    with threads_in_order("shuffled"):
        yield


def batch_norm_inputs(rows, channels, offset):
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((rows, channels)) + offset).astype(np.float32)
    return x, rng.random(channels).astype(np.float32), *(rng.standard_normal(n).astype(np.float32) for n in (channels,))


def divided(monkeypatch):
    """Sums down columns take two stages however few rows there are, and a thread of the second adds several."""
    monkeypatch.setattr(grids, "ALONE", 0)
    monkeypatch.setattr(grids, "COLUMN_THREADS", 64)
    monkeypatch.setattr(grids, "MERGE_THREADS", 16)


@pytest.mark.parametrize(("rows", "channels"), [(3000, 4), (500, 40), (300, 260), (3001, 1)])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("two_stages", [True, False])
def test_batch_norm_down_many_rows(rows, channels, offset, two_stages, monkeypatch):
    """Also where the mean is a thousand deviations: no digits are lost."""
    if two_stages:
        divided(monkeypatch)
    assert (grids.sums_down(rows, channels, 1 if channels == 1 else 4, 1, 4).partials > 1) == two_stages
    x, scale, bias = batch_norm_inputs(rows, channels, offset)
    dy = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32)
    activation = Activation("tanh" if offset else "leaky_relu", 0.2)  # beside 1,000, rounding turns signs near 0
    results = []
    for name, dtype, move in (
        ("reference", np.float64, np.asarray),
        ("cuda", np.float32, lambda a: to_device(a, "cuda")),
    ):
        kernel = kernels.entry("batch_norm", name).implementation
        given = [move(array.astype(dtype)) for array in (x, scale, bias, dy)]
        y, mean, variance, inverse = kernel.forward(*given[:3], 1e-5, activation)
        backward = functools.partial(kernel.backward, given[3], given[0], y, *given[1:3], mean, inverse, activation)
        gradients = backward()
        twice = [Into(array.copy(), True) for array in gradients[1:]]
        dx, _, _ = backward(True, *twice)
        np.testing.assert_array_equal(to_host(dx), to_host(gradients[0]), "made from what was added up in place")
        for place, gradient in zip(twice, gradients[1:], strict=True):
            np.testing.assert_array_equal(to_host(place.array), 2 * to_host(gradient))
        results.append([to_host(array) for array in (y, mean, variance, inverse, *gradients)])
    for right, left in zip(*results, strict=True):
        # x itself has only so many digits beside its mean.
        np.testing.assert_allclose(left, right, rtol=0, atol=np.abs(right).max() * (2e-5 + 2e-7 * offset))


def test_sums_of_large_matrices_are_shared_by_blocks_that_take_as_many_turns():
    assert grids.sums_down(131072, 64, 4, 1, 4) == ((1, 128), (16, 64))
    assert grids.sums_down(32768, 128, 4, 1, 4) == ((1, 128), (32, 32))
    assert grids.sums_down(8192, 256, 4, 3, 4) == ((2, 64), (32, 32))
    assert grids.sums_down(2048, 512, 4, 3, 4) == ((64, 1), (2, 512))
    assert grids.rows_over(25088, 64, 4) == ((1, 784), (16, 16))


@pytest.mark.parametrize("shape", [(1100, 4), (33, 64), (2, 3, 5, 8), (1500, 3), (602, 6), (1501, 3)])
@pytest.mark.parametrize("kind", ["linear", "leaky_relu", "sigmoid"])
@pytest.mark.parametrize("two_stages", [True, False])
def test_bias_and_activation_in_chunks(shape, kind, two_stages, monkeypatch):
    """Rows of three or six channels are taken four or two at a time."""
    if two_stages:
        divided(monkeypatch)
    case = kernels.case_of(
        kernels.RecordedProblem("bias_activation", kernels.Problem("cuda", FLOAT32, shape), (Activation(kind, 0.2),))
    )
    compare(case)


@pytest.mark.parametrize("shape", [(5, 220, 4), (3, 11, 64), (2, 300, 3), (4, 301, 3), (70, 8)])
@pytest.mark.parametrize("two_stages", [True, False])
def test_sums_with_a_factor_for_each_example(shape, two_stages, monkeypatch):
    """In chunks of 16 bytes, of rows of three channels taken four at a time, and where an example's are not so many."""
    if two_stages:
        divided(monkeypatch)
    for scaled in (True, False):
        compare(
            kernels.case_of(kernels.RecordedProblem("scaled_sum", kernels.Problem("cuda", FLOAT32, shape), (scaled,)))
        )


GROUPED = {
    "chunks, one place left over": convolution_geometry(2, (5, 9, 32), 32, (3, 3), (1, 1), (1, 1), 2),
    "chunks, strides": convolution_geometry(3, (9, 11, 24), 48, (3, 2), (2, 3), (0, 1), 3),
    "no chunks": convolution_geometry(2, (5, 6, 8), 12, (3, 3), (1, 2), (2, 2), 2),
    "many rows": convolution_geometry(9, (16, 3, 8), 8, (3, 1), (1, 1), (1, 0), 2),
    "padding wider than the image": convolution_geometry(1, (2, 2, 8), 8, (4, 5), (1, 1), (3, 4), 2),
}


@pytest.mark.parametrize("label", list(GROUPED))
@pytest.mark.parametrize("name", ["cuda", WARPS, BF16_WARPS])
def test_convolution_in_groups(label, name):
    """Sixteen bytes of a group's channels at a time, or one channel; sums of dw over rows in several parts."""
    compare(conv2d_case(label, GROUPED[label]), name)


def test_what_lies_beyond_the_edge_is_not_read():
    """A weight that is infinite meets the image alone, no zero beside it."""
    geometry = GROUPED["chunks, one place left over"]
    weight, large = np.ones(geometry.weight_shape, np.float32), np.ones(geometry.large_shape, np.float32)
    weight[0] = np.inf
    plan = kernels.entry("conv2d", "cuda").implementation.plan(geometry)
    found = to_host(plan.to_small(to_device(weight, "cuda"), to_device(large, "cuda")))
    assert np.isfinite(found[:, 0]).all()  # the row whose first tap lies above the image
    assert np.isposinf(found[:, 1:]).all()


@pytest.mark.parametrize("shape", [(2, 3, 5, 8), (1, 4, 3, 16)])
@pytest.mark.parametrize("operation", ["average_pool", "upsample_nearest", "upsample_bilinear"])
def test_resampling_in_chunks(operation, shape):
    compare(
        kernels.case_of(kernels.RecordedProblem(operation, kernels.Problem("cuda", FLOAT32, shape), ((1, 2),)))
        if operation != "average_pool"
        else pool_case("chunks", shape, (3, 2))
    )


def test_the_low_pass_in_chunks():
    compare(blur_case("chunks", (2, 3, 5, 8), (7, 10)))


@pytest.mark.parametrize("columns", [1000, 5000, 1003])
def test_layer_norm_of_long_rows(columns):
    compare(kernels.case_of(kernels.RecordedProblem("layer_norm", kernels.Problem("cuda", FLOAT32, (3, columns)))))


def test_misaligned_views():
    """Views into a vector at an odd place, as weights are: no chunk of 16 bytes is aligned."""
    x, weight = np.random.default_rng(3).standard_normal((2, 64 * 64)).astype(np.float32)
    memory = to_device(np.concatenate([[0], x, weight]).astype(np.float32), "cuda")
    views = memory[1:4097].reshape(64, 64), memory[4097:].reshape(64, 64)
    kernel = kernels.entry("dense", "cuda").implementation
    expected = x.reshape(64, 64).astype(np.float64) @ weight.reshape(64, 64)
    np.testing.assert_allclose(to_host(kernel.forward(*views)), expected, atol=1e-4)


def test_not_a_number_stays():
    """An error upstream is not hidden by an activation or a label."""
    poisoned = to_device(np.array([[np.nan, 1.0, -1.0]], np.float32), "cuda")
    for kind in ("relu", "leaky_relu", "tanh", "sigmoid"):
        y = kernels.entry("bias_activation", "cuda").implementation.forward(poisoned, None, Activation(kind, 0.2))
        assert np.isnan(to_host(y)).tolist() == [[True, False, False]]
    logits = to_device(np.zeros((3, 4), np.float32), "cuda")
    labels = to_device(np.array([1, 4, -1]), "cuda")
    loss, derivative = kernels.entry("softmax_cross_entropy", "cuda").implementation.forward(logits, labels)
    assert np.isnan(to_host(loss)).tolist() == [False, True, True]
    assert np.isnan(to_host(derivative)).all(axis=1).tolist() == [False, True, True]
    assert math.isclose(to_host(loss)[0], math.log(4), rel_tol=1e-6)


def test_noise_of_a_key_in_device_memory():
    """As from an argument, and the same bits as on the host; another key gives other numbers."""
    key, drawn = 0xFEDCBA9876543210, []
    reference = np.empty(41)
    kernels.entry("normal", "reference").implementation.forward(key, reference)
    for given in (key, to_device(np.array(key, np.uint64), "cuda"), key + 1):
        out = to_device(np.zeros(41), "cuda")
        kernels.entry("normal", "cuda").implementation.forward(given, out)
        drawn.append(to_host(out))
    np.testing.assert_allclose(drawn[0], reference, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(drawn[1], drawn[0])
    assert (drawn[2] != drawn[0]).all()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1 - 1e-12])
def test_a_mask_of_a_key_in_device_memory(rate):
    """The same bits as on the host, exactly; nothing dropped at 0, next to nothing kept just below 1."""
    key, x = 0xFEDCBA9876543210, np.ones(4099, np.float32)
    y, kept = kernels.entry("dropout", "reference").implementation.forward(x, rate, key)
    on_device = kernels.entry("dropout", "cuda").implementation
    for given in (key, to_device(np.array([key], np.uint64), "cuda")):
        found, mask = on_device.forward(to_device(x, "cuda"), rate, given)
        np.testing.assert_array_equal(to_host(mask), kept)
        np.testing.assert_array_equal(to_host(found), y)
    assert abs(kept.mean() - (1 - rate)) < 0.03
    assert rate > 0 or kept.all()


def test_scalars_in_device_memory():
    """What a captured graph reads anew: the same numbers as from arguments."""
    rng = np.random.default_rng(4)
    vectors = [np.abs(rng.standard_normal(50)).astype(np.float32) for _ in range(4)]
    results = []
    for count, rate in ((7, 0.01), (to_device(np.array([7]), "cuda"), to_device(np.array([0.01]), "cuda"))):
        theta, gradient, first, second = (to_device(vector, "cuda") for vector in vectors)
        kernel = kernels.entry("adam", "cuda").implementation
        kernel.step(theta, gradient, first, second, count, rate, 0.5, 0.999, 1e-8)
        results.append(to_host(theta))
    np.testing.assert_array_equal(*results)
    assert (results[0] != vectors[0]).all()
