"""Files of arrays: .npy."""

import os
import tracemalloc

import numpy as np
import pytest
from image_files import header_of, some_images

from gan_np import data
from gan_np.checks import ShapeError


def test_bytes_are_memory_mapped(tmp_path):
    path = tmp_path / "set.npy"
    np.save(path, some_images())
    found = data.open(path)
    assert isinstance(found.images, np.memmap)
    assert not found.images.flags.writeable
    assert found.name == "set.npy"
    assert found.labels is None
    np.testing.assert_array_equal(found.images, some_images())
    np.testing.assert_array_equal(data.load(str(path)), some_images())


def test_grey_pictures_may_lack_the_last_axis(tmp_path):
    np.save(tmp_path / "a.npy", some_images()[..., 0])
    found = data.load(tmp_path / "a.npy")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, some_images()[..., :1])


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rank", [3, 4])
def test_versions_and_orders(tmp_path, version, order, rank):
    images = some_images()[..., 0] if rank == 3 else some_images()
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, np.asarray(images, order=order), version=version)
    np.testing.assert_array_equal(data.load(tmp_path / "a.npy"), images.reshape(6, 8, 8, -1))


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
def test_floats_become_bytes(tmp_path, dtype):
    exact = some_images() / 127.5 - 1
    np.save(tmp_path / "a.npy", exact.astype(dtype))
    got = data.load(tmp_path / "a.npy")
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - some_images()).max() <= (dtype == "<f2")


def test_large_results_are_kept_in_the_cache_and_found_again(tmp_path, monkeypatch, cache):
    monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 100)
    path = tmp_path / "a.npy"
    np.save(path, some_images() / 255)
    first = data.load(path, image_size=5, channels=1)
    assert isinstance(first, np.memmap)
    np.testing.assert_array_equal(first, data.load(some_images(), image_size=5, channels=1))
    with monkeypatch.context() as patch:
        patch.setattr("gan_np.data.raw.resize", None)  # not called again
        np.testing.assert_array_equal(data.load(path, image_size=5, channels=1), first)
    data.load(path, image_size=4)
    assert len(list((cache / "decoded").glob("*.npy"))) == 2
    np.save(path, (255 - some_images()) / 255)
    os.utime(path, ns=(1, 1))  # clocks of file systems may be coarse
    np.testing.assert_array_equal(
        data.load(path, image_size=5, channels=1), data.load(255 - some_images(), image_size=5, channels=1)
    )
    assert len(list((cache / "decoded").glob("*.npy"))) == 2


@pytest.mark.campaign
def test_a_set_larger_than_memory_opens_at_once(tmp_path):
    """A sparse file of 2 TB: nothing of it is read."""
    shape = (700_000_000, 32, 32, 3)
    path = tmp_path / "huge.npy"
    header = header_of(shape)
    with path.open("wb") as file:
        file.write(header)
        try:
            file.truncate(len(header) + int(np.prod(shape, dtype=object)))
        except OSError as error:
            pytest.skip(f"no sparse files here: {error}")
    found = data.open(path)
    assert len(found) == shape[0]
    assert found.images[[5, 699_999_999]].shape == (2, 32, 32, 3)
    assert not found.images[123_456_789].any()


def test_conversions_go_chunk_by_chunk(tmp_path, monkeypatch):
    """90 MB of images pass through, and a result that goes to the cache, in a few MB."""
    monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 100)
    path = tmp_path / "a.npy"
    shape = (1800, 128, 128, 3)
    header = header_of(shape)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + int(np.prod(shape)))
    tracemalloc.start()
    try:
        found = data.load(path, channels=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.shape == (1800, 128, 128, 1)
    assert peak < 50e6


@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        ((10**9, 1000, 1000, 3), "|u1"),
        ((2**62, 2**62, 2**62, 3), "|u1"),
        ((6, 8, 8, 4), "|u1"),
        ((5, 8, 8, 3), "|u1"),
        ((6, 8, 8, 3), "<f8"),
        ((-6, -8, 8, 3), "|u1"),
        ((True, 1152), "|u1"),
    ],
)
def test_headers_that_do_not_fit_the_file_are_refused(tmp_path, shape, descr):
    path = tmp_path / "lies.npy"
    path.write_bytes(header_of(shape, descr) + bytes(1152))
    with pytest.raises(ValueError, match=r"lies\.npy"):
        data.load(path)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "readable"),
        (b"\x93NUMPY", "readable"),
        (b"not an array at all", "readable"),
        (b"\x93NUMPY\x01\x00\x10\x00{'shape': (((((((", "readable"),
        (b"\x93NUMPY\x03\x00" + header_of((2, 8, 8))[8:] + bytes(128), "version"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "readable"),
        (header_of((0, 8, 8, 3)), "no images"),
    ],
)
def test_damaged_files(tmp_path, content, hint):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.npy.*{hint}"):
        data.load(path)


def test_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    path = tmp_path / "trap.npy"
    with path.open("wb") as file:
        np.save(file, np.array([Trap()] * 4, object).reshape(1, 2, 2, 1), allow_pickle=True)
    with pytest.raises(ValueError, match=r"trap.npy.*never unpickled"):
        data.load(path)


@pytest.mark.parametrize("dtype", [bool, np.complex64, "M8[s]", "S3", [("r", "u1"), ("g", "u1")]])
def test_other_numbers_are_refused_by_name(tmp_path, dtype):
    np.save(tmp_path / "other.npy", np.zeros((2, 8, 8), dtype))
    with pytest.raises(ValueError, match=r"other\.npy"):
        data.load(tmp_path / "other.npy")


def test_wrong_shapes_and_splits(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros((5, 64), np.uint8))
    with pytest.raises(ShapeError, match=r"flat.npy.*reshape"):
        data.load(tmp_path / "flat.npy")
    np.save(tmp_path / "a.npy", some_images())
    with pytest.raises(ValueError, match=r"split.*a.npy has no parts"):
        data.load(tmp_path / "a.npy", split="test")


def test_floats_are_checked_by_name(tmp_path):
    values = np.zeros((2, 8, 8))
    values[1, 1, 1] = np.nan
    np.save(tmp_path / "nan.npy", values)
    with pytest.raises(ValueError, match=r"nan.npy: expected finite"):
        data.load(tmp_path / "nan.npy")
