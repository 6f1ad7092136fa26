"""Folders of images."""

import os
import sys

import numpy as np
import pytest
from image_files import folder_of, pixels, save
from PIL import Image

from gan_np import data
from gan_np.checks import ShapeError
from gan_np.data import BrokenImages
from gan_np.data.channels import to_channels

NAMES = ["b.png", "a.png", "sub/c.png", "sub/deeper/d.png"]


def test_pictures_in_the_order_of_their_paths(tmp_path):
    expected = folder_of(tmp_path, NAMES)
    found = data.open(tmp_path)
    np.testing.assert_array_equal(found.images, expected)
    assert isinstance(found.images, np.memmap)
    assert not found.images.flags.writeable
    assert found.labels is None
    assert found.name == tmp_path.name


def test_class_names_are_the_first_folders(tmp_path):
    folder_of(tmp_path, ["dogs/x/1.png", "dogs/0.png", "cats/2.png", "Zebras/3.png"])
    found = data.open(tmp_path)
    assert found.class_names == ("Zebras", "cats", "dogs")
    assert found.labels.tolist() == [0, 1, 2, 2]
    assert found.labels.dtype == np.int64


def test_folders_without_pictures_are_no_classes(tmp_path):
    folder_of(tmp_path, ["cats/0.png"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.me").write_text("hello")
    assert data.open(tmp_path).class_names == ("cats",)


def test_a_path_may_be_relative_or_a_text(tmp_path, monkeypatch):
    expected = folder_of(tmp_path / "set", NAMES)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(data.load("set"), expected)
    np.testing.assert_array_equal(data.load("./set/"), expected)
    np.testing.assert_array_equal(data.load(os.fspath(tmp_path / "set")), expected)


def test_home_is_expanded(tmp_path, monkeypatch):
    expected = folder_of(tmp_path / "set", ["a.png"])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    np.testing.assert_array_equal(data.load("~/set"), expected)


def test_a_single_picture(tmp_path):
    expected = folder_of(tmp_path, ["only.png"])
    np.testing.assert_array_equal(data.load(tmp_path), expected)


def test_many_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("gan_np.data.folder._CHUNK_FILES", 3)
    expected = folder_of(tmp_path, [f"{k}.png" for k in range(10)])
    np.testing.assert_array_equal(data.load(tmp_path), expected)


class TestParts:
    def test_train_and_test(self, tmp_path):
        folder_of(tmp_path, ["train/cat/1.png", "train/dog/2.png", "test/dog/3.png"])
        train, test = data.open(tmp_path), data.open(tmp_path, split="test")
        assert (len(train), train.class_names, train.labels.tolist()) == (2, ("cat", "dog"), [0, 1])
        assert (len(test), test.class_names, test.labels.tolist()) == (1, ("cat", "dog"), [1])

    def test_a_missing_part(self, tmp_path):
        folder_of(tmp_path, ["train/1.png"])
        assert len(data.open(tmp_path)) == 1
        with pytest.raises(ValueError, match=r"split.*'test', only in train"):
            data.open(tmp_path, split="test")

    def test_a_class_of_trains_is_not_a_part(self, tmp_path):
        folder_of(tmp_path, ["train/1.png", "bus/2.png"])
        with pytest.warns(UserWarning, match="train was not taken as a part"):
            assert data.open(tmp_path).class_names == ("bus", "train")
        with pytest.raises(ValueError, match=r"split.*has no parts"):
            data.open(tmp_path, split="test")


GREY = pixels(0, channels=1)
COLOUR = pixels(1, channels=3)
ALPHA = pixels(2, channels=4)
DEEP = np.random.default_rng(3).integers(0, 65536, (8, 8), np.uint16)


def as_modes():
    """An image in each of Pillow's modes, the file type that holds it, and what must be read as 3 channels."""
    grey3 = np.repeat(GREY[..., None], 3, -1)
    palette = Image.fromarray(COLOUR).quantize(16)
    bits = Image.fromarray(GREY).convert("1")
    cmyk = Image.fromarray(COLOUR).convert("CMYK")
    grey_alpha = Image.fromarray(ALPHA[..., 2:])
    eight = np.rint(DEEP / 257).astype(np.uint8)
    return {
        "1": (bits, "png", np.asarray(bits.convert("RGB"))),
        "L": (Image.fromarray(GREY), "png", grey3),
        "LA": (grey_alpha, "png", to_channels(ALPHA[..., 2:], 3)),
        "P": (palette, "png", np.asarray(palette.convert("RGB"))),
        "P-gif": (palette, "gif", np.asarray(palette.convert("RGB"))),
        "RGB": (Image.fromarray(COLOUR), "png", COLOUR),
        "RGB-bmp": (Image.fromarray(COLOUR), "bmp", COLOUR),
        "RGB-tif": (Image.fromarray(COLOUR), "tif", COLOUR),
        "RGB-ppm": (Image.fromarray(COLOUR), "ppm", COLOUR),
        "L-pgm": (Image.fromarray(GREY), "pgm", grey3),
        "RGBA": (Image.fromarray(ALPHA), "png", to_channels(ALPHA, 3)),
        "RGBA-tif": (Image.fromarray(ALPHA), "tiff", to_channels(ALPHA, 3)),
        "I;16": (Image.fromarray(DEEP), "png", np.repeat(eight[..., None], 3, -1)),
        "I;16-tif": (Image.fromarray(DEEP), "tif", np.repeat(eight[..., None], 3, -1)),
        "I": (Image.fromarray(DEEP.astype(np.int32)), "tif", np.repeat(eight[..., None], 3, -1)),
        "CMYK": (cmyk, "tif", np.asarray(cmyk.convert("RGB"))),
        "LAB": (Image.fromarray(COLOUR).convert("RGB"), "tif", COLOUR),
    }


class TestModes:
    @pytest.mark.parametrize("mode", as_modes())
    def test_each_mode_as_colour(self, tmp_path, mode):
        image, ending, expected = as_modes()[mode]
        image.save(tmp_path / f"a.{ending}")
        np.testing.assert_array_equal(data.load(tmp_path, channels=3)[0], expected)

    @pytest.mark.parametrize("mode", as_modes())
    @pytest.mark.parametrize("channels", [1, 4])
    def test_each_mode_as_grey_and_with_alpha(self, tmp_path, mode, channels):
        image, ending, _ = as_modes()[mode]
        image.save(tmp_path / f"a.{ending}")
        found = data.load(tmp_path, channels=channels)
        assert found.shape == (1, 8, 8, channels)
        if mode == "RGBA" and channels == 4:
            np.testing.assert_array_equal(found[0], ALPHA)

    def test_a_mix_of_all(self, tmp_path):
        for number, (image, ending, _) in enumerate(as_modes().values()):
            image.save(tmp_path / f"{number:02}.{ending}")
        found = data.load(tmp_path)
        for one_image, (_, _, expected) in zip(found, as_modes().values(), strict=True):
            np.testing.assert_array_equal(one_image, expected)

    @pytest.mark.parametrize(("modes", "channels"), [(["1", "L", "LA", "I;16"], 1), (["L", "P"], 3), (["RGBA"], 3)])
    def test_channels_are_1_if_all_are_grey_and_3_otherwise(self, tmp_path, modes, channels):
        for mode in modes:
            image, ending, _ = as_modes()[mode]
            image.save(tmp_path / f"{mode.replace(';', '')}.{ending}")
        assert data.load(tmp_path).shape[3] == channels

    def test_palettes_with_alpha(self, tmp_path):
        palette = Image.fromarray(COLOUR).quantize(16)
        palette.save(tmp_path / "a.png", transparency=bytes(range(0, 256, 16)))
        expected = np.asarray(Image.open(tmp_path / "a.png").convert("RGBA"))
        assert len(np.unique(expected[..., 3])) > 2
        np.testing.assert_array_equal(data.load(tmp_path, channels=4)[0], expected)
        np.testing.assert_array_equal(data.load(tmp_path)[0], to_channels(expected, 3))

    def test_pa(self, tmp_path, monkeypatch):
        """No file format gives Pillow's mode PA, so a decoder is made to."""
        save(tmp_path / "a.png", channels=4)
        image = Image.fromarray(ALPHA).quantize(16).convert("PA")
        expected = np.asarray(image.convert("RGBA"))
        monkeypatch.setattr("gan_np.data.decode._open", lambda path: image.copy())
        np.testing.assert_array_equal(data.load(tmp_path, channels=4)[0], expected)

    def test_a_transparent_colour(self, tmp_path):
        Image.fromarray(GREY).save(tmp_path / "a.png", transparency=int(GREY[0, 0]))
        found = data.load(tmp_path)
        assert found.shape == (1, 8, 8, 1)
        np.testing.assert_array_equal(found[0, ..., 0], np.where(GREY[0, 0] == GREY, 255, GREY))
        assert (data.load(tmp_path, channels=4)[0, 0, 0, 3]) == 0

    def test_jpeg_in_grey_colour_and_cmyk(self, tmp_path):
        smooth = np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8)
        Image.fromarray(smooth).save(tmp_path / "grey.jpg", quality=95)
        Image.fromarray(np.repeat(smooth[..., None], 3, -1)).save(tmp_path / "colour.jpeg", quality=95)
        Image.fromarray(np.repeat(smooth[..., None], 3, -1)).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
        found = data.load(tmp_path).astype(int)
        assert found.shape == (3, 16, 16, 3)
        assert np.abs(found - smooth[..., None]).max() <= 6

    def test_only_the_first_picture_of_an_animation(self, tmp_path):
        frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 200)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        assert (data.load(tmp_path) == 10).all()

    @pytest.mark.parametrize(
        ("values", "reason"),
        [(np.full((8, 8), 3, np.float32), "floats"), (np.full((8, 8), -5, np.int32), "-5"), (DEEP * 2.0, "floats")],
        ids=["floats-above-1", "integers-below-0", "floats-of-16-bits"],
    )
    def test_what_has_no_range_is_refused(self, tmp_path, values, reason):
        Image.fromarray(values.astype(np.float32) if values.dtype.kind == "f" else values).save(tmp_path / "a.tif")
        with pytest.raises(ValueError, match=f"{reason}.*value_range"):
            data.load(tmp_path)

    def test_postscript_is_never_run(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n" * 4)
        with pytest.raises(BrokenImages, match=r"a\.png \(not an image"):
            data.load(tmp_path)


class TestOrientation:
    @pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_pictures_are_turned_as_they_are_seen(self, tmp_path, orientation, ending):
        """A corner marks the place that must come out at the upper left: EXIF 2.3, section 4.6.4."""
        upright = np.zeros((16, 32), np.uint8)
        upright[:8, :16] = 255
        stored = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.T,
            6: upright.T[::-1],
            7: upright.T[::-1, ::-1],
            8: upright.T[:, ::-1],
        }[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(stored)).convert("RGB").save(tmp_path / f"a.{ending}", exif=exif)
        found = data.load(tmp_path, channels=1)
        assert found.shape == (1, 16, 32, 1)
        assert np.abs(found[0, ..., 0].astype(int) - upright).max() < 30

    @pytest.mark.parametrize("exif", [b"Exif\0\0garbage that is no TIFF", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
    def test_damaged_exif_does_not_matter(self, tmp_path, exif):
        save(tmp_path / "a.jpg", exif=exif)
        assert data.load(tmp_path).shape == (1, 8, 8, 3)


class TestSizes:
    def test_pictures_that_differ_are_named(self, tmp_path):
        save(tmp_path / "a.png", height=8, width=8)
        save(tmp_path / "b.png", height=8, width=12)
        with pytest.raises(ShapeError, match=r"a\.png is 8×8, b\.png is 12×8.*image_size=64"):
            data.load(tmp_path)

    def test_and_are_made_the_same(self, tmp_path):
        save(tmp_path / "a.png", height=9, width=20)
        save(tmp_path / "b.jpg", height=40, width=7)
        save(tmp_path / "c.png", height=1, width=1)
        assert data.load(tmp_path, image_size=6).shape == (3, 6, 6, 3)
        assert data.load(tmp_path, image_size=(5, 9), channels=1).shape == (3, 5, 9, 1)

    def test_a_folder_gives_what_an_array_gives(self, tmp_path):
        images = folder_of(tmp_path, ["a.png", "b.png"], height=20, width=30)
        for channels in (1, 3, 4):
            np.testing.assert_array_equal(
                data.load(tmp_path, image_size=8, channels=channels), data.load(images, image_size=8, channels=channels)
            )

    def test_exif_counts_before_sizes_are_compared(self, tmp_path):
        save(tmp_path / "a.jpg", height=8, width=16)
        exif = Image.Exif()
        exif[0x0112] = 6
        save(tmp_path / "b.jpg", height=16, width=8, exif=exif)
        assert data.load(tmp_path).shape == (2, 8, 16, 3)

    def test_a_size_that_shows_only_when_decoding(self, tmp_path):
        """PNG files may hold their EXIF after the pixels."""
        save(tmp_path / "a.png", height=8, width=16)
        exif = Image.Exif()
        exif[0x0112] = 6
        save(tmp_path / "b.png", height=8, width=16, exif=exif)
        content = (tmp_path / "b.png").read_bytes()
        start = content.index(b"eXIf") - 4
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        last = content.index(b"IEND") - 4
        (tmp_path / "b.png").write_bytes(content[:start] + content[end:last] + content[start:end] + content[last:])
        with pytest.raises(ShapeError, match=r"a\.png is 16×8, b\.png is 8×16"):
            data.load(tmp_path)

    def test_constant_pictures(self, tmp_path):
        for value in (0, 255):
            Image.new("L", (9, 9), value).save(tmp_path / f"{value}.png")
        found = data.load(tmp_path, image_size=4)
        assert (found[0] == 0).all()
        assert (found[1] == 255).all()

    def test_decompression_bombs_are_refused(self, tmp_path, monkeypatch):
        save(tmp_path / "good.png")
        save(tmp_path / "bomb.png", height=40, width=50)
        for limit in (1000, 1999):  # Pillow raises above twice its limit and warns above it
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
            with pytest.raises(BrokenImages, match=r"bomb\.png \(too many pixels.*MAX_IMAGE_PIXELS"):
                data.load(tmp_path, image_size=8)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
        assert len(data.load(tmp_path, image_size=8)) == 2
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        assert len(data.load(tmp_path, image_size=7)) == 2


class TestBrokenFiles:
    def spoil(self, folder):
        """Seven files, four of them broken, in four ways."""
        folder_of(folder, ["cat/a.png", "dog/b.png", "dog/c.png"], height=40, width=40)
        whole = (folder / "cat/a.png").read_bytes()
        (folder / "cat/truncated.png").write_bytes(whole[: len(whole) // 2])
        (folder / "cat/empty.png").write_bytes(b"")
        (folder / "eel").mkdir()
        (folder / "eel/text.jpg").write_text("this is no image")
        (folder / "eel/flipped.png").write_bytes(whole[:60] + bytes(200) + whole[260:])

    def test_all_are_named_together(self, tmp_path, cache):
        self.spoil(tmp_path)
        with pytest.raises(BrokenImages, match=r"4 images cannot be read.*skip_broken=True") as caught:
            data.open(tmp_path)
        broken = ["cat/empty.png", "cat/truncated.png", "eel/flipped.png", "eel/text.jpg"]
        assert list(caught.value.files) == broken
        assert all(name in str(caught.value) for name in broken)
        assert not list(cache.rglob("*.*"))

    def test_and_left_out_if_asked(self, tmp_path):
        self.spoil(tmp_path)
        with pytest.warns(UserWarning, match=r"left out 4 of 7 images.*cat/truncated.png") as caught:
            found = data.open(tmp_path, skip_broken=True)
        assert caught[0].filename == __file__
        assert len(found) == 3
        assert found.class_names == ("cat", "dog")
        assert found.labels.tolist() == [0, 1, 1]
        np.testing.assert_array_equal(found.images[1], pixels(1, 40, 40))
        with pytest.warns(UserWarning, match="left out 4 of 7") as caught:  # from the cache too
            again = data.load(tmp_path, skip_broken=True)
        assert caught[0].filename == __file__
        np.testing.assert_array_equal(again, found.images)

    def test_long_lists_are_cut_in_the_message_only(self, tmp_path):
        save(tmp_path / "good.png")
        for number in range(30):
            (tmp_path / f"bad{number:02}.png").write_bytes(b"x")
        with pytest.raises(BrokenImages, match=r"30 images cannot be read.* and 10 more") as caught:
            data.load(tmp_path)
        assert len(caught.value.files) == 30

    @pytest.mark.parametrize("skip_broken", [False, True])
    def test_nothing_but_broken_files(self, tmp_path, skip_broken):
        (tmp_path / "a.png").write_bytes(b"x")
        whole = save(tmp_path / "b.png", height=40, width=40)
        content = (tmp_path / "b.png").read_bytes()
        (tmp_path / "b.png").write_bytes(content[:-200])
        assert whole.shape
        with pytest.raises(BrokenImages, match=r"a\.png.*b\.png"):
            data.load(tmp_path, skip_broken=skip_broken)

    def test_links_to_nowhere(self, tmp_path):
        save(tmp_path / "a.png")
        (tmp_path / "b.png").symlink_to(tmp_path / "missing.png")
        (tmp_path / "c.png").symlink_to(tmp_path / "c.png")
        (tmp_path / "d.txt").symlink_to(tmp_path / "missing")
        with pytest.raises(BrokenImages, match=r"2 images.*b\.png.*c\.png"):
            data.load(tmp_path)

    def test_doubtful_files_do_not_leak_warnings(self, tmp_path):
        """Pillow warns about this palette; the suite turns warnings into errors."""
        Image.fromarray(COLOUR).quantize(16).save(tmp_path / "a.png", transparency=bytes(range(16)))
        assert data.load(tmp_path, channels=4).shape == (1, 8, 8, 4)


class TestOtherFiles:
    def test_are_passed_over(self, tmp_path):
        expected = folder_of(tmp_path, ["a.png"])
        (tmp_path / "readme.txt").write_text("hello")
        (tmp_path / "list.csv").write_text("1,2")
        (tmp_path / ".hidden.png").write_bytes(b"x")
        (tmp_path / "._a.png").write_bytes(b"x")
        (tmp_path / ".thumbnails").mkdir()
        (tmp_path / ".thumbnails" / "a.png").write_bytes(b"x")
        np.testing.assert_array_equal(data.load(tmp_path), expected)

    def test_no_picture_at_all(self, tmp_path):
        for name in ("a.txt", "b.txt", "c.zip", "d"):
            (tmp_path / name).write_text("hello")
        with pytest.raises(ValueError, match=r"no images.*\.png.*found 2 \.txt, 1 \.zip, 1 \(no ending\)"):
            data.load(tmp_path)
        (tmp_path / "empty").mkdir()
        with pytest.raises(ValueError, match=r"no images.*no files at all"):
            data.load(tmp_path / "empty")

    def test_one_picture_is_not_a_folder(self, tmp_path):
        save(tmp_path / "a.png")
        with pytest.raises(ValueError, match=r"source.*a\.png is one image; give the folder"):
            data.load(tmp_path / "a.png")

    def test_endings_in_capitals(self, tmp_path):
        save(tmp_path / "A.PNG")
        save(tmp_path / "b.Jpg")
        assert len(data.load(tmp_path)) == 2

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
    def test_pipes_are_not_waited_for(self, tmp_path):
        save(tmp_path / "a.png")
        os.mkfifo(tmp_path / "b.png")
        assert len(data.load(tmp_path)) == 1
        with pytest.raises(ValueError, match="neither a folder nor a file"):
            data.load(tmp_path / "b.png")

    def test_links_in_a_circle(self, tmp_path):
        expected = folder_of(tmp_path, ["one/a.png", "two/b.png"])
        (tmp_path / "one" / "up").symlink_to(tmp_path)
        (tmp_path / "one" / "across").symlink_to(tmp_path / "two")
        (tmp_path / "two" / "across").symlink_to(tmp_path / "one")
        found = data.open(tmp_path)
        assert len(found) == 2
        assert {one_image.tobytes() for one_image in found.images} == {one_image.tobytes() for one_image in expected}

    def test_a_linked_folder_is_followed(self, tmp_path):
        expected = folder_of(tmp_path / "real", ["a.png"])
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "cats").symlink_to(tmp_path / "real")
        found = data.open(tmp_path / "set")
        np.testing.assert_array_equal(found.images, expected)
        assert found.class_names == ("cats",)

    def test_deep_nesting(self, tmp_path):
        deep = tmp_path
        for _ in range(200):
            deep = deep / "d"
        save(deep / "a.png")
        assert data.open(tmp_path).class_names == ("d",)

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode here")
    def test_names_that_are_not_unicode(self, tmp_path):
        save(tmp_path / "a.png")
        os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/caf\xe9.png")
        (tmp_path / "unicode é 中.png").write_bytes((tmp_path / os.fsdecode(b"caf\xe9.png")).read_bytes())
        assert len(data.load(tmp_path)) == 2
        with open(os.fsencode(tmp_path) + b"/bad\xff.png", "wb") as file:
            file.write(b"x")
        with pytest.raises(BrokenImages):
            data.load(tmp_path)
        with pytest.warns(UserWarning, match="left out 1 of 3"):
            assert len(data.load(tmp_path, skip_broken=True)) == 2


class TestCache:
    """Images are decoded once, and again when anything has changed."""

    def no_decoding(self, monkeypatch):
        monkeypatch.setattr("gan_np.data.folder.decode", None)
        monkeypatch.setattr("gan_np.data.folder.inspect", None)

    def test_a_second_time_nothing_is_decoded(self, tmp_path, monkeypatch):
        expected = folder_of(tmp_path, NAMES)
        first = data.open(tmp_path)
        self.no_decoding(monkeypatch)
        second = data.open(tmp_path)
        np.testing.assert_array_equal(second.images, expected)
        assert second.fingerprint() == first.fingerprint()

    @pytest.mark.parametrize("change", ["content", "added", "removed", "renamed"])
    def test_changes_are_seen_and_the_old_entry_goes(self, tmp_path, change, cache):
        folder_of(tmp_path, NAMES)
        before = data.open(tmp_path).fingerprint()
        if change == "content":
            save(tmp_path / "a.png", seed=77)
            os.utime(tmp_path / "a.png", ns=(1, 1))
        elif change == "added":
            save(tmp_path / "aa.png", seed=77)
        elif change == "removed":
            (tmp_path / "a.png").unlink()
        else:
            (tmp_path / "a.png").rename(tmp_path / "z.png")
        assert data.open(tmp_path).fingerprint() != before
        assert len(list((cache / "decoded").iterdir())) == 2

    def test_options_have_entries_of_their_own(self, tmp_path, monkeypatch):
        folder_of(tmp_path, NAMES)
        asked = [{}, {"image_size": 4}, {"channels": 1}, {"image_size": (4, 8)}, {"skip_broken": True}]
        shapes = [data.load(tmp_path, **options).shape for options in asked]
        self.no_decoding(monkeypatch)
        assert [data.load(tmp_path, **options).shape for options in asked] == shapes

    @pytest.mark.parametrize("damage", ["flip", "cut", "empty", "no npy", "no json", "json", "other json", "swapped"])
    def test_a_damaged_entry_is_made_again(self, tmp_path, cache, damage):
        expected = folder_of(tmp_path, NAMES)
        data.load(tmp_path)
        (npy,), (record,) = (cache / "decoded").glob("*.npy"), (cache / "decoded").glob("*.json")
        content = bytearray(npy.read_bytes())
        if damage == "flip":
            content[-5] ^= 1
            npy.write_bytes(content)
        elif damage == "cut":
            npy.write_bytes(content[:-3])
        elif damage == "empty":
            npy.write_bytes(b"")
        elif damage == "no npy":
            npy.unlink()
        elif damage == "no json":
            record.unlink()
        elif damage == "json":
            record.write_text("{")
        elif damage == "other json":
            record.write_text("[1, 2]")
        else:
            np.save(npy, np.zeros((4, 8, 8, 3), np.uint8))
        np.testing.assert_array_equal(data.load(tmp_path), expected)
        np.testing.assert_array_equal(np.load(npy), expected)

    def test_cache_dir_says_where(self, tmp_path, cache):
        folder_of(tmp_path / "set", NAMES)
        data.load(tmp_path / "set", cache_dir=tmp_path / "elsewhere")
        assert len(list((tmp_path / "elsewhere" / "decoded").iterdir())) == 2
        assert not list(cache.iterdir())

    def test_the_cache_may_lie_in_the_folder_itself(self, tmp_path):
        expected = folder_of(tmp_path, NAMES)
        for _ in range(2):
            np.testing.assert_array_equal(data.load(tmp_path, cache_dir=tmp_path), expected)
