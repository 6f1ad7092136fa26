"""From an image back to the z that it was made of."""

import numpy as np
import pytest
from linear import linear_gan, orthogonal

import gan_np as gn
from gan_np.latent import invert


def test_z_of_a_known_sample_is_recovered(rng: np.random.Generator) -> None:
    """A generator that forgets nothing: z comes back as exactly as images of 256 levels allow."""
    gan = linear_gan(0.4 * orthogonal(rng, 30, 5).T, dtype=np.float64)
    z = gan.prior.of_seed(3, 4, np.dtype(np.float64))
    found = invert(gan, gan.decode(z), starts=2, steps=300)
    np.testing.assert_allclose(found.z, z, atol=0.03)
    assert (found.distances < 0.01).all()
    assert found.of_starts.shape == (4, 2)
    barely = invert(gan, gan.decode(z), starts=2, steps=2)
    assert (barely.distances > 10 * found.distances).all()


def test_distances_are_those_of_pictures(rng: np.random.Generator) -> None:
    gan = linear_gan(0.4 * orthogonal(rng, 30, 5).T)
    images = rng.integers(0, 256, (3, 1, 30, 1), np.uint8)  # nothing like what this generator draws
    found = invert(gan, images, starts=2, steps=30)
    made = gan.decode(found.z).astype(float)
    expected = np.linalg.norm((made - images).reshape(3, -1) / 255, axis=1)
    np.testing.assert_allclose(found.distances, expected, atol=0.02)
    np.testing.assert_array_equal(found.distances, found.of_starts.min(axis=1))
    assert (found.distances > 1).all()


def test_more_starts_are_never_worse(rng: np.random.Generator) -> None:
    gan = gn.models.dcgan((8, 8, 1), 3, width=2)
    images = gan.sample(2, seed=5)
    one, many = (invert(gan, images, starts=starts, steps=20) for starts in (1, 4))
    # the first image's first start is the same point in both
    assert many.distances[0] <= one.distances[0] * 1.001
    assert many.of_starts.shape == (2, 4)


def test_conditional(rng: np.random.Generator) -> None:
    gan = gn.models.conditional_dcgan((8, 8, 1), 3, classes=2, width=4)
    gan.generator.parameters.assign(
        gan.generator.parameters.values + 0.3 * rng.standard_normal(len(gan.generator.parameters)).astype(np.float32)
    )
    labels = np.array([0, 1])
    images = gan.sample(2, seed=1, labels=labels)
    right, wrong = (invert(gan, images, labels=given, starts=6, steps=150) for given in (labels, 1 - labels))
    assert right.distances.sum() < wrong.distances.sum()
    assert right.distances.max() < 0.5


def test_uniform_z_stays_in_its_range() -> None:
    gan = linear_gan(np.eye(3), kind="uniform")
    found = invert(gan, np.full((1, 1, 3, 1), 255, np.uint8), starts=2, steps=60)
    np.testing.assert_allclose(found.z, 1.0, atol=1e-5)


def test_refusals() -> None:
    gan = linear_gan(np.eye(3))
    with pytest.raises(ValueError, match="images"):
        invert(gan, np.zeros((1, 2, 3, 1), np.uint8))
    with pytest.raises(TypeError, match="uint8"):
        invert(gan, np.zeros((1, 1, 3, 1), np.int64))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        invert(gan, np.full((1, 1, 3, 1), 1.5))
    with pytest.raises(ValueError, match="starts"):
        invert(gan, np.zeros((1, 1, 3, 1), np.uint8), starts=0)
