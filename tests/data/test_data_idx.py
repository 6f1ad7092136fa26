"""IDX files, as MNIST has them."""

import gzip
import struct

import numpy as np
import pytest
from image_files import idx_bytes, write_idx

from gan_np import data
from gan_np.checks import ShapeError


def some_images(count=6):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 9), np.uint8)


LABELS = np.arange(6, dtype=np.uint8)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_pictures_with_labels_beside_them(tmp_path, ending):
    path = write_idx(tmp_path / f"some-images-idx3-ubyte{ending}", some_images())
    assert data.open(path).labels is None
    for other in ("", ".gz"):
        beside = write_idx(tmp_path / f"some-labels-idx1-ubyte{other}", LABELS)
        found = data.open(path)
        np.testing.assert_array_equal(found.images, some_images()[..., None])
        assert found.labels.tolist() == LABELS.tolist()
        assert found.name == path.name
        beside.unlink()


def test_plain_files_are_memory_mapped(tmp_path):
    assert isinstance(data.load(write_idx(tmp_path / "a-idx3-ubyte", some_images())), np.memmap)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_sizes_and_channels(tmp_path, ending, dtype):
    colour = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3), np.uint8)
    path = write_idx(tmp_path / f"a-idx4{ending}", (colour / 255).astype(dtype))
    np.testing.assert_array_equal(data.load(path), colour)
    np.testing.assert_array_equal(
        data.load(path, image_size=4, channels=1), data.load(colour, image_size=4, channels=1)
    )


@pytest.mark.parametrize("form", ["{}-images-idx3-ubyte", "{}-images.idx3-ubyte", "{}-images-idx3-ubyte.gz"])
def test_a_folder_with_mnists_names(tmp_path, form):
    for part, size in (("train", 6), ("t10k", 4)):
        write_idx(tmp_path / form.format(part), some_images()[:size])
        write_idx(tmp_path / form.format(part).replace("images", "labels").replace("idx3", "idx1"), LABELS[:size])
    train, test = data.open(tmp_path), data.open(tmp_path, split="test")
    np.testing.assert_array_equal(train.images[..., 0], some_images())
    np.testing.assert_array_equal(test.images[..., 0], some_images()[:4])
    assert test.labels.tolist() == [0, 1, 2, 3]
    assert train.name == tmp_path.name


def test_a_missing_part_of_such_a_folder(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", some_images())
    write_idx(tmp_path / "train-labels-idx1-ubyte", LABELS)
    with pytest.raises(ValueError, match=r"split.*t10k-images-idx3-ubyte"):
        data.open(tmp_path, split="test")


def test_an_explicit_file_has_no_parts(tmp_path):
    with pytest.raises(ValueError, match=r"split.*no parts"):
        data.open(write_idx(tmp_path / "a-idx3", some_images()), split="test")


def claim(shape, code=8):
    return struct.pack(">BBBB", 0, 0, code, len(shape)) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 3, (2**20, 2**10, 2**10), (7, 8, 9), (5, 8, 9), (2**31, 2**31, 3, 3), (2,) * 255]
)
def test_claims_that_do_not_fit_are_refused_without_memory(tmp_path, pack, shape):
    path = tmp_path / "lies-idx3"
    path.write_bytes(pack(claim(shape) + some_images().tobytes()))
    with pytest.raises(ValueError, match="lies-idx3"):
        data.load(path)


def test_a_gzip_bomb_is_not_read_beyond_its_header(tmp_path):
    """100 MB of zeros behind the header of six images."""
    path = tmp_path / "bomb-idx3.gz"
    with gzip.open(path, "wb") as file:
        file.write(idx_bytes(some_images()))
        for _ in range(25):
            file.write(bytes(1 << 22))
    with pytest.raises(ValueError, match=r"bomb-idx3.gz: longer than its header promises"):
        data.load(path)


@pytest.mark.parametrize("cut", [1, 3, 5, 12, 16, 17, 100])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_truncated_files(tmp_path, cut, ending):
    path = write_idx(tmp_path / f"cut-idx3{ending}", some_images())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="cut-idx3"):
        data.load(path)


def test_a_gzip_checksum_is_compared(tmp_path):
    path = write_idx(tmp_path / "a-idx3.gz", some_images())
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a-idx3.gz: not a readable gzip file: CRC"):
        data.load(path)


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        (np.arange(5, dtype=np.uint8), "one label for each of 6"),
        (np.zeros((6, 2), np.uint8), "argmax"),
        (np.zeros(6, np.float32), "integers"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, hint):
    path = write_idx(tmp_path / "a-images-idx3", some_images())
    write_idx(tmp_path / "a-labels-idx1", labels)
    with pytest.raises(ValueError, match=f"a-labels-idx1.*{hint}"):
        data.open(path)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_wider_integers_that_hold_bytes(tmp_path, dtype):
    np.testing.assert_array_equal(
        data.load(write_idx(tmp_path / "a-idx3", some_images().astype(dtype)))[..., 0], some_images()
    )


def test_integers_below_0_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a-idx3: expected integers in 0…65535, got -128 to 127.*value_range"):
        data.load(write_idx(tmp_path / "a-idx3", some_images().astype(np.int8)))


def test_labels_alone_are_not_pictures(tmp_path):
    with pytest.raises(ShapeError, match="labels-idx1"):
        data.load(write_idx(tmp_path / "labels-idx1", LABELS))


def test_empty_sets(tmp_path):
    for shape in ((0, 8, 8), (6, 0, 8)):
        path = tmp_path / "none-idx3"
        path.write_bytes(claim(shape))
        with pytest.raises(ValueError, match="none-idx3"):
            data.load(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"\0\0\x08", id="half of IDX's first four bytes"),
        pytest.param(b"\0\0\x07\x03", id="IDX with an unknown type"),
        pytest.param(b"\x1f\x8b", id="half of gzip's header"),
        pytest.param(gzip.compress(b"hello", mtime=0), id="packed text"),
    ],
)
def test_other_files_are_named(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(
        ValueError,
        match=r"source: expected a folder of images, an archive of them .* or \.csv file, got .*other",
    ):
        data.load(path)
