"""Moments of a training of points of the plane, kept with the run."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.runs.plane import box_around, moment_of, moments, read_moment

POINTS = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
SETTINGS = {"steps": 4, "batch_size": 8, "progress": False, "animation": False}


def test_moments_are_kept_and_change_nothing_of_the_training(tmp_path: Path) -> None:
    gans = {every: gn.models.mlp((2,), 3, hidden=8) for every in (0, 2)}
    for every, gan in gans.items():
        gn.train(gan, POINTS, out=tmp_path / f"{every}", sample_every=every, **SETTINGS)
    assert (moments(tmp_path / "0"), moments(tmp_path / "2")) == ([4], [0, 2, 4])
    for name in ("generator", "discriminator"):
        first, second = (getattr(gan, name).parameters.values for gan in gans.values())
        assert np.array_equal(first, second)
    kept = read_moment(tmp_path / "2", 4)
    made = moment_of(gans[2], box_around(POINTS))
    for name, array in made.items():
        np.testing.assert_allclose(kept[name], array, rtol=1e-6)
    assert kept["real"].shape == (50, 2)
    x0, x1, y0, y1 = kept["box"]
    inside = ([x0, y0] < POINTS) & ([x1, y1] > POINTS)
    assert inside.all()
    steps = np.linspace(x0, x1, 48, dtype=np.float32)
    cells = np.stack([steps, np.full(48, y0, np.float32)], axis=1)
    encoded = gans[2].encoding.encode(cells, np.dtype(np.float32))
    np.testing.assert_allclose(kept["field"][0], gans[2].discriminator(encoded).ravel(), atol=1e-4)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 1)])
def test_other_data_keep_none(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = np.zeros((20, *shape), np.float32 if len(shape) == 1 else np.uint8)
    data[::2] = 1
    gn.train(gn.models.mlp(shape, 3, hidden=4), data, out=tmp_path / "run", **{**SETTINGS, "steps": 1})
    assert moments(tmp_path / "run") == []
    with pytest.raises(ValueError, match="points"):
        moment_of(gn.models.mlp(shape, 3, hidden=4))
