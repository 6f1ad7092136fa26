"""The grid: what changes along its axes, and that nothing else does."""

import numpy as np
import pytest
from linear import linear_gan

import gan_np as gn
from gan_np.latent import Along, Category, Code, Decoder, Label, along, axis, code, traverse


def assert_same(one: np.ndarray, other: np.ndarray) -> None:
    """Images of one z, made in batches of different sizes, which may round a pixel to the next of 256 levels."""
    assert np.abs(one.astype(int) - other).max() <= 1


def test_a_grid_of_two_axes() -> None:
    decoder = Decoder(linear_gan(0.2 * np.eye(3)))
    start = np.array([0.5, -0.5, 1.0], np.float32)
    grid = traverse(decoder, start, Along(axis(0, 3), -1, 2), Along(axis(2, 3)), columns=4, rows=3)
    assert grid.across == [-1, 0, 1, 2]
    assert grid.down == [-3, 0, 3]
    expected = [[0.5 + t, -0.5, 1.0 + s] for s in grid.down for t in grid.across]
    assert np.array_equal(grid.images, decoder(np.array(expected, np.float32)))
    assert len(np.unique(grid.images[..., 0, 1, 0])) == 1, "what is not an axis of the grid stays"


def test_one_row_and_one_place() -> None:
    decoder = Decoder(linear_gan(np.eye(3)))
    start = np.zeros(3, np.float32)
    assert traverse(decoder, start, Along(axis(0, 3)), columns=5).images.shape == (5, 1, 3, 1)
    assert Along(axis(0, 3), -1, 2).places(1) == [0.5]


def test_the_start_is_the_sample() -> None:
    gan = gn.models.dcgan((8, 8, 1), 3, width=2)
    decoder = Decoder(gan)
    grid = traverse(decoder, decoder.points(5, seed=7)[4], Along(axis(0, 3)), columns=3)
    assert_same(grid.images[1], gan.sample(5, seed=7)[4])


def test_codes_and_categories_are_set() -> None:
    gan = gn.models.infogan((8, 8, 1), 3, categories=3, continuous=2, width=2)
    assert isinstance(gan.prior, gn.models.CodePrior)
    z = gan.prior.of_seed(0, 2, np.dtype(np.float32))
    moved, _ = Code(code(2, gan.prior), -2, 2).apply(z, None, 1.5)
    np.testing.assert_allclose(gan.prior.codes_of(moved)[1][:, 1], 1.5, rtol=1e-5)
    still = [column for column in range(8) if column != 7]
    np.testing.assert_allclose(moved[:, still], z[:, still], atol=1e-6)
    changed, _ = Category(gan.prior).apply(z, None, 2)
    assert gan.prior.codes_of(changed)[0].tolist() == [[0, 0, 1]] * 2
    assert np.array_equal(changed[:, :3], z[:, :3])
    assert Category(gan.prior).places(4) == [0, 1, 2, 0]


def test_labels() -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 3, classes=4, width=2)
    decoder = Decoder(gan)
    start = decoder.points(1, seed=1)[0]
    grid = traverse(decoder, start, Along(axis(0, 3)), Label(4), columns=3, rows=4)
    for row in range(4):
        assert_same(grid.images[3 * row + 1], gan.sample(1, seed=1, labels=row)[0])
    fixed = traverse(decoder, start, Along(axis(0, 3)), columns=3, label=2)
    assert_same(fixed.images[1], grid.images[7])
    with pytest.raises(ValueError, match="not conditional"):
        traverse(Decoder(linear_gan(np.eye(3))), np.zeros(3, np.float32), Along(axis(0, 3)), label=1)


@pytest.mark.parametrize("classes", [None, 3])
def test_a_lapgan_moves_its_coarsest_z_with_one_noise(classes: int | None) -> None:
    gan = gn.models.lapgan((16, 16, 1), 3, levels=1, width=2, hidden=6, classes=classes)
    decoder = Decoder(gan, seed=5)
    z = np.repeat(decoder.points(1, seed=0), 3, axis=0)
    same = decoder(z, None if classes is None else np.zeros(3, int))
    assert same.shape == (3, 16, 16, 1)
    assert np.array_equal(same[0], same[1])
    assert np.array_equal(same[0], same[2])
    other = Decoder(gan, seed=6)(z, None if classes is None else np.zeros(3, int))
    assert not np.array_equal(same, other)
    z[1] += 1
    assert not np.array_equal(decoder(z, None if classes is None else np.zeros(3, int))[1], same[1])
    if classes:
        assert not np.array_equal(decoder(z, np.arange(3))[2], same[2])


def test_a_lapgan_s_first_sample_is_the_decoder_s() -> None:
    """Image 0 of `sample` and z 0 of the decoder with the same seed: levels and noises are joined alike."""
    gan = gn.models.lapgan((16, 16, 1), 3, levels=1, width=2, hidden=6)
    streams = [int(n) for n in gn.arrays.generator(4, 1).integers(0, 2**31, 2)]
    decoder = Decoder(gan, seed=4)
    assert np.array_equal(decoder(decoder.points(1, streams[0])), gan.sample(1, seed=4))


def test_a_bare_direction_is_no_factor() -> None:
    decoder = Decoder(gn.models.dcgan((8, 8, 1), 3, width=2))
    start, direction = decoder.points(1, seed=0)[0], axis(0, 3)
    with pytest.raises(TypeError, match=r"across: expected a factor .*, got Direction; .* give Along\(direction\)"):
        traverse(decoder, start, direction)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="down: expected a factor"):
        traverse(decoder, start, Along(direction), "label")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="factor: expected a factor"):
        along(direction, start, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="computes in float32, got float64; convert explicitly"):
        traverse(decoder, start.tolist(), Along(direction))
