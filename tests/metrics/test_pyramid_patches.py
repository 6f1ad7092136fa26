"""The sliced Wasserstein distance on Laplacian pyramids."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.metrics import sliced_wasserstein_on_pyramids
from gan_np.metrics.pyramid import patch_descriptors, pyramid_levels, sliced_wasserstein_of_patches


def textured(rng: np.random.Generator, count: int) -> np.ndarray:
    """28×28 images: large soft blobs and fine grain."""
    coarse = rng.normal(0, 30, (count, 7, 7, 1)).repeat(4, axis=1).repeat(4, axis=2)
    return np.clip(128 + coarse + rng.normal(0, 10, (count, 28, 28, 1)), 0, 255).astype(np.uint8)


def test_levels() -> None:
    assert [pyramid_levels(*sides) for sides in ((28, 28), (64, 64), (32, 32), (27, 28), (8, 8), (1024, 1024))] == [
        1, 2, 1, 0, 0, 6,
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 48, 3), (9, 9, 1)])
def test_descriptors_are_patches_of_the_levels(shape: tuple[int, int, int], rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (5, *shape), np.uint8)
    levels = patch_descriptors(images, patches=4)
    assert len(levels) == pyramid_levels(*shape[:2]) + 1
    assert all(part.shape == (5, 4, 49 * shape[2]) for part in levels)
    smallest = (
        gn.models.laplacian.build(images.astype(np.float32) / 255, len(levels) - 1)[-1]
        if levels[1:]
        else (images.astype(np.float32) / 255)
    )
    height, width = smallest.shape[1:3]
    first = levels[-1][0, 0].reshape(7, 7, -1)
    places = [
        np.allclose(smallest[0, y : y + 7, x : x + 7], first, atol=1e-6)
        for y in range(height - 6)
        for x in range(width - 6)
    ]
    assert any(places)


def test_zero_for_equal_sets_and_small_for_equal_distributions() -> None:
    rng = np.random.default_rng(0)
    one, two = textured(rng, 300), textured(rng, 300)
    assert sliced_wasserstein_on_pyramids(one, one) == [0.0, 0.0]
    assert max(sliced_wasserstein_on_pyramids(one, two)) < 30


def test_each_level_sees_its_own_scale() -> None:
    """Grain taken away shows in the finest level; blobs taken away in the coarsest."""
    rng = np.random.default_rng(0)
    real, other = textured(rng, 200), textured(rng, 200)
    smooth = other.reshape(200, 7, 4, 7, 4, 1).mean(axis=(2, 4)).repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
    grain = np.clip(128 + rng.normal(0, 10, other.shape), 0, 255).astype(np.uint8)
    base = sliced_wasserstein_on_pyramids(real, other)
    without_grain = sliced_wasserstein_on_pyramids(real, smooth)
    without_blobs = sliced_wasserstein_on_pyramids(real, grain)
    assert without_grain[0] > 5 * base[0]
    assert without_blobs[1] > 5 * base[1]
    assert without_grain[0] > without_grain[1]
    assert without_blobs[1] > without_blobs[0]


def test_closed_form_of_a_shift() -> None:
    """All patches moved by c (in deviations of the real ones): each projection moves by c·⟨1, direction⟩ exactly."""
    rng = np.random.default_rng(0)
    real = rng.normal(0, 2, (50, 4, 49)).astype(np.float32)
    real = (real - real.mean()) / real.std()
    found = sliced_wasserstein_of_patches(real, real + np.float32(0.5), channels=1, projections=4000)
    assert found == pytest.approx(1000 * 0.5 * np.sqrt(2 / np.pi), rel=0.03)  # E|⟨1, u⟩| → √(2/π) in 49 dimensions


def test_contrast_is_seen_and_constant_pictures_are_no_error() -> None:
    rng = np.random.default_rng(0)
    real = textured(rng, 100)
    pale = (128 + (real.astype(float) - 128) / 2).astype(np.uint8)
    base = sliced_wasserstein_on_pyramids(real, textured(rng, 100))
    assert min(sliced_wasserstein_on_pyramids(real, pale)) > 3 * max(base)
    assert np.isfinite(sliced_wasserstein_on_pyramids(real, np.full_like(real, 7))).all()
    assert np.isfinite(sliced_wasserstein_on_pyramids(np.full_like(real, 7), real)).all()


def test_same_seed_same_figure(rng: np.random.Generator) -> None:
    one, two = textured(rng, 40), textured(rng, 40)
    assert sliced_wasserstein_on_pyramids(one, two, seed=1) == sliced_wasserstein_on_pyramids(one, two, seed=1)
    assert sliced_wasserstein_on_pyramids(one, two, seed=1) != sliced_wasserstein_on_pyramids(one, two, seed=2)


def test_refusals(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (5, 8, 8, 1), np.uint8)
    with pytest.raises(gn.ShapeError, match="generated"):
        sliced_wasserstein_on_pyramids(images, images[:4])
    with pytest.raises(TypeError, match="uint8"):
        patch_descriptors(images.astype(np.int32))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        patch_descriptors(images.astype(np.float32))
    with pytest.raises(gn.ShapeError, match="at least 7"):
        patch_descriptors(images[:, :6])


@pytest.mark.parametrize("value", [0, 1, 76, 77, 255])
def test_constant_real_images(value: int, rng: np.random.Generator) -> None:
    """Their deviation is rounding and divides nothing: a distance of images in 0…1, not of 10¹⁰."""
    constant = np.full((20, 28, 28, 1), value, np.uint8)
    other = rng.integers(0, 256, constant.shape, np.uint8)
    assert sliced_wasserstein_on_pyramids(constant, constant.copy()) == [0, 0]
    assert max(sliced_wasserstein_on_pyramids(constant, other)) < 1000
    near = np.full_like(constant, value + 1 if value < 255 else 254)
    fine, coarse = sliced_wasserstein_on_pyramids(constant, near)
    assert fine == pytest.approx(0, abs=1e-3)
    assert 1 < coarse < 10  # 1000/255, times the mean size of a projection of ones
