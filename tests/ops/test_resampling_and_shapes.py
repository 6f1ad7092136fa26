"""Pooling, enlargement, reshape, concatenation, sums."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import ops


def test_average_pool(rng):
    x = rng.standard_normal((2, 6, 4, 3))
    y, pullback = ops.average_pool(x, (3, 2))
    for i, j in np.ndindex(2, 2):
        np.testing.assert_allclose(y[:, i, j], x[:, 3 * i : 3 * i + 3, 2 * j : 2 * j + 2].mean(axis=(1, 2)), rtol=1e-12)
    (dx,) = pullback(np.ones_like(y))
    np.testing.assert_allclose(dx, 1 / 6, rtol=1e-15)


def test_upsample_nearest(rng):
    x = rng.standard_normal((2, 2, 3, 4))
    y, pullback = ops.upsample_nearest(x, (2, 3))
    np.testing.assert_array_equal(y, x.repeat(2, axis=1).repeat(3, axis=2))
    np.testing.assert_array_equal(pullback(np.ones_like(y))[0], 6)


def test_upsample_bilinear_by_hand():
    """Between pixel centres, edges clamped: 0, 4 becomes 0, 1, 3, 4."""
    x = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(ops.upsample_bilinear(x, (1, 2))[0].ravel(), [0, 1, 3, 4])
    np.testing.assert_allclose(ops.upsample_bilinear(x.reshape(1, 2, 1, 1), (2, 1))[0].ravel(), [0, 1, 3, 4])
    np.testing.assert_allclose(ops.upsample_bilinear(x, (1, 3))[0].ravel(), [0, 0, 4 / 3, 8 / 3, 4, 4])


@pytest.mark.parametrize("operation", [ops.upsample_nearest, ops.upsample_bilinear])
def test_enlarging_a_constant_gives_a_constant(operation):
    np.testing.assert_allclose(operation(np.full((1, 2, 3, 1), 2.5), 3)[0], 2.5, rtol=1e-14)


@pytest.mark.parametrize("operation", [ops.upsample_nearest, ops.upsample_bilinear])
def test_the_pullback_is_the_adjoint(operation, rng):
    x = rng.standard_normal((2, 3, 4, 2))
    y, pullback = operation(x, (2, 3))
    dy = rng.standard_normal(y.shape)
    np.testing.assert_allclose((pullback(dy)[0] * x).sum(), (dy * y).sum(), rtol=1e-12)


def test_pooling_undoes_nearest_enlargement(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    np.testing.assert_allclose(ops.average_pool(ops.upsample_nearest(x, 2)[0], 2)[0], x, rtol=1e-14)


def test_resampling_arguments():
    with pytest.raises(gn.ShapeError, match=r"image of \(5, 4\) does not divide into windows of \(2, 2\)"):
        ops.average_pool(np.ones((1, 5, 4, 1)), 2)
    with pytest.raises(gn.ShapeError, match="x must be"):
        ops.average_pool(np.ones((4, 4)), 2)
    for operation in (ops.upsample_nearest, ops.upsample_bilinear):
        with pytest.raises(gn.ShapeError, match="x must be"):
            operation(np.ones((4, 4)), 2)
        with pytest.raises(ValueError, match="factor: expected an integer of at least 1, got 0"):
            operation(np.ones((1, 4, 4, 1)), 0)


def test_reshape(rng):
    x = rng.standard_normal((3, 2, 4))
    y, pullback = ops.reshape(x, (4, 2))
    np.testing.assert_array_equal(y, x.reshape(3, 4, 2))
    dy = rng.standard_normal(y.shape)
    np.testing.assert_array_equal(pullback(dy)[0], dy.reshape(3, 2, 4))
    with pytest.raises(gn.ShapeError, match=r"an example of shape \(2, 4\) cannot become \(3, 3\)"):
        ops.reshape(x, (3, 3))


def test_concatenate(rng):
    parts = [rng.standard_normal((2, 3, channels)) for channels in (1, 4, 2)]
    y, pullback = ops.concatenate(*parts)
    np.testing.assert_array_equal(y, np.concatenate(parts, axis=-1))
    dy = rng.standard_normal(y.shape)
    np.testing.assert_array_equal(np.concatenate(pullback(dy), axis=-1), dy)
    gradients = pullback(dy, (False, True, False))
    assert [gradient is None for gradient in gradients] == [True, False, True]
    with pytest.raises(gn.ShapeError, match="all axes but the last must agree"):
        ops.concatenate(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(gn.ShapeError, match="concatenate"):
        ops.concatenate()


def test_add(rng):
    parts = rng.standard_normal((3, 2, 4))
    y, pullback = ops.add(*parts)
    np.testing.assert_allclose(y, parts.sum(axis=0), rtol=1e-14)
    dy = rng.standard_normal(y.shape)
    for gradient in pullback(dy):
        np.testing.assert_array_equal(gradient, dy)
    with pytest.raises(gn.ShapeError, match=r"add: shapes must agree, got \[\(2, 4\), \(2, 3\)\]"):
        ops.add(np.ones((2, 4)), np.ones((2, 3)))
