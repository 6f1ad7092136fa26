"""Walks through z: where they go, and that their frames are the images of those points."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.latent import Along, Category, Decoder, Label, axis, between_classes, through, traversal_frames, walk
from gan_np.latent.walks import places_of
from gan_np.models import Prior

STOPS = np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)


def test_a_closed_path_comes_back_in_equal_steps() -> None:
    path = through(Prior(6), STOPS, 30)
    np.testing.assert_allclose(path[::10], STOPS, atol=1e-6)
    steps = np.linalg.norm(np.diff(np.concatenate([path, path[:1]]), axis=0), axis=1)
    assert steps.max() < 3 * steps.min()
    lengths = np.linalg.norm(path, axis=1)
    ends = np.linalg.norm(STOPS, axis=1)
    assert ends.min() - 1e-5 <= lengths.min()  # a straight line would cut through the middle
    assert lengths.max() <= ends.max() + 1e-5


def test_an_open_path_ends_at_the_last_stop() -> None:
    path = through(Prior(6), STOPS, 21, closed=False)
    np.testing.assert_allclose(path[[0, 10, 20]], STOPS, atol=1e-6)


def test_uniform_noise_stays_in_its_box() -> None:
    stops = np.array([[1, 1], [-1, 1]], np.float32)
    path = through(Prior(2, "uniform"), stops, 8)
    assert np.abs(path).max() <= 1
    np.testing.assert_allclose(path[:, 1], 1)


def test_one_stop_stays_and_the_origin_has_no_circle() -> None:
    assert (through(Prior(6), STOPS[:1], 4) == STOPS[0]).all()
    assert np.isfinite(through(Prior(6), np.stack([STOPS[0], 0 * STOPS[0]]), 5)).all()


def test_codes_of_an_infogan_are_mixed_in_a_straight_line() -> None:
    prior = gn.models.infogan((8, 8, 1), 4, categories=3, width=2).prior
    path = through(prior, prior.of_seed(0, 3, np.dtype(np.float32)), 12)
    np.testing.assert_allclose(prior.codes_of(path)[0].sum(axis=1), 1, atol=1e-6)


def test_frames_are_the_images_of_the_points() -> None:
    gan = gn.models.mlp((8, 8, 1), 6, hidden=8)
    decoder = Decoder(gan)
    path = np.stack([through(gan.prior, STOPS, 50), through(gan.prior, STOPS[::-1], 50)], axis=1)
    frames = list(walk(decoder, path))
    assert [frame.shape for frame in frames] == [(2, 8, 8, 1)] * 50
    np.testing.assert_array_equal(np.stack(frames)[:, 1], gan.decode(path[:, 1]))
    with pytest.raises(gn.ShapeError, match="z: expected"):
        walk(decoder, path[0])


def test_labels_of_walks() -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 6, classes=3, width=2)
    path = np.stack([through(gan.prior, STOPS, 6)] * 2, axis=1)
    frames = np.stack(list(walk(Decoder(gan), path, [0, 2])))
    np.testing.assert_array_equal(frames[:, 1], gan.decode(path[:, 1], labels=2))
    with pytest.raises(ValueError, match="labels: expected 0 to 2"):
        walk(Decoder(gan), path, 5)


def test_from_class_to_class() -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 6, classes=3, width=2)
    made = np.concatenate(list(between_classes(Decoder(gan), STOPS[0], [0, 2], 8)))
    for frame, label in ((0, 0), (4, 2)):
        np.testing.assert_array_equal(made[frame], gan.decode(np.repeat(STOPS[:1], 8, axis=0), labels=label)[frame])
    assert (made[2] == made[6]).all()  # half-way there, half-way back
    with pytest.raises(ValueError, match="classes: need a conditional model"):
        between_classes(Decoder(gn.models.mlp((8, 8, 1), 6, hidden=8)), STOPS[0], [0], 4)


def test_where_factors_are() -> None:
    there_and_back = places_of(Along(axis(0, 6), -2, 2), 8)
    np.testing.assert_allclose([there_and_back[k] for k in (0, 2, 4, 6)], [-2, 0, 2, 0], atol=1e-12)
    assert places_of(Along(axis(0, 6), -2, 2), 3, closed=False) == [-2, 0, 2]
    assert places_of(Label(3, labels=(2, 5, 9)), 6) == [2, 2, 5, 5, 9, 9]
    prior = gn.models.infogan((8, 8, 1), 4, categories=3, width=2).prior
    assert places_of(Category(prior), 3) == [0, 1, 2]


def test_frames_of_a_traversal() -> None:
    gan = gn.models.mlp((8, 8, 1), 6, hidden=8)
    across, down = (Along(axis(k, 6), -2, 2) for k in (0, 1))
    frames = np.stack(list(traversal_frames(Decoder(gan), STOPS[0], across, down, frames=5, rows=3, closed=False)))
    grid = gn.latent.traverse(Decoder(gan), STOPS[0], across, down, columns=5, rows=3).images
    np.testing.assert_array_equal(frames, grid.reshape(3, 5, 8, 8, 1).swapaxes(0, 1))


def test_points_are_kept_in_a_file(tmp_path: Path) -> None:
    path = gn.latent.save_points(tmp_path / "z.npz", STOPS, labels=np.array([1, 0, 2]))
    found = gn.latent.read_points(path, 6, np.dtype(np.float64))
    np.testing.assert_array_equal(found.z, STOPS.astype(np.float64))
    assert found.labels is not None
    assert found.labels.tolist() == [1, 0, 2]
    np.save(tmp_path / "z.npy", STOPS[0])
    assert gn.latent.read_points(tmp_path / "z.npy", 6, np.dtype(np.float32)).z.shape == (1, 6)
    with pytest.raises(ValueError, match=r"from: .*expected z \(N, 4\)"):
        gn.latent.read_points(path, 4, np.dtype(np.float32), "from")
    with pytest.raises(ValueError, match=r"kept in an \.npz file"):
        gn.latent.save_points(tmp_path / "z.txt", STOPS)
    for spoiled in (b"", b"PK\x03\x04 no archive", path.read_bytes()[:200]):
        (tmp_path / "bad.npz").write_bytes(spoiled)
        with pytest.raises(ValueError, match=r"bad\.npz: not an \.npz file with z"):
            gn.latent.read_points(tmp_path / "bad.npz", 6, np.dtype(np.float32))
    np.savez(tmp_path / "nan.npz", z=np.full((2, 6), np.nan))
    with pytest.raises(ValueError, match="NaN or infinite"):
        gn.latent.read_points(tmp_path / "nan.npz", 6, np.dtype(np.float32))
