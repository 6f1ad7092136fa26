"""Backward of batch normalisation finds the sign of z from x, with the bits of forward, and leaves y alone."""

import numpy as np
import pytest
from comparing import FLOAT32, FLOAT64
from near_zero import COLUMNS, SLOPE, batch, gradients, gradients_from_y
from on_host import threads_in_order
from test_cuda_shapes import divided

from gan_np import kernels
from gan_np.arrays import to_device, to_host
from gan_np.kernels import Activation
from gan_np.kernels.cuda import normalisation

given_signs = pytest.mark.parametrize("kind", ["relu", "leaky_relu"])
given_dtypes = pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
given_affine = pytest.mark.parametrize(
    ("scaled", "shifted"), [(True, True), (True, False), (False, True), (False, False)]
)


@pytest.fixture(autouse=True)
def shuffled(host_gpu):
    with threads_in_order("shuffled"):
        yield


@pytest.fixture(params=["one launch", "two stages"])
def launches(request, monkeypatch):
    """Both passes in one kernel, or each in one of its own."""
    if request.param == "two stages":
        divided(monkeypatch)


def same(found, expected):
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("kind", ["linear", "relu", "leaky_relu"])
@given_dtypes
def test_y_is_not_read(kind, dtype, launches):
    given = batch(kind, dtype, True, True)
    poisoned = to_device(np.full(given.y.shape, np.nan, dtype), "cuda")
    found = gradients(given._replace(y=poisoned))
    same(found, gradients(given))
    assert all(np.isfinite(array).all() for array in found)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_y_is_read_where_its_value_counts(kind, launches):
    given = batch(kind, FLOAT32, True, True)
    poisoned = to_device(np.full(given.y.shape, np.nan, np.float32), "cuda")
    assert all(np.isnan(array).all() for array in gradients(given._replace(y=poisoned)))


@given_signs
@given_dtypes
@given_affine
def test_the_bits_are_those_of_reading_y(kind, dtype, scaled, shifted, launches, monkeypatch):
    given = batch(kind, dtype, scaled, shifted)
    same(gradients(given), gradients_from_y(given, monkeypatch))


@given_signs
@given_dtypes
@given_affine
def test_the_sign_is_that_of_forward(kind, dtype, scaled, shifted):
    """With dy = 1, dβ counts those above 0: exactly, in quarters."""
    given = batch(kind, dtype, scaled, shifted)
    dy = to_device(np.ones(given.y.shape, dtype), "cuda")
    _, _, dbias = gradients(given._replace(dy=dy))
    above = to_host(given.y) > 0
    np.testing.assert_array_equal(dbias, above.sum(axis=0) + given.activation.slope * (~above).sum(axis=0))


@given_dtypes
def test_there_is_something_to_be_seen(dtype):
    """Many z are exactly 0; many are so little that a sum rounded once more would have lost their sign."""
    given = batch("linear", dtype, True, True)
    z, x, scale, bias, mean, inverse = map(to_host, (given.y, *given[1:2], *given[3:7]))
    twice = (x - mean) * (inverse * scale) + bias
    assert (z == 0).sum() >= z.size // 2
    assert ((z != 0) & (abs(z) < np.finfo(dtype).eps)).sum() > z.size // 10
    assert ((z > 0) != (twice > 0)).sum() > z.size // 50


@given_signs
def test_0_infinity_and_what_is_no_number(kind, monkeypatch):
    """As from y: 0 counts as below, and what is no number stays."""
    x = np.random.default_rng(6).standard_normal((16, COLUMNS)).astype(np.float32)
    x[3, 1], x[4, 2], x[5, 3] = np.nan, np.inf, -np.inf
    given, dy = to_device(x, "cuda"), to_device(np.ones_like(x), "cuda")
    kernel, activation = kernels.entry("batch_norm", "cuda").implementation, Activation(kind, SLOPE)
    y, mean, _, inverse = kernel.forward(given, None, None, 1e-5, activation)
    found = kernel.backward(dy, given, y, None, None, mean, inverse, activation)
    monkeypatch.setattr(normalisation, "FROM_Y", (kind,))
    expected = kernel.backward(dy, given, y, None, None, mean, inverse, activation)
    same(map(to_host, found), map(to_host, expected))


@given_dtypes
@pytest.mark.parametrize("kind", ["linear", "leaky_relu", "tanh"])
@pytest.mark.parametrize(("rows", "channels"), [(6, 5), (300, 8)])
def test_in_halves_as_the_whole_batch_in_one(kind, dtype, rows, channels, launches):
    """Two processes that each have half of the batch, and put together what both halves of a pass found."""
    rng = np.random.default_rng(7)
    x, dy = (3.0 + rng.standard_normal((2, rows, channels))).astype(dtype)
    scale, bias = rng.standard_normal((2, channels)).astype(dtype)
    activation = Activation(kind, SLOPE)
    reference = kernels.entry("batch_norm", "reference").implementation
    wide = [array.astype(np.float64) for array in (x, scale, bias, dy)]
    y, mean, variance, inverse = reference.forward(*wide[:3], 1e-5, activation)
    dx, dscale, dbias = reference.backward(wide[3], wide[0], y, *wide[1:3], mean, inverse, activation)

    kernel = kernels.entry("batch_norm", "cuda").implementation
    parts = [to_device(part, "cuda") for part in np.split(x, 2)]
    upstream = [to_device(part, "cuda") for part in np.split(dy, 2)]
    gamma, beta = to_device(scale, "cuda"), to_device(bias, "cuda")
    found = np.stack([to_host(kernel.statistics(part)) for part in parts])
    assert found.dtype == np.float64
    exact = found[:, 0].mean(axis=0)
    spread = (found[:, 1] + (found[:, 0] - exact) ** 2).mean(axis=0)
    centre, factor = (to_device(a.astype(dtype), "cuda") for a in (exact, 1 / np.sqrt(spread + 1e-5)))
    outputs = [kernel.normalise(part, gamma, beta, centre, factor, activation) for part in parts]
    given = list(zip(upstream, parts, outputs, strict=True))
    sums = sum(to_host(kernel.sums(*each, centre, factor, activation)) for each in given)
    means = to_device(sums / rows, "cuda")
    pulled = [kernel.pull(*each, gamma, centre, factor, activation, means) for each in given]

    tolerance = 2e-5 if dtype == FLOAT32 else 1e-12
    for left, right in (
        (exact, mean), (spread, variance), (np.concatenate(list(map(to_host, outputs))), y),
        (sums[0], dbias), (sums[1], dscale), (np.concatenate(list(map(to_host, pulled))), dx),
    ):  # fmt: skip
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance * np.abs(right).max())
