"""Sizes, the rules for other proportions, images kept as floats, channels first, and any number of channels."""

import numpy as np
import pytest
from PIL import Image

from gan_np import ShapeError, data
from gan_np.data.resize import size_of, written_size


@pytest.mark.parametrize(
    ("value", "size", "written"),
    [
        (64, (64, 64), 64),
        ((48, 32), (48, 32), "48x32"),
        ("48x32", (48, 32), "48x32"),
        ("64", (64, 64), 64),
        ("8×8", (8, 8), 8),
    ],
)
def test_sizes_as_numbers_and_text(value, size, written):
    assert size_of("image_size", value) == size
    assert written_size("image_size", value) == written


@pytest.mark.parametrize("value", ["48x", "x32", "0x5", "big", "48x32x3", "5000", 0, (3,), 1.5, True])
def test_what_is_no_size(value):
    with pytest.raises((ValueError, TypeError), match="image_size"):
        size_of("image_size", value)


def halves(height: int = 12, width: int = 24) -> np.ndarray:
    """Left half black, right half white."""
    image = np.zeros((1, height, width, 1), np.uint8)
    image[:, :, width // 2 :] = 255
    return image


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_three_rules(dtype):
    white = 255 if dtype == "uint8" else 1
    crop, pad, stretch = (
        data.load(halves(), image_size=12, fit=fit, dtype=dtype)[0, :, :, 0] for fit in ("crop", "pad", "stretch")
    )
    assert crop.shape == pad.shape == stretch.shape == (12, 12)
    np.testing.assert_array_equal(crop, np.repeat([[0, white]], 6, axis=1).repeat(12, axis=0))
    assert (pad[:3] == 0).all(), "what is not filled is black"
    assert (pad[9:] == 0).all()
    np.testing.assert_allclose(pad[3:9, 9:], white, rtol=0.01)
    np.testing.assert_allclose(stretch[:, 9:], white, rtol=0.01)
    assert (stretch[:, :3] == 0).all()


@pytest.mark.filterwarnings("ignore:.*contrast")
def test_a_folder_of_other_proportions_is_padded(tmp_path):
    for name, (height, width) in {"a": (20, 10), "b": (10, 30)}.items():
        Image.fromarray(np.full((height, width), 200, np.uint8)).save(tmp_path / f"{name}.png")
    found = data.load(tmp_path, image_size="12x6", fit="pad", value_range="0..255")
    assert found.shape == (2, 12, 6, 1)
    np.testing.assert_array_equal(found[0], np.full((12, 6, 1), 200))
    assert found[1, :5].max() == 0
    assert found[1, 5:7].min() == 200
    assert data.load(tmp_path, image_size="12x6", value_range="0..255").min() == 200, (
        "another rule, another file in the cache"
    )


def test_padding_is_transparent_where_there_is_alpha():
    found = data.load(np.full((1, 4, 8, 4), 255, np.uint8), image_size=8, fit="pad")
    assert found[0, 0, 0].tolist() == [0, 0, 0, 0]


def test_sixteen_bits_stay_where_floats_are_asked_for(tmp_path):
    values = (np.arange(64).reshape(8, 8) * 1000).astype(np.uint16)
    (tmp_path / "folder").mkdir()
    Image.fromarray(values).save(tmp_path / "folder" / "deep.png")
    np.save(tmp_path / "deep.npy", values[None])
    kept = {place: data.load(tmp_path / place, dtype="float32") for place in ("folder", "deep.npy")}
    for found in kept.values():
        assert found.dtype == np.float32
        np.testing.assert_array_equal((found[0, :, :, 0].astype(np.float64) * 65535).round(), values)
    coarse = data.load(tmp_path / "folder")
    assert coarse.dtype == np.uint8, "the cache tells the two apart"
    assert len(np.unique(kept["folder"])) == 64


def test_large_floats_go_to_the_cache(tmp_path, monkeypatch):
    from gan_np.data import raw

    monkeypatch.setattr(raw, "IN_MEMORY", 100)
    values = np.random.default_rng(0).random((5, 8, 8, 2))
    np.save(tmp_path / "a.npy", values)
    for _ in range(2):
        found = data.load(tmp_path / "a.npy", dtype="float32", cache_dir=tmp_path / "cache")
        assert isinstance(found, np.memmap)
        np.testing.assert_allclose(found, values, atol=1e-7)


def test_bytes_as_floats():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_allclose(data.load(images, dtype="float32"), images / 255, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_of_floats_are_converted_as_those_of_bytes(channels):
    rng = np.random.default_rng(0)
    for given in (1, 2, 3, 4):
        images = rng.integers(0, 256, (3, 5, 5, given), np.uint8)
        floats = data.load(images, channels=channels, dtype="float32")
        np.testing.assert_allclose(255 * floats, data.load(images, channels=channels), atol=1.01)


@pytest.mark.parametrize("source", ["array", "npy", "npz"])
def test_channels_first(tmp_path, source):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 5), np.uint8)
    first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    np.save(tmp_path / "a.npy", first)
    np.savez(tmp_path / "a.npz", first)
    given = first if source == "array" else tmp_path / f"a.{source}"
    np.testing.assert_array_equal(data.load(given, layout="NCHW"), images)


@pytest.mark.parametrize(
    ("shape", "doubtful"), [((4, 3, 8, 6), True), ((4, 6, 8, 8), True), ((4, 8, 8, 6), False), ((4, 8, 6, 5), False)]
)
def test_what_may_have_its_channels_first_is_not_guessed_at(shape, doubtful):
    images = np.zeros(shape, np.uint8)
    if doubtful:
        with pytest.raises(ShapeError, match="layout='NCHW'"):
            data.load(images)
    assert data.load(images, layout="NHWC").shape == shape


def test_five_channels_are_resized_one_by_one_and_not_converted():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 5), np.uint8)
    found = data.load(images, image_size=4)
    for channel in range(5):
        np.testing.assert_array_equal(found[..., channel], data.load(images[..., channel], image_size=4)[..., 0])
    with pytest.raises(ValueError, match="5 channels"):
        data.load(images, channels=3)


def test_a_grid_of_images_without_a_colour():
    images = np.zeros((1, 2, 3, 5), np.uint8)
    images[0, :, :, 3] = 255
    sheet = data.grid(images, margin=0)
    assert sheet.shape == (2, 15, 1)
    assert sheet[:, 9:12].min() == 255
    assert sheet.sum() == 6 * 255


def test_a_grid_of_floats():
    sheet = data.grid(np.full((1, 2, 2, 1), 0.5, np.float32), margin=0)
    assert sheet.dtype == np.uint8
    assert sheet.max() == 128
