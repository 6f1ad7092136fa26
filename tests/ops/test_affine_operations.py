"""Dense and both convolutions: values, and errors that name the arrays."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops


def test_dense(rng):
    x, w, b = rng.standard_normal((3, 4)), rng.standard_normal((4, 2)), rng.standard_normal(2)
    y, pullback = ops.dense(x, w, b)
    np.testing.assert_allclose(y, x @ w + b, rtol=1e-14)
    dy = rng.standard_normal(y.shape)
    for found, expected in zip(pullback(dy), (dy @ w.T, x.T @ dy, dy.sum(axis=0)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_transposed_convolution_is_the_adjoint(rng):
    """⟨conv(a), b⟩ = ⟨a, transposed(b)⟩ with the same weights."""
    weight, a = rng.standard_normal((4, 3, 2, 5)), rng.standard_normal((2, 9, 8, 2))
    options = {"stride": (2, 3), "padding": (1, 0)}
    y, _ = ops.conv2d(a, weight, **options)
    b = rng.standard_normal(y.shape)
    back, _ = ops.conv_transpose2d(b, weight, output_padding=(1, 2), **options)
    assert back.shape == a.shape
    np.testing.assert_allclose((y * b).sum(), (a * back).sum(), rtol=1e-12)


def test_transposed_convolution_is_the_input_gradient(rng):
    weight, a = rng.standard_normal((4, 4, 2, 3)), rng.standard_normal((2, 8, 8, 2))
    y, pullback = ops.conv2d(a, weight, stride=2, padding=1)
    dy = rng.standard_normal(y.shape)
    up, _ = ops.conv_transpose2d(dy, weight, stride=2, padding=1)
    np.testing.assert_allclose(pullback(dy)[0], up, rtol=1e-12, atol=1e-13)


def test_one_by_one_convolution_is_dense_at_every_pixel(rng):
    x, w, b = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((1, 1, 5, 6)), rng.standard_normal(6)
    np.testing.assert_allclose(ops.conv2d(x, w, b)[0], x @ w[0, 0] + b, rtol=1e-12, atol=1e-14)


def test_kernel_of_the_pictures_size_is_dense(rng):
    x, w = rng.standard_normal((3, 4, 5, 2)), rng.standard_normal((4, 5, 2, 7))
    np.testing.assert_allclose(ops.conv2d(x, w)[0].reshape(3, 7), x.reshape(3, -1) @ w.reshape(-1, 7), rtol=1e-12)


def test_a_cache_is_asked_with_the_same_key_for_the_same_geometry(rng):
    keys = []

    def cache(key, compute):
        keys.append(key)
        return compute()

    x, w = rng.standard_normal((2, 6, 6, 1)), rng.standard_normal((3, 3, 1, 2))
    for _ in range(2):
        ops.conv2d(x, w, cache=cache)
    ops.conv2d(x, w, stride=2, cache=cache)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("x", "w", "b", "message"),
    [
        ((3, 4), (5, 2), None, r"dense: x has 4 features, weight \(5, 2\) expects 5"),
        ((3, 4, 1), (4, 2), None, r"dense: x must be \(N, in_features\), got shape \(3, 4, 1\)"),
        ((3, 4), (4,), None, r"dense: weight must be \(in_features, out_features\)"),
        ((3, 4), (4, 2), (3,), r"dense: bias must have shape \(2,\), got \(3,\)"),
    ],
)
def test_dense_shapes(x, w, b, message):
    with pytest.raises(gn.ShapeError, match=message):
        ops.dense(np.ones(x), np.ones(w), None if b is None else np.ones(b))


@pytest.mark.parametrize(
    ("operation", "x", "w", "b", "message"),
    [
        ("conv2d", (2, 5, 5, 3), (3, 3, 4, 2), None, r"conv2d: x has 3 channels, weight \(3, 3, 4, 2\) expects 4"),
        ("conv2d", (2, 5, 5), (3, 3, 1, 2), None, r"x must be \(N, height, width, in_channels\)"),
        ("conv2d", (2, 5, 5, 1), (3, 3, 1), None, "weight must be"),
        ("conv2d", (2, 5, 5, 1), (3, 3, 1, 2), (1,), r"bias must have shape \(2,\)"),
        ("conv2d", (2, 5, 2, 1), (3, 3, 1, 2), None, r"kernel \(3, 3\) is larger than the image \(5, 2\)"),
        ("conv_transpose2d", (2, 5, 5, 3), (3, 3, 3, 4), None, "x has 3 channels, .* expects 4"),
        ("conv_transpose2d", (2, 5, 5), (3, 3, 1, 2), None, "x must be"),
        ("conv_transpose2d", (2, 5, 5, 2), (3, 3, 2), None, "weight must be"),
        ("conv_transpose2d", (2, 5, 5, 2), (3, 3, 4, 2), (2,), r"bias must have shape \(4,\), got \(2,\)"),
    ],
)
def test_convolution_shapes(operation, x, w, b, message):
    with pytest.raises(gn.ShapeError, match=message):
        getattr(ops, operation)(np.ones(x), np.ones(w), None if b is None else np.ones(b))


def test_a_transposed_convolution_with_nothing_left():
    with pytest.raises(gn.ShapeError, match="would have size"):
        ops.conv_transpose2d(np.ones((1, 1, 1, 1)), np.ones((2, 2, 1, 1)), padding=1)


@pytest.mark.parametrize("extra", [2, (0, 2), (3, 0)])
def test_output_padding_stays_below_the_stride(extra):
    with pytest.raises(ValueError, match=r"output_padding: expected less than stride \(2, 2\)"):
        ops.conv_transpose2d(np.ones((1, 2, 2, 1)), np.ones((3, 3, 1, 1)), stride=2, output_padding=extra)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"stride": 0}, ValueError, "stride: expected an integer of at least 1, got 0"),
        ({"stride": (1, 2, 3)}, ValueError, r"stride: expected an integer or \(vertical, horizontal\)"),
        ({"stride": 1.5}, TypeError, r"stride: expected an integer, got 1\.5"),
        ({"padding": -1}, ValueError, "padding: expected an integer of at least 0, got -1"),
        ({"padding": True}, TypeError, "padding: expected an integer, got True"),
    ],
)
def test_convolution_arguments(options, error, message):
    with pytest.raises(error, match=message):
        ops.conv2d(np.ones((1, 4, 4, 1)), np.ones((2, 2, 1, 1)), **options)
