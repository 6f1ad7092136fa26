"""Horizontal flips."""

import numpy as np
import pytest

from gan_np.checks import ShapeError
from gan_np.data import flip_horizontally


def batch_of(count, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, (count, 5, 6, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_picture_is_itself_or_its_mirror_image(rng, dtype):
    batch = batch_of(200, dtype)
    before = batch.copy()
    flipped = flip_horizontally(batch, rng)
    np.testing.assert_array_equal(batch, before)
    assert flipped.dtype == dtype
    assert not np.shares_memory(flipped, batch)
    mirrored = np.array([not np.array_equal(new, old) for new, old in zip(flipped, batch, strict=True)])
    np.testing.assert_array_equal(flipped[mirrored], batch[mirrored][:, :, ::-1])
    assert 60 < mirrored.sum() < 140


def test_never_and_always(rng):
    batch = batch_of(10)
    np.testing.assert_array_equal(flip_horizontally(batch, rng, 0.0), batch)
    np.testing.assert_array_equal(flip_horizontally(batch, rng, 1.0), batch[:, :, ::-1])


def test_same_generator_same_flips_and_the_same_numbers_drawn():
    batch = batch_of(30)
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    np.testing.assert_array_equal(flip_horizontally(batch, one), flip_horizontally(batch, two, 0.5))
    flip_horizontally(batch, one, 0.0)
    flip_horizontally(batch, two, 1.0)
    assert one.random() == two.random()


def test_views_and_read_only_batches(rng):
    batch = batch_of(20)[::-2, ::-1]
    batch.flags.writeable = False
    flipped = flip_horizontally(batch, rng, 1.0)
    np.testing.assert_array_equal(flipped, batch[:, :, ::-1])


def test_wrong_arguments(rng):
    with pytest.raises(ShapeError, match="batch"):
        flip_horizontally(np.zeros((4, 8, 8), np.uint8), rng)
    with pytest.raises(TypeError, match="rng"):
        flip_horizontally(batch_of(2), 3)
    with pytest.raises(ValueError, match="probability"):
        flip_horizontally(batch_of(2), rng, 1.5)
    with pytest.raises(TypeError, match="array"):
        flip_horizontally([[1]], rng)
