"""Which values are black and white: the rule, what is said of it, and how a caller overrules it."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from image_files import pixels, save, some_images, write_idx
from PIL import Image

from gan_np import data

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 4096, (6, 8, 8), np.uint16)
DEEP[0, 0, 0], DEEP[1, 0, 0] = 0, 4095


def bytes_of(values, low, high):
    return np.rint((np.clip(values, low, high).astype(np.float64) - low) / (high - low) * 255).astype(np.uint8)


def opened(*arguments, **options):
    """The data set and the warnings it came with."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = data.open(*arguments, **options)
    assert [str(each.message) for each in caught] == list(found.warned)
    assert all(each.filename == __file__ for each in caught)
    return found


def folder_of_deep(folder, values=DEEP, ending="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        Image.fromarray(value).save(folder / f"{number}.{ending}")
    return folder


class TestFloats:
    def test_a_little_below_0_is_overshoot(self):
        """What bicubic and Lanczos filters leave: one value of −0.004 must not make black grey."""
        values = np.linspace(0, 1, 4 * 64).reshape(4, 8, 8).astype(np.float32)
        values[2, 3, 4], values[1, 1, 1] = -0.004, 1.02
        found = opened(values)
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(values, 0, 1))
        (text,) = found.warned
        for words in (
            "-0.004 to 1.02",
            "read as 0..1",
            "2 of 256 values (0.78%) lie outside and are cut",
            "value_range",
        ):
            assert words in text

    @pytest.mark.parametrize("sharpen", [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
    def test_what_pillow_leaves_after_resizing(self, sharpen):
        shapes = np.zeros((6, 12, 12), np.float32)
        shapes[:, 3:9, 4:8] = 1
        larger = np.stack([np.asarray(Image.fromarray(each).resize((30, 30), sharpen)) for each in shapes])
        assert larger.min() < -0.02
        assert larger.max() > 1.02
        np.testing.assert_array_equal(opened(larger).images[..., 0], bytes_of(larger, 0, 1))

    @pytest.mark.parametrize(("low", "expected"), [(-1.0, "-1..1"), (-0.9, "-1..1"), (-0.1, "0..1"), (0.0, "0..1")])
    def test_the_range_is_that_of_the_whole_set(self, low, expected):
        values = np.full((4, 8, 8), 0.5)
        values[0, :4], values[3] = 1.0, low
        found = opened(values)
        ends = {"-1..1": (-1, 1), "0..1": (0, 1)}[expected]
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(values, *ends))
        assert f"read as {expected}" in "".join((*found.decided, *found.warned))

    def test_what_is_plain_is_said_and_not_warned_of(self):
        found = opened(np.linspace(0, 1, 128).reshape(2, 8, 8))
        assert found.warned == ()
        assert found.decided == ("images: floats from 0 to 1 are read as 0..1",)

    def test_dark_floats_are_warned_of_with_the_numbers(self):
        values = np.linspace(0, 0.06, 128).reshape(2, 8, 8)
        (text,) = opened(values).warned
        for words in ("0 to 0.06", "% of the range 0..1", "little contrast", "value_range='LOW..HIGH'"):
            assert words in text
        found = opened(values, value_range=(0, 0.06))
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(values, 0, 0.06))
        assert found.warned == ()
        assert "read as 0..0.06, as asked for" in found.decided[0]

    def test_a_few_bright_values_do_not_hide_a_narrow_band(self):
        values = np.full((4, 32, 32), 0.01)
        values[:, ::2], values[0, 0, 0] = 0.02, 1.0
        (text,) = opened(values).warned
        assert "go from 0.01 to 1, 99.9 % of them from" in text


class TestIntegers:
    @pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.int64, np.uint32, ">u2"])
    @pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
    def test_the_fewest_bits_that_hold_the_greatest(self, dtype, bits):
        if bits == 16 and dtype == np.int16:
            pytest.skip("does not hold them")
        values = np.linspace(0, 2**bits - 1, 128).round().astype(dtype).reshape(2, 8, 8)
        found = opened(values)
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(values, 0, 2**bits - 1))
        said = "".join((*found.decided, *found.warned))
        assert f"read as 0..{2**bits - 1} ({bits} bits)" in said
        assert bool(found.warned) == (bits in (10, 12, 14))

    @pytest.mark.parametrize("values", [[-1, 5], [0, 65536], [0, 2**31 - 1]], ids=["negative", "17-bits", "31-bits"])
    def test_others_need_a_range(self, values):
        array = np.array(values).reshape(1, 1, 2, 1).repeat(2, axis=1)
        with pytest.raises(ValueError, match=r"images: expected integers in 0…65535.*value_range='LOW..HIGH'"):
            data.open(array)
        low, high = values
        found = opened(array, value_range=f"{low}..{high}")
        assert found.images[0, 0, :, 0].tolist() == [0, 255]

    def test_values_outside_a_range_that_was_asked_for_are_cut_and_counted(self):
        (text,) = opened(np.arange(128).reshape(2, 8, 8), value_range=(0, 63)).warned
        assert "read as 0..63, as asked for; 64 of 128 values (50.00%) lie outside and are cut" in text

    def test_bytes_may_have_another_range_too(self):
        masks = np.indices((2, 8, 8)).sum(axis=0).astype(np.uint8) % 2
        (text,) = opened(masks).warned
        assert "0.4% of the range 0..255" in text
        assert set(np.unique(opened(masks, value_range="0..1").images)) == {0, 255}


class TestFolders:
    @pytest.mark.parametrize("ending", ["png", "tif"])
    def test_12_bits_in_16(self, tmp_path, ending):
        for _ in range(2):  # the second time from the cache
            found = opened(folder_of_deep(tmp_path, ending=ending))
            np.testing.assert_array_equal(found.images[..., 0], bytes_of(DEEP, 0, 4095))
            (text,) = found.warned
            assert "integers from 0 to 4095 are read as 0..4095 (12 bits)" in text

    def test_one_file_is_not_the_set(self, tmp_path):
        """Each file for itself would be stretched: the darkest one would be as bright as the others."""
        dark = DEEP.copy()
        dark[5] //= 64
        found = opened(folder_of_deep(tmp_path, dark))
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(dark, 0, 4095))

    @pytest.mark.parametrize("kind", [np.int32, np.float32])
    def test_32_bits(self, tmp_path, kind):
        values = some_images(channels=1)[..., 0]
        floats = (values / 255).astype(np.float32)
        folder_of_deep(tmp_path, floats if kind == np.float32 else values.astype(kind), "tif")
        np.testing.assert_array_equal(opened(tmp_path).images[..., 0], values)

    def test_a_range_that_was_asked_for(self, tmp_path):
        folder_of_deep(tmp_path)
        found = opened(tmp_path, value_range=(0, 65535))
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(DEEP, 0, 65535))
        (text,) = found.warned
        assert "of the range 0..65535" in text

    def test_a_range_is_for_deep_files_where_there_are_any_and_for_bytes_otherwise(self, tmp_path):
        folder_of_deep(tmp_path / "deep", DEEP[:1])
        save(tmp_path / "deep" / "z.png", channels=1)
        found = opened(tmp_path / "deep", value_range=(0, 4095)).images[..., 0]
        np.testing.assert_array_equal(found[0], bytes_of(DEEP[0], 0, 4095))
        np.testing.assert_array_equal(found[1], pixels(0, channels=1))
        Image.fromarray(pixels(1, channels=4) // 16).save(tmp_path / "four.png")
        alpha = opened(tmp_path, value_range="0..15", channels=4).images[-1, ..., 3]
        assert alpha.max() < 16

    def test_a_part_is_read_as_the_others_are(self, tmp_path):
        folder_of_deep(tmp_path / "train")
        folder_of_deep(tmp_path / "test", DEEP // 64)
        found = opened(tmp_path, split="test").images[..., 0]
        np.testing.assert_array_equal(found, bytes_of(DEEP // 64, 0, 4095))

    def test_values_that_are_not_finite_are_a_broken_file(self, tmp_path):
        floats = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
        folder_of_deep(tmp_path, [floats, np.where(floats > 0.5, np.nan, floats)], "tif")
        with pytest.raises(data.BrokenImages, match=r"1 image cannot be read: 1\.tif \(values: expected finite floats"):
            data.open(tmp_path)
        (text,) = opened(tmp_path, skip_broken=True).warned
        assert "left out 1 of 2 images" in text

    def test_16_bits_in_colour_are_said_to_be_read_by_half(self, tmp_path):
        (tmp_path / "a.png").write_bytes(png_of_16_bits(RNG.integers(0, 65536, (8, 8, 3))))
        (text,) = opened(tmp_path).warned
        assert "1 image with 16 bits a channel in colour" in text
        with pytest.raises(data.BrokenImages, match=r"a\.png \(16 bits a channel.*no range of values"):
            data.open(tmp_path, value_range=(0, 4095))


class TestFiles:
    def test_parts_of_an_npz_file_are_read_alike(self, tmp_path):
        whole = np.linspace(-1, 1, 128).reshape(2, 8, 8)
        np.savez(tmp_path / "a.npz", x_train=whole, x_val=whole / 2 + 0.5)
        found = opened(tmp_path / "a.npz", split="val")
        np.testing.assert_array_equal(found.images[..., 0], bytes_of(whole / 2 + 0.5, -1, 1))

    def test_a_part_that_cannot_be_read_does_not_matter(self, tmp_path):
        np.savez(tmp_path / "a.npz", x_train=np.linspace(0, 1, 128).reshape(2, 8, 8), x_test=np.full((2, 8, 8), np.nan))
        assert opened(tmp_path / "a.npz").images.max() == 255

    def test_the_decision_is_kept_with_what_is_kept_in_the_cache(self, tmp_path, monkeypatch):
        monkeypatch.setattr("gan_np.data.raw.IN_MEMORY", 100)
        np.save(tmp_path / "a.npy", DEEP)
        first, second = (opened(tmp_path / "a.npy") for _ in range(2))
        assert isinstance(second.images, np.memmap)
        assert first.warned == second.warned
        other = opened(tmp_path / "a.npy", value_range=(0, 8190))
        np.testing.assert_array_equal(other.images[..., 0], bytes_of(DEEP, 0, 8190))

    def test_idx(self, tmp_path):
        path = write_idx(tmp_path / "a-idx3", DEEP.astype(np.int32))
        np.testing.assert_array_equal(opened(path).images[..., 0], bytes_of(DEEP, 0, 4095))


@pytest.mark.parametrize(
    "text", ["", "0", "0..", "..1", "0-1", "a..b", "1..0", "1..1", "0..inf", "0..nan", "0...1", "0..1..2", "1e999..2"]
)
def test_texts_that_name_no_range(text):
    with pytest.raises(ValueError, match="value_range"):
        data.open(some_images(), value_range=text)


def png_of_16_bits(values):
    """A PNG file of (H, W, 3) values of 16 bits, which Pillow reads and does not write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
