"""Properties of images against what they were drawn with."""

import numpy as np
import pytest

from gan_np.checks import ShapeError
from gan_np.metrics.appearance import appearance


def stroke(slope: float, left: int = 10, value: int = 200) -> np.ndarray:
    """An upright bar of 3 pixels, whose top leans to the right by `slope` pixels a pixel."""
    image = np.full((1, 33, 33, 1), 20, np.uint8)
    for row in range(6, 27):
        start = round(left + slope * (16 - row))
        image[0, row, start : start + 3] = value
    return image


def read(image: np.ndarray) -> dict[str, float]:
    values, names = appearance(image)
    return dict(zip(names, values[0].tolist(), strict=True))


def test_a_stroke_is_where_and_as_slanted_as_it_was_drawn() -> None:
    upright, leaning = read(stroke(0)), read(stroke(0.5))
    assert upright["place across"] == pytest.approx(11 / 32)
    assert upright["place down"] == pytest.approx(0.5)
    assert upright["slant"] == pytest.approx(0, abs=1e-12)
    assert leaning["slant"] == pytest.approx(0.5, abs=0.02)
    assert read(stroke(-0.5))["slant"] == pytest.approx(-0.5, abs=0.02)
    assert leaning["width"] > upright["width"]
    assert leaning["height"] == pytest.approx(upright["height"])
    assert read(stroke(0, 20))["place across"] == pytest.approx(21 / 32)


def test_brightness_contrast_and_colour() -> None:
    assert read(stroke(0, value=250))["brightness"] > read(stroke(0))["brightness"]
    assert read(stroke(0, value=250))["contrast"] > read(stroke(0))["contrast"]
    grey = np.full((1, 4, 4, 3), 100, np.uint8)
    red = grey.copy()
    red[..., 0] = 160
    assert (read(grey)["colour"], read(red)["colour"]) == (0, 60)


def test_an_even_image_has_no_shape_and_others_none_of_its_errors() -> None:
    even = read(np.full((1, 5, 5, 1), 7, np.uint8))
    assert (even["place across"], even["width"], even["slant"]) == (0.5, 0, 0)
    assert np.isfinite(appearance(np.zeros((2, 1, 1, 1), np.uint8))[0]).all()
    with pytest.raises(ShapeError, match="images"):
        appearance(np.zeros((4, 4, 1)))


def test_properties_do_not_see_the_scale_of_values_but_for_brightness_and_contrast() -> None:
    image = stroke(0.3).astype(np.float32)
    once, twice = read(image), read(2 * image)
    for name in ("place across", "place down", "width", "height", "slant"):
        assert twice[name] == pytest.approx(once[name])
    assert twice["brightness"] == pytest.approx(2 * once["brightness"])
