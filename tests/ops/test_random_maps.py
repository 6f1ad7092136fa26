"""The geometry and the colours of adaptive augmentation: what is drawn, how often, and what it does to images."""

import numpy as np

from gan_np import ops
from gan_np.ops.random_maps import colour_matrices, geometry_maps


def never():
    return 0.0


def test_nothing_happens_with_probability_0(rng):
    maps = geometry_maps(rng, 5, (8, 6), never)
    np.testing.assert_allclose(maps, np.tile(np.eye(2, 3), (5, 1, 1)), atol=1e-12)
    np.testing.assert_array_equal(colour_matrices(rng, 5, 3, never), np.tile(np.eye(3), (5, 1, 1)))
    x = rng.standard_normal((4, 8, 6, 3))
    y, _ = ops.diff_augment(x, ("geometry", "hue"), np.random.default_rng(0), probability=never)
    np.testing.assert_allclose(y, x, atol=1e-12)


def test_each_change_has_a_coin_of_its_own():
    """At probability 1/2 one image in 2⁵ is left alone by the geometry, and not half of them."""
    maps = geometry_maps(np.random.default_rng(0), 4000, (64, 64), lambda: 0.5)
    same = np.abs(maps - np.eye(2, 3)).max(axis=(1, 2)) < 1e-9
    assert abs(same.mean() - 1 / 32) < 0.01
    matrices = colour_matrices(np.random.default_rng(0), 4000, 3, lambda: 0.5)
    same = np.abs(matrices - np.eye(3)).max(axis=(1, 2)) < 1e-9
    assert abs(same.mean() - 0.5 * 0.75) < 0.03, "luma is flipped in half of the cases where its coin fell"


def test_sizes_of_the_changes():
    maps = geometry_maps(np.random.default_rng(1), 4000, (64, 32), lambda: 1.0)
    octaves = np.log2(np.abs(np.linalg.det(maps[:, :, :2]))) / 2
    assert abs(octaves.mean()) < 0.02
    assert abs(octaves.std() - 0.2) < 0.01, "the scale; rotations and stretching keep areas"
    matrices = colour_matrices(np.random.default_rng(1), 500, 3, lambda: 1.0)
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (500, 1, 1)), atol=1e-12)
    assert 0.4 < (np.linalg.det(matrices) < 0).mean() < 0.6
    np.testing.assert_allclose(np.abs(matrices.sum(axis=2)), 1, atol=1e-12, err_msg="grey stays on the grey axis")
    assert set(colour_matrices(np.random.default_rng(1), 50, 1, lambda: 1.0).ravel()) == {-1.0, 1.0}
    four = colour_matrices(np.random.default_rng(1), 5, 4, lambda: 1.0)
    np.testing.assert_array_equal(four[:, 3], np.tile([0, 0, 0, 1.0], (5, 1)))


def test_whole_pixels_and_quarter_turns_are_exact(rng):
    x = rng.standard_normal((2, 5, 5, 2))
    shift = np.tile(np.array([[1.0, 0, 1], [0, 1, -2]]), (2, 1, 1))
    y, _ = ops.affine_sample(x, shift)
    np.testing.assert_array_equal(y[:, :4, 2:], x[:, 1:, :3])
    np.testing.assert_array_equal(y[:, 4], 0)
    turn = np.tile(np.array([[0.0, 1, 0], [-1, 0, 4]]), (2, 1, 1))
    np.testing.assert_array_equal(ops.affine_sample(x, turn)[0], np.rot90(x, 1, axes=(1, 2)))


def test_the_image_stays_in_the_middle():
    """Without translation the centre pixel of an odd image is looked up at itself, whatever else was drawn."""
    maps = geometry_maps(np.random.default_rng(2), 200, (9, 7), lambda: 1.0)
    centre = maps @ np.array([4, 3, 1.0]) - [4, 3]
    assert np.abs(centre).max() < 9
    assert np.abs(centre.mean(axis=0)).max() < 0.4


def test_neighbouring_policies_of_both_kinds(rng):
    """Colour happens to the images chosen for it, geometry by its own coins: the order of changes stays that given."""
    x = rng.standard_normal((64, 8, 8, 3))
    y, _ = ops.diff_augment(x, ("cutout", "geometry", "colour"), np.random.default_rng(3), probability=lambda: 0.3)
    same = np.abs(y - x).max(axis=(1, 2, 3)) < 1e-9
    assert 0.02 < same.mean() < 0.35
