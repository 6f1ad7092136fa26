"""Tables that cannot be standardised as meant: constant columns are said, one row is refused."""

import warnings

import numpy as np
import pytest

import gan_np as gn
from gan_np.data.encoding import VectorEncoding

ROWS = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


def test_constant_columns_are_said_and_only_shifted():
    rows = ROWS.copy()
    rows[:, 1] = 7.0
    with pytest.warns(
        UserWarning, match="images: column 1 of 3 never changes: its deviation is 0, so it is only shifted"
    ):
        encoding = VectorEncoding(3).learned(rows)
    assert (encoding.encode(rows, np.float32)[:, 1] == 0).all()
    with pytest.warns(UserWarning, match="columns 'a', 'b', 'c' of 3 never changes"):
        VectorEncoding(3, columns=("a", "b", "c")).learned(np.ones((4, 3)))


def test_columns_that_change_are_not_spoken_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VectorEncoding(3).learned(ROWS)
        VectorEncoding(3).learned(np.ones((4, 3)), fit=False)
        known = VectorEncoding(3, (0.0,) * 3, (1.0,) * 3)
        known.learned(np.ones((4, 3)))


def test_one_row_is_refused():
    with pytest.raises(ValueError, match=r"images: one row has no mean and deviation .* expected at least 2 rows"):
        gn.train(gn.models.mlp((3,), 2, hidden=4, maxout_units=4), ROWS[:1], steps=1, batch_size=2, progress=False)


def test_load_and_open_test_take_what_open_takes():
    images = np.zeros((2, 8, 8, 1), np.uint8)
    assert gn.data.load(images, image_size=4, channels=3).shape == (2, 4, 4, 3)
    with pytest.raises(TypeError, match=r"load\(\) got an unexpected keyword argument 'sise'"):
        gn.data.load(images, sise=4)
    with pytest.raises(TypeError, match=r"open_test\(\) got an unexpected keyword argument 'split'"):
        gn.data.open_test(images, split="test")
