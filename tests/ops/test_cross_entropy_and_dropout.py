"""Softmax cross-entropy and dropout."""

import numpy as np
import pytest
from scipy import special, stats

import gan_np as gn
from gan_np import ops


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_values(dtype, rng):
    logits = (3 * rng.standard_normal((6, 5))).astype(dtype)
    labels = np.array([0, 4, 2, 2, 1, 3])
    loss, pullback = ops.softmax_cross_entropy(logits, labels)
    wide = logits.astype(np.float64)
    np.testing.assert_allclose(loss, -special.log_softmax(wide, axis=1)[np.arange(6), labels], rtol=1e-5)
    dy = rng.standard_normal(6).astype(dtype)
    expected = (special.softmax(wide, axis=1) - np.eye(5)[labels]) * dy[:, None]
    np.testing.assert_allclose(pullback(dy)[0], expected, rtol=1e-5, atol=1e-7)


def test_cross_entropy_does_not_change_under_a_shift(rng):
    logits, labels = rng.standard_normal((4, 3)), np.array([0, 1, 2, 0])
    shifted, _ = ops.softmax_cross_entropy(logits + 500, labels)
    np.testing.assert_allclose(shifted, ops.softmax_cross_entropy(logits, labels)[0], rtol=1e-10)


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([0.0, 1.0, 2.0]), np.array([[0], [1], [2]])])
def test_labels_are_one_integer_a_row(labels):
    with pytest.raises(gn.ShapeError, match="labels must be 3 integers"):
        ops.softmax_cross_entropy(np.ones((3, 4)), labels)


@pytest.mark.parametrize("wrong", [-1, 4])
def test_labels_are_classes(wrong):
    with pytest.raises(ValueError, match=r"labels must lie in 0…3"):
        ops.softmax_cross_entropy(np.ones((3, 4)), np.array([0, 1, wrong]))


def test_dropout_keeps_the_mean_and_the_rate(rng):
    x = np.ones((400, 100))
    y, pullback = ops.dropout(x, 0.3, rng)
    dropped = (y == 0).mean()
    assert abs(dropped - 0.3) < 5 * np.sqrt(0.3 * 0.7 / x.size)
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-12)
    np.testing.assert_array_equal(pullback(x)[0], y)


def test_dropout_is_independent_from_entry_to_entry(rng):
    mask = ops.dropout(np.ones((200, 200)), 0.5, rng)[0] != 0
    for axis in (0, 1):
        together = (mask & np.roll(mask, 1, axis=axis)).sum()
        assert stats.binomtest(int(together), mask.size, 0.25).pvalue > 1e-4


def test_dropout_draws_from_the_generator_it_is_given():
    x = np.ones((20, 20))
    masks = [ops.dropout(x, 0.5, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()
    generator = np.random.default_rng(1)
    first, second = (ops.dropout(x, 0.5, generator)[0] for _ in range(2))
    assert (first != second).any()


def test_the_same_mask_in_both_dtypes():
    wide, narrow = (ops.dropout(np.ones((9, 9), t), 0.5, np.random.default_rng(3))[0] for t in (np.float64, np.float32))
    np.testing.assert_array_equal(wide, narrow)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_rates(rate, rng):
    with pytest.raises(ValueError, match="rate: expected"):
        ops.dropout(np.ones(3), rate, rng)
