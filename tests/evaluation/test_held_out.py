"""Held-out images: a test part where there is one, never what training saw, and no pretending."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_np.checks import ShapeError
from gan_np.cli.commands import function_of
from gan_np.data import BrokenImages
from gan_np.evaluation.held_out import held_out_images, some_of
from gan_np.evaluation.pairs import neighbour_sheet
from gan_np.metrics.cells import cell_of, k_means
from gan_np.runs import Config


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)


def test_the_test_part(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "parts.npz", x_train=images[:8], x_test=images[8:], y_test=np.arange(4))
    found, seen = held_out_images(Config(data=str(tmp_path / "parts.npz")), images[:8])
    assert seen == 0
    assert np.array_equal(found.images, images[8:])


def test_no_test_part_is_said_and_not_invented(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "whole.npz", images=images)
    with pytest.raises(ValueError, match="--held-out"):
        held_out_images(Config(data=str(tmp_path / "whole.npz")), images)


def test_pictures_seen_in_training_are_left_out(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "other.npz", images=images, labels=np.arange(12))
    found, seen = held_out_images(Config(), images[:9], str(tmp_path / "other.npz"))
    assert seen == 9
    assert np.array_equal(found.images, images[9:])
    assert found.labels is not None
    assert found.labels.tolist() == [9, 10, 11]
    with pytest.raises(ValueError, match="every image"):
        held_out_images(Config(), images, str(tmp_path / "other.npz"))


def test_other_shapes_are_refused(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "small.npy", images[:, :4])
    with pytest.raises(ValueError, match="held-out"):
        held_out_images(Config(), images, str(tmp_path / "small.npy"))


def files_of_two_sizes(folder: Path) -> Path:
    """Twelve 8×8 images, one of 8×10 and one that cannot be read."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(13):
        image = rng.integers(0, 256, (8, 10 if number == 12 else 8), np.uint8)
        Image.fromarray(image).save(folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes((folder / "00.png").read_bytes()[:40])
    return folder


def test_files_of_several_sizes_are_brought_to_the_size_of_the_run(tmp_path: Path, images: np.ndarray) -> None:
    folder = files_of_two_sizes(tmp_path / "other")
    with (
        pytest.warns(UserWarning, match="held-out: the images of .* are brought to 8×8, the size of the run's own"),
        pytest.raises(BrokenImages, match=r"broken\.png .*--skip-broken leaves them out"),
    ):
        held_out_images(Config(), images, str(folder))
    with (
        pytest.warns(UserWarning, match="left out 1 of 14 images"),
        pytest.warns(UserWarning, match="are brought to 8×8"),
    ):
        found, seen = held_out_images(Config(), images, str(folder), skip_broken=True)
    assert (found.images.shape, seen) == ((13, 8, 8, 1), 0)
    with pytest.raises(ShapeError, match=r"held-out: expected vectors of 3 numbers, as in training, .* has images"):
        held_out_images(Config(), np.zeros((4, 3)), str(folder), skip_broken=True)


@pytest.mark.parametrize("command", ["evaluate", "neighbours"])
def test_the_commands_have_the_option_that_is_advised(command: str) -> None:
    assert "skip_broken" in inspect.signature(function_of(command)).parameters


def test_some_are_drawn_over_the_whole() -> None:
    chosen = some_of(50, 1000)
    assert len(set(chosen.tolist())) == 50
    assert chosen.min() < 200
    assert chosen.max() > 800
    assert some_of(50, 20).tolist() == list(range(20))


def test_sheet(images: np.ndarray) -> None:
    sheet, columns = neighbour_sheet(images[:2], images, [np.array([[3, 4], [5, 6]]), np.array([[7], [8]])])
    assert columns == 6
    assert np.array_equal(sheet[[0, 2, 3, 5]], images[[0, 3, 4, 7]])
    assert np.array_equal(sheet[[6, 8, 9, 11]], images[[1, 5, 6, 8]])
    assert (sheet[[1, 4, 7, 10]] == 255).all()


def test_k_means_finds_separated_cells(rng: np.random.Generator) -> None:
    kind = rng.integers(0, 3, 300)
    points = 10 * np.eye(3)[kind] + 0.3 * rng.standard_normal((300, 3))
    own = cell_of(points, k_means(points, 3, seed=1))
    assert len({(int(a), int(b)) for a, b in zip(kind, own, strict=True)}) == 3
