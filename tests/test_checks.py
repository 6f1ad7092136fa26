"""Checks of arguments: what they let through, and that each message says what was expected and what was given."""

import numpy as np
import pytest

from gan_np import checks
from gan_np.checks import ShapeError


def test_integer():
    assert checks.integer("n", np.int32(3), 1, 3) == 3
    assert type(checks.integer("n", np.int32(3))) is int
    for value in (1.0, "1", None, True, np.True_):
        with pytest.raises(TypeError, match="n: expected an integer, got"):
            checks.integer("n", value)
    with pytest.raises(ValueError, match=r"^n: expected an integer of at least 1, got 0$"):
        checks.integer("n", 0, 1)
    with pytest.raises(ValueError, match=r"^n: expected an integer of at least 1 and at most 3, got 4$"):
        checks.integer("n", 4, 1, 3)
    with pytest.raises(ValueError, match=r"^n: expected an integer of at most 3, got 4$"):
        checks.integer("n", 4, None, 3)


def test_number():
    assert checks.number("x", np.float32(0.5), 0.0, 1.0) == 0.5
    assert checks.number("x", 1, above=0.0) == 1.0
    for value in ("1", None, False, 1j):
        with pytest.raises(TypeError, match="x: expected a number, got"):
            checks.number("x", value)
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="x: expected a finite number, got"):
            checks.number("x", value)
    with pytest.raises(ValueError, match=r"^x: expected a number greater than 0\.0, got 0$"):
        checks.number("x", 0, above=0.0)
    with pytest.raises(ValueError, match=r"^x: expected a number of at least 0\.0 and at most 1\.0, got 2$"):
        checks.number("x", 2, 0.0, 1.0)


def test_choice():
    assert checks.choice("mode", "nearest", ("nearest", "bilinear")) == "nearest"
    with pytest.raises(ValueError, match=r"^mode: expected one of 'a', 'bilinear', got 'linear' \(did you mean"):
        checks.choice("mode", "linear", ("a", "bilinear"))
    with pytest.raises(ValueError, match=r"^mode: expected one of 'a', got 7$"):
        checks.choice("mode", 7, ("a",))


def test_pair():
    assert checks.pair("size", 3, 1) == (3, 3)
    assert checks.pair("size", (3, 4), 1) == (3, 4)
    assert checks.pair("size", [3, 4], 1) == (3, 4)
    for value in ((1,), (1, 2, 3), ()):
        with pytest.raises(ValueError, match=r"size: expected an integer or \(vertical, horizontal\)"):
            checks.pair("size", value, 1)
    with pytest.raises(ValueError, match="size: expected an integer of at least 1, got 0"):
        checks.pair("size", (3, 0), 1)


def test_shape():
    assert checks.shape("input", [2, np.int64(3)]) == (2, 3)
    for value in (3, "23", None, np.array([2, 3])):
        with pytest.raises(TypeError, match="input: expected a tuple of positive integers"):
            checks.shape("input", value)
    with pytest.raises(ValueError, match=r"input\[1\]: expected an integer of at least 1, got 0"):
        checks.shape("input", (2, 0))
    with pytest.raises(ShapeError, match=r"input: expected 3 sizes, got \(2, 3\)"):
        checks.shape("input", (2, 3), 3)


def test_a_shape_error_is_a_value_error():
    assert issubclass(ShapeError, ValueError)
