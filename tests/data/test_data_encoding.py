"""How data become what the players see, and back."""

import numpy as np
import pytest

from gan_np import ShapeError
from gan_np.data.encoding import ImageEncoding, VectorEncoding
from gan_np.registry import build, describe

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@pytest.mark.parametrize("pixel_range", ["-1..1", "0..1"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_images_there_and_back(pixel_range, dtype):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 4, 3, 2), np.uint8)
    images = images if dtype == "uint8" else rng.random((5, 4, 3, 2)).astype(dtype)
    encoding = ImageEncoding(pixel_range).learned(images)
    assert encoding.dtype == dtype
    floats = encoding.encode(images, FLOAT64)
    low = -1 if pixel_range == "-1..1" else 0
    unit = images / 255 if dtype == "uint8" else images
    np.testing.assert_allclose(floats, low + (1 - low) * unit, atol=1e-6)
    back = encoding.decode(floats)
    assert back.dtype == images.dtype
    np.testing.assert_allclose(back, images, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_some_images_mirrored(dtype):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2)).astype(dtype)
    images = images if dtype == "uint8" else images / np.float32(255)
    index, mirrored = np.array([3, 0, 3]), np.array([1, 0, 0], np.uint8)
    found = ImageEncoding("0..1", dtype).encode(images, FLOAT64, index=index, mirrored=mirrored)
    plain = ImageEncoding("0..1", dtype).encode(images, FLOAT64)
    np.testing.assert_array_equal(found, np.stack([plain[3][:, ::-1], plain[0], plain[3]]))


def test_floats_outside_the_unit_interval_are_cut_when_drawn():
    encoding = ImageEncoding("-1..1", "float32")
    np.testing.assert_array_equal(encoding.decode(np.array([-1.5, -1, 0, 1, 2])), np.float32([0, 0, 0.5, 1, 1]))


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.full((2, 4, 4, 1), 1.5, np.float32), ValueError, r"\[0, 1\].*1\.5"),
        (np.full((2, 4, 4, 1), np.nan, np.float32), ValueError, "finite"),
        (np.zeros((2, 4, 4, 1), np.int32), TypeError, "int32"),
    ],
)
def test_images_of_other_numbers(images, error, words):
    with pytest.raises(error, match=words):
        ImageEncoding("0..1").learned(images)


CONSTANT = pytest.mark.filterwarnings("ignore:images. column .* never changes")
"""That it is said is tested below."""


def table() -> np.ndarray:
    """Large numbers, small ones, and a column that never changes."""
    rng = np.random.default_rng(2)
    return np.stack([rng.normal(1e9, 3.0, 400), rng.normal(0, 1e-6, 400), np.full(400, 7.0)], 1)


def test_columns_are_standardised_and_come_back_in_their_units():
    with pytest.warns(UserWarning, match="column 'same' of 3 never changes"):
        encoding = VectorEncoding(3).named(("time", "small", "same")).learned(table())
    seen = encoding.encode(table(), FLOAT32)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std(axis=0)[:2], 1, atol=1e-4)
    np.testing.assert_array_equal(seen[:, 2], 0)
    back = encoding.decode(seen)
    assert back.dtype == np.float64
    np.testing.assert_allclose(back[:, 0], table()[:, 0], rtol=0, atol=1e-5)  # float32 alone would be off by tens
    assert encoding.columns == ("time", "small", "same")


def test_not_standardised_where_asked():
    encoding = VectorEncoding(3).learned(table(), fit=False)
    assert encoding.mean is None
    np.testing.assert_array_equal(encoding.encode(table(), FLOAT64), table())


@CONSTANT
def test_a_model_that_has_learnt_keeps_its_mean():
    first = VectorEncoding(3).learned(table())
    again = first.learned(table() * 2 + 1)
    assert (again.mean, again.deviation) == (first.mean, first.deviation)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_named(value):
    given = table()
    given[5, 1] = value
    with pytest.raises(ValueError, match=f"row 5, column 1 is {value}"):
        VectorEncoding(3).learned(given)


def test_vectors_have_no_left_and_right():
    with pytest.raises(ValueError, match="flip"):
        VectorEncoding(3).encode(table(), FLOAT32, mirrored=np.ones(400, np.uint8))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"mean": (0, 0), "deviation": (1, 1, 1)}, ShapeError, "mean"),
        ({"mean": (0, 0, 0)}, ValueError, "both"),
        ({"mean": (0, 0, 0), "deviation": (1, 0, 1)}, ValueError, "above 0"),
        ({"mean": (0, np.nan, 0), "deviation": (1, 1, 1)}, ValueError, "finite"),
        ({"columns": ("a",)}, ShapeError, "columns"),
        ({"dtype": "float16"}, ValueError, "dtype"),
    ],
)
def test_what_an_encoding_of_vectors_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        VectorEncoding(3, **arguments)


@CONSTANT
def test_encodings_are_described_and_built_again():
    for encoding in (ImageEncoding("0..1", "float32"), VectorEncoding(3).learned(table()).named(("a", "b", "c"))):
        assert build(describe(encoding)) == encoding
