"""Arrays as sources, and `Dataset`."""

import dataclasses

import numpy as np
import pytest
from image_files import pixels, some_images

from gan_np import data
from gan_np.checks import ShapeError
from gan_np.data import Dataset


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_bytes_are_taken_as_they_are(channels):
    images = some_images(channels=channels)
    found = data.open(images)
    assert found.images.base is images
    assert np.shares_memory(found.images, images)
    np.testing.assert_array_equal(found.images, images)
    assert found.labels is None
    assert found.class_names is None
    assert found.name == "array"
    assert len(found) == 6
    assert found.image_shape == (8, 8, channels)


def test_load_gives_the_pictures_of_open():
    images = some_images()
    np.testing.assert_array_equal(data.load(images, image_size=4), data.open(images, image_size=4).images)


def test_grey_pictures_may_lack_the_last_axis():
    images = some_images()[..., 0]
    np.testing.assert_array_equal(data.load(images), images[..., None])


@pytest.mark.parametrize("labels", [np.arange(6), np.arange(6, dtype=np.uint8), np.arange(6)[:, None], list(range(6))])
def test_labels(labels):
    found = data.open((some_images(), labels))
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("labels", "error", "hint"),
    [
        (np.arange(5), ShapeError, "one label for each of 6"),
        (np.eye(6, dtype=int), ShapeError, "argmax"),
        (np.zeros(6), TypeError, "integers"),
        ([[0]] * 5, ShapeError, "one label for each of 6"),
        (np.eye(6), ShapeError, "argmax"),
        (["cat"] * 6, TypeError, "numbers"),
        (3, TypeError, "array"),
        (np.full(6, 2**63, np.uint64), ValueError, "int64"),
    ],
)
def test_wrong_labels(labels, error, hint):
    with pytest.raises(error, match=f"labels.*{hint}"):
        data.open((some_images(), labels))


@pytest.mark.parametrize("size", [4, (4, 6), [5, 4], 16])
def test_size_and_channels(size):
    found = data.load(some_images(), image_size=size, channels=1)
    height, width = (size, size) if isinstance(size, int) else size
    assert found.shape == (6, height, width, 1)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[::2], np.s_[:, ::-1, 1:7], np.s_[..., ::-1]])
def test_views_give_what_copies_give(view):
    images = some_images()[view]
    np.testing.assert_array_equal(
        data.load(images, image_size=4, channels=1), data.load(images.copy(), image_size=4, channels=1)
    )
    assert data.open(images).fingerprint() == data.open(images.copy()).fingerprint()


def test_inputs_are_not_modified():
    images = some_images()
    before = images.copy()
    data.load(images, image_size=4, channels=4)
    np.testing.assert_array_equal(images, before)


def test_one_picture_and_constant_pictures():
    assert data.load(pixels(0)[None]).shape == (1, 8, 8, 3)
    assert (data.load(np.zeros((3, 8, 8)), image_size=5) == 0).all()
    assert (data.load(np.ones((3, 8, 8)), image_size=5) == 255).all()
    assert data.load(np.full((1, 1, 1, 1), 7, np.uint8), image_size=3).tolist() == [[[[7]] * 3] * 3]


@pytest.mark.parametrize(
    ("shape", "error", "hint"),
    [
        ((0, 8, 8, 3), ValueError, "no images"),
        ((0, 8, 8), ValueError, "no images"),
        ((8, 8, 3), ShapeError, r"images\[None\]"),
        ((5, 64), ShapeError, "reshape"),
        ((5, 3, 32, 32), ShapeError, "layout='NCHW'"),
        ((5, 6, 32, 32), ShapeError, "layout='NCHW'"),
        ((5, 8, 8, 0), ShapeError, "height"),
        ((5, 0, 8, 3), ShapeError, "height"),
        ((5,), ShapeError, "height"),
        ((), ShapeError, "height"),
        ((1, 2, 8, 8, 3), ShapeError, "height"),
    ],
)
def test_wrong_shapes(shape, error, hint):
    with pytest.raises(error, match=f"images.*{hint}"):
        data.load(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("dtype", "hint"),
    [(bool, "255"), (complex, "complex"), (object, "object")],
)
def test_wrong_dtypes(dtype, hint):
    with pytest.raises(TypeError, match=f"images: expected uint8.*{hint}"):
        data.load(np.zeros((2, 8, 8), dtype))


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"split": "validation"}, ValueError, "split: an array has no parts"),
        ({"value_range": "0-255"}, ValueError, "value_range: expected LOW..HIGH"),
        ({"value_range": (1, 1)}, ValueError, "value_range: expected finite numbers, the first less"),
        ({"value_range": 255}, TypeError, "value_range: expected"),
        ({"split": "tets"}, ValueError, "did you mean 'test'"),
        ({"split": "test"}, ValueError, "an array has no parts"),
        ({"image_size": 0}, ValueError, "image_size"),
        ({"image_size": (4, 4, 4)}, ValueError, "image_size"),
        ({"image_size": 4.0}, TypeError, "image_size"),
        ({"channels": 2}, ValueError, "channels"),
        ({"channels": True}, ValueError, "channels"),
        ({"channels": "3"}, ValueError, "channels"),
        ({"skip_broken": 1}, TypeError, "skip_broken"),
        ({"cache_dir": 3}, TypeError, "cache_dir"),
    ],
)
def test_wrong_arguments(arguments, error, name):
    with pytest.raises(error, match=name):
        data.open(some_images(), **arguments)


@pytest.mark.parametrize(
    ("source", "error", "hint"),
    [
        (3, TypeError, "source"),
        (None, TypeError, "source"),
        ([1, 2], ShapeError, "images"),
        (["a.png", "b.png"], TypeError, "images: expected numbers, got a list of"),
        ([some_images(), np.arange(6)], TypeError, "give images and labels as a tuple"),
        ([pixels(0), pixels(0, 9)], ShapeError, "images: .*differ in shape"),
        ((1, 2, 3), ValueError, "images, labels"),
        (([1], None), ShapeError, "images"),
        ("mnist5k", ValueError, "did you mean 'mnist-5k'"),
        ("nothing-like-it", ValueError, "expected one of"),
        ("no/such/folder", FileNotFoundError, "no/such/folder"),
        ("missing.npy", FileNotFoundError, "missing.npy"),
        ("zero\0byte", ValueError, "source"),
        ("", ValueError, "source"),
    ],
)
def test_wrong_sources(source, error, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=hint):
        data.open(source)


def test_memory_mapped_arrays_stay_memory_mapped(tmp_path):
    np.save(tmp_path / "a.npy", some_images())
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert isinstance(data.open(mapped).images, np.memmap)


def test_a_converted_memory_mapped_array_goes_to_the_cache_by_its_content(tmp_path, monkeypatch, cache):
    monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 100)
    np.save(tmp_path / "a.npy", some_images())
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    found = data.open(mapped, image_size=4)
    assert isinstance(found.images, np.memmap)
    np.testing.assert_array_equal(found.images, data.load(some_images(), image_size=4))
    assert len(list((cache / "decoded").glob("*.npy"))) == 1


class TestDataset:
    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            data.open(some_images()).name = "other"

    def test_repr(self):
        found = Dataset(some_images(), np.zeros(6, int), ("a", "b"), "things")
        assert repr(found) == "Dataset(things: 6 images of 8×8×3, 2 classes)"

    @pytest.mark.parametrize(
        ("arguments", "error", "hint"),
        [
            ((np.zeros((2, 8, 8, 1)),), TypeError, "uint8"),
            ((np.zeros((2, 8, 8), np.uint8),), ShapeError, "images"),
            (("text",), TypeError, "images"),
            ((some_images(), np.zeros(5, int)), ShapeError, "labels"),
            ((some_images(), None, ("a",)), ValueError, "class_names"),
            ((some_images(), np.arange(6), ("a", "b")), ValueError, "0 to 5"),
            ((some_images(), np.full(6, -1), ("a", "b")), ValueError, "-1"),
        ],
    )
    def test_wrong_parts(self, arguments, error, hint):
        with pytest.raises(error, match=hint):
            Dataset(*arguments)


class TestFingerprint:
    def test_is_a_function_of_the_content(self):
        one = Dataset(some_images(), np.arange(6))
        assert one.fingerprint() == Dataset(some_images(), np.arange(6), name="other").fingerprint()
        assert len(one.fingerprint()) == 32
        int(one.fingerprint(), 16)

    def test_any_change_shows(self):
        images = some_images()
        seen = {Dataset(images).fingerprint(), Dataset(images, np.arange(6)).fingerprint()}
        seen.add(Dataset(images, np.arange(6)[::-1]).fingerprint())
        changed = images.copy()
        changed[3, 2, 1, 0] ^= 1
        seen.add(Dataset(changed).fingerprint())
        seen.add(Dataset(images[::-1]).fingerprint())
        seen.add(Dataset(images[:5]).fingerprint())
        seen.add(Dataset(images.reshape(6, 4, 16, 3)).fingerprint())
        assert len(seen) == 7

    def test_does_not_change_between_versions(self):
        images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
        assert Dataset(images, np.array([1, 0])).fingerprint() == "9bacd76fb5cf5d470a995843014ba80d"

    def test_is_the_same_from_memory_and_from_a_file(self, tmp_path):
        np.save(tmp_path / "a.npy", some_images())
        assert data.open(tmp_path / "a.npy").fingerprint() == data.open(some_images()).fingerprint()

    def test_huge_arrays_are_sampled_with_both_ends(self, monkeypatch):
        monkeypatch.setattr("gan_np.data.dataset.HASHED_IN_FULL", 1000)
        images = some_images(60)
        first = Dataset(images).fingerprint()
        assert first == Dataset(images.copy()).fingerprint()
        for index in (0, -1):
            changed = images.copy()
            changed[index, 0, 0, 0] ^= 1
            assert Dataset(changed).fingerprint() != first
