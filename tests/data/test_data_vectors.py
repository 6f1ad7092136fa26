"""Vectors: arrays, files and tables as text."""

import numpy as np
import pytest

from gan_np import ShapeError, data


def points(count: int = 12, size: int = 3, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(1).normal(3, 2, (count, size)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_in_rows_are_vectors_and_stay_what_they_are(dtype):
    given = points(dtype=dtype)
    found = data.open(given)
    assert found.are_vectors
    assert found.data_shape == (3,)
    assert repr(found) == "Dataset(array: 12 vectors of 3 numbers)"
    assert data.load(given).dtype == given.dtype
    np.testing.assert_array_equal(found.data, given)


def test_half_precision_becomes_single():
    assert data.load(points(dtype="float16")).dtype == np.float32


def test_labels_go_with_vectors():
    found = data.open((points(), list(range(12))))
    assert found.labels.tolist() == list(range(12))


def test_they_have_no_images():
    with pytest.raises(ValueError, match="12 vectors of 3 numbers"):
        _ = data.open(points()).images


def test_integers_in_rows_are_not_guessed_at():
    with pytest.raises(ShapeError, match=r"astype\('float32'\).*reshape"):
        data.load(np.zeros((4, 6), np.int64))


@pytest.mark.parametrize("name", ["points.npy", "points.npz"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_files_of_numpy(tmp_path, name, order):
    given = np.asarray(points(), order=order)
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, given)
    np.testing.assert_array_equal(data.load(tmp_path / name), given)


def test_parts_and_labels_of_an_npz_file(tmp_path):
    np.savez(tmp_path / "t.npz", x_train=points(), y_train=np.arange(12), x_test=points(5), y_test=np.arange(5))
    assert data.open(tmp_path / "t.npz").labels.tolist() == list(range(12))
    assert len(data.open_test(tmp_path / "t.npz")) == 5


def test_a_damaged_npz_file_of_vectors(tmp_path):
    np.savez_compressed(tmp_path / "t.npz", points(400))
    raw = bytearray((tmp_path / "t.npz").read_bytes())
    raw[300] ^= 255
    (tmp_path / "t.npz").write_bytes(raw)
    with pytest.raises(ValueError, match="not a readable"):
        data.load(tmp_path / "t.npz")


@pytest.mark.parametrize(("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t")])
@pytest.mark.parametrize("named", [True, False])
def test_tables_as_text(tmp_path, name, separator, named):
    given = points(dtype="float64")
    text = "\n".join(separator.join(map(repr, map(float, row))) for row in given) + "\n"
    head = separator.join(["age", '"in, come"', " height"]) + "\n" if named else ""
    (tmp_path / name).write_text("﻿" + head + text, encoding="utf-8")
    found = data.open(tmp_path / name)
    np.testing.assert_array_equal(found.data, given)
    assert found.data.dtype == np.float64
    assert found.columns == (("age", "in, come", "height") if named else None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,x\n", r"line 3, column 2 is 'x'"),
        ("a,b\n1,2\n3,\n", r"line 3, column 2 is ''.*empty cells"),
        ("1,2\n3\n", r"line 2 has 1 cells, the first has 2"),
        ("a,b\n", "no rows"),
        ("", "no rows"),
        ("1,nan\n", r"row 1 below line 0, column 2 is nan"),
        ('"1",2\n"3",4\n', "without quotes"),
        ("a,b,c\n1,2\n", "names 3 columns, its rows have 2"),
        ("1,2\n1,\x1b[31m\n", r"\\x1b"),
        ("1,2\n" + "9" * 400 + ",1\n", "inf"),
    ],
)
def test_tables_that_are_none(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        data.open(tmp_path / "t.csv")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"1,2\n\xff\xfe,3\n")
    with pytest.raises(ValueError, match="UTF-8"):
        data.open(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "asked",
    [{"image_size": 8}, {"channels": 1}, {"value_range": "0..1"}, {"layout": "NCHW"}],
    ids=lambda each: str(*each),
)
def test_what_only_images_have_is_refused(asked):
    with pytest.raises(ValueError, match=f"{next(iter(asked))}: is for images"):
        data.load(points(), **asked)


def test_a_dataset_says_what_does_not_fit():
    with pytest.raises(ValueError, match="columns"):
        data.Dataset(points(), columns=("a", "b"))
    with pytest.raises(TypeError, match="float32 or float64"):
        data.Dataset(points(dtype="float16"))
