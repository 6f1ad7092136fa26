"""Channels, sizes and float ranges."""

import numpy as np
import pytest
from image_files import pixels
from PIL import Image

from gan_np import data
from gan_np.data.channels import to_channels
from gan_np.data.images import save_animation
from gan_np.data.resize import resize


@pytest.mark.parametrize("given", [1, 2, 3, 4])
@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_shapes_and_types(given, wanted):
    some_images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, given), np.uint8)
    before = some_images.copy()
    converted = to_channels(some_images, wanted)
    assert converted.shape == (5, 4, 6, wanted)
    assert converted.dtype == np.uint8
    np.testing.assert_array_equal(some_images, before)


def test_grey_is_pillows():
    """All reds, greens and blues in steps of 5, and the corners."""
    steps = np.array([*range(0, 256, 5)], np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, len(steps), 3)
    expected = np.asarray(Image.fromarray(colours[0]).convert("L"))
    np.testing.assert_array_equal(to_channels(colours, 1)[0, :, :, 0], expected)


def test_alpha_is_laid_on_white():
    """Every colour value with every alpha, against exact arithmetic."""
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    exact = (alpha * colour + (255 - alpha) * 255) / 255
    mixed = to_channels(np.stack([colour, alpha], -1).astype(np.uint8), 1)[..., 0]
    assert np.abs(mixed - exact).max() <= 0.5
    np.testing.assert_array_equal(mixed[255], np.arange(256))
    assert (mixed[0] == 255).all()


def test_alpha_is_kept_or_made_opaque():
    some_images = pixels(0, channels=4)[None]
    assert to_channels(some_images, 4) is some_images
    np.testing.assert_array_equal(to_channels(some_images[..., :3], 4)[..., :3], some_images[..., :3])
    assert (to_channels(some_images[..., :3], 4)[..., 3] == 255).all()
    grey_alpha = to_channels(some_images[..., 2:], 4)
    np.testing.assert_array_equal(grey_alpha, some_images[..., [2, 2, 2, 3]])


def test_colour_of_transparent_grey_agrees_with_its_grey():
    some_images = pixels(1, channels=4)[None, ..., 2:]
    np.testing.assert_array_equal(to_channels(some_images, 3), np.repeat(to_channels(some_images, 1), 3, axis=-1))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(4, 4), (8, 8), (16, 5), (3, 20)])
def test_constant_pictures_stay_constant(channels, size):
    some_images = np.broadcast_to(np.arange(200, 200 + channels, dtype=np.uint8), (2, 8, 8, channels))
    resized = resize(some_images, size)
    assert resized.shape == (2, *size, channels)
    tolerance = 0 if channels in (1, 3) else 1  # Pillow weights colours with alpha in 8 bits
    assert np.abs(resized.astype(int) - some_images[:, :1, :1]).max() <= tolerance


def test_reduction_does_not_alias():
    """A pattern too fine for the new size becomes its mean."""
    fine = np.indices((64, 64)).sum(axis=0) % 2 * 255
    small = resize(fine.astype(np.uint8)[None, :, :, None], (8, 8)).astype(int)
    assert np.abs(small - 127).max() <= 2


def test_what_sticks_out_is_cut_on_both_sides_alike():
    wide = np.zeros((1, 8, 24, 1), np.uint8)
    wide[:, :, 8:16] = 200
    np.testing.assert_array_equal(resize(wide, (8, 8)), np.full((1, 8, 8, 1), 200))
    tall = wide.transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(resize(tall, (8, 8)), np.full((1, 8, 8, 1), 200))
    assert (resize(wide, (4, 4)) > 180).all()  # the filter sees a little of what is cut


def test_a_picture_of_the_size_is_unchanged():
    some_images = pixels(2)[None]
    assert resize(some_images, (8, 8)) is some_images


def test_hidden_colours_do_not_bleed_through_alpha():
    """Red under alpha 0 beside opaque blue: no red may show after resizing."""
    one_image = np.zeros((1, 16, 16, 4), np.uint8)
    one_image[..., :8, 0] = 255
    one_image[..., 8:, 2:] = 255
    on_white = to_channels(resize(one_image, (4, 4)), 3).astype(int)
    assert (on_white[..., 0] <= on_white[..., 1] + 1).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4"])
@pytest.mark.parametrize(("pixel_range", "low"), [("0..1", 0.0), ("-1..1", -1.0)])
def test_floats_are_rounded(dtype, pixel_range, low):
    values = np.linspace(low, 1, 400).reshape(4, 10, 10).astype(dtype)
    exact = (values.astype(np.float64) - low) / (1 - low) * 255
    got = data.load(values)
    assert got.dtype == np.uint8
    assert got.shape == (4, 10, 10, 1)
    assert np.abs(got[..., 0] - exact).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("pixel_range", ["0..1", "-1..1"])
def test_bytes_come_back_from_floats(pixel_range):
    some_images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    floats = data.to_float(some_images, pixel_range, np.dtype(np.float32))
    np.testing.assert_array_equal(data.load(floats), some_images)


def test_floats_of_the_usual_rounding_are_within_the_range():
    floats = np.full((1, 8, 8, 1), 1 + 1e-6)
    floats[0, 0, 0] = -1 - 1e-6
    got = data.load(floats)
    assert got[0, 0, 0, 0] == 0
    assert got[0, 1, 1, 0] == 255


@pytest.mark.parametrize(
    ("low", "high", "advice"), [(0, 255, "value_range.*0..255"), (-3, 2, "−1, 1"), (0, 1.3, "0, 1"), (-2, 0, "−1, 1")]
)
def test_floats_outside_both_ranges_are_refused(low, high, advice):
    values = np.linspace(low, high, 64).reshape(1, 8, 8)
    with pytest.raises(ValueError, match=f"images.*{advice}"):
        data.load(values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_floats_that_are_not_finite_are_refused(bad):
    values = np.zeros((3, 8, 8), np.float32)
    values[2, 3, 4] = bad
    with pytest.raises(ValueError, match="images: expected finite floats"):
        data.load(values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_of_chosen_pictures_some_of_them_mirrored(dtype):
    """The same bits as of images that were chosen and flipped before."""
    some_images = np.random.default_rng(1).integers(0, 256, (9, 4, 5, 3), np.uint8)
    index, mirrored = np.array([8, 0, 3, 3]), np.array([0, 1, 1, 0], np.uint8)
    by_hand = np.stack([some_images[8], some_images[0, :, ::-1], some_images[3, :, ::-1], some_images[3]])
    found = data.to_float(some_images, "-1..1", np.dtype(dtype), index=index, mirrored=mirrored)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, data.to_float(by_hand, "-1..1", np.dtype(dtype)))


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [(0, 255, r"lie in \[0, 1\], these go from 0 to 255"), (-1, 1, "these go from -1 to 1"), (0, np.nan, "NaN")],
)
@pytest.mark.parametrize(
    "draw",
    [
        lambda images, folder: data.save_grid(images, folder / "grid.png"),
        lambda images, folder: save_animation(images[:, None], folder / "grid.gif"),
    ],
    ids=["grid", "animation"],
)
def test_a_grid_of_other_floats_than_from_0_to_1_is_refused(low, high, message, draw, tmp_path):
    images = np.linspace(low, high, 32).reshape(2, 4, 4, 1)
    if np.isnan(high):
        images = np.where(np.arange(32).reshape(images.shape) == 7, np.nan, 0.5)
    with pytest.raises(ValueError, match=message):
        draw(images, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_grid_takes_what_rounding_leaves_outside(tmp_path):
    images = np.array([-1e-7, 0.0, 0.5, 1 + 1e-7], np.float32).reshape(1, 2, 2, 1)
    written = Image.open(data.save_grid(images, tmp_path / "grid.png", zoom=1))
    assert np.asarray(written)[2:4, 2:4].tolist() == [[0, 0], [128, 255]]
