"""Effects of directions on known factors, the reader of factors, and features of D's trunk."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.evaluation import train_reader, trunk_features
from gan_np.metrics import effects


def test_effects_of_known_factors(rng: np.random.Generator) -> None:
    """Images are z itself; factor a is z₀, b is −z₁ + z₂, and c (two columns) says the sign of z₃."""
    z = rng.standard_normal((4000, 4))

    def read(points: np.ndarray) -> np.ndarray:
        return np.stack([points[:, 0], points[:, 2] - points[:, 1], points[:, 3] > 0, points[:, 3] <= 0], axis=1)

    axes = {f"axis {i}": np.eye(4)[i] for i in range(4)}
    found = effects(lambda points: points, z, axes, read, ["a", "b", "c=yes", "c=no"], step=1.0)
    assert found.factors == ("a", "b", "c")
    a, b = 2 / np.sqrt(2), 2 / np.sqrt(2 * 2)  # a change of 2 over √(2·Var), Var 1 and 2
    crossed = np.sqrt(0.6827 / 0.5)  # both columns change where |z₃| < 1; twice their variances is 1
    expected = [[a, 0, 0], [0, b, 0], [0, b, 0], [0, 0, crossed]]
    np.testing.assert_allclose(found.sizes, expected, atol=0.03)
    np.testing.assert_allclose(found.shifts[:, :2], [[2, 0], [0, -np.sqrt(2)], [0, np.sqrt(2)], [0, 0]], atol=0.05)
    assert np.isnan(found.shifts[:, 2]).all()
    assert found.selectivity("axis 0", "a") == np.inf
    assert "axis 3" in found.table()


def test_a_factor_that_no_sample_varies(rng: np.random.Generator) -> None:
    """0/0 is 0: what is the same everywhere is left alone by every direction; a change without a spread is infinite."""
    z = rng.standard_normal((20, 2))
    ups = {"u": np.array([1.0, 0.0])}
    found = effects(lambda z: z, z, ups, lambda z: np.stack([np.ones(len(z)), z[:, 0]], axis=1), ["same", "z"])
    assert found.sizes[0, 0] == found.shifts[0, 0] == 0
    flat = np.zeros((20, 2))
    assert effects(lambda z: z, flat, ups, lambda z: z[:, :1], ["z"]).sizes[0, 0] == np.inf
    with pytest.raises(ValueError, match="read: 20 of 20"):
        effects(lambda z: z, z, ups, lambda z: np.full((len(z), 1), np.nan), ["z"])
    with pytest.raises(ValueError, match="factors: 1 of 20"):
        train_reader(np.zeros((20, 8, 8, 1), np.uint8), np.where(np.arange(20) == 3, np.nan, np.arange(20.0))[:, None])


def test_columns_need_names(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="factors"):
        effects(lambda z: z, rng.standard_normal((9, 1)), {"u": np.ones(1)}, lambda x: x, ["a", "b"])


def test_reader_reads_brightness_and_side(rng: np.random.Generator) -> None:
    factors = rng.uniform(-1, 1, (600, 2))
    images = np.full((600, 8, 8, 1), 128.0)
    images += 60 * factors[:, :1, None, None]
    images[:, :, :4] += 60 * factors[:, 1:, None, None]
    some_images = np.clip(images + rng.normal(0, 4, images.shape), 0, 255).astype(np.uint8)
    reader = train_reader(some_images[:500], factors[:500], width=4, steps=200)
    explained = reader.explained(some_images[500:], factors[500:])
    assert (explained > 0.9).all(), explained
    unread = reader.explained(some_images[500:][::-1], factors[500:])
    assert (unread < 0.3).all(), "factors of other images are not read"
    with pytest.raises(ValueError, match="column 1"):
        train_reader(some_images, np.stack([factors[:, 0], np.ones(600)], axis=1))


def models() -> list[gn.GAN]:
    return [
        gn.models.dcgan((16, 16, 1), 4, width=2),
        gn.models.dcgan((16, 16, 1), 4, width=2, d_norm="spectral", augment=["translation"]),
        gn.models.infogan((16, 16, 1), 4, width=2, categories=3),
        gn.models.conditional_dcgan((16, 16, 1), 4, classes=3, width=2),
        gn.models.mlp((16, 16, 1), 4, hidden=8, maxout_units=8),
        gn.models.residual_gan((16, 16, 1), 4, width=2),
    ]


@pytest.mark.parametrize(
    "gan", models(), ids=lambda gan: str(gan.recipe["model"] + "-" + str(gan.recipe.get("d_norm")))
)
def test_trunk_is_what_the_last_layer_sees(gan: gn.GAN, rng: np.random.Generator) -> None:
    """The last layer's weights on the features give D's logits."""
    some_images = rng.integers(0, 256, (5, 16, 16, 1), np.uint8)
    labels = np.arange(5) % 3 if gan.classes else None
    features = trunk_features(gan, some_images, labels)
    floats, context = gan.examples(some_images, labels)
    logits, _ = gan.heads(gan.discriminator(floats if context is None else (floats, context)))
    theta = gan.discriminator.parameters
    last = str(len(gan.discriminator.structure.layers) - 1)  # type: ignore[attr-defined]
    names = [segment.name for segment in theta.layout.segments if segment.name.startswith(last + ".")]
    weight = theta[next(name for name in names if name.endswith("weight"))]
    if gan.recipe.get("d_norm") == "spectral":
        product = features @ weight
        ratio = (logits - logits.mean()) / (product - product.mean())
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-2)
        return
    bias = theta[next(name for name in names if name.endswith("bias"))]
    np.testing.assert_allclose(features @ weight + bias, logits, rtol=1e-4, atol=1e-6)


def test_trunk_refuses_packing_and_missing_labels() -> None:
    with pytest.raises(ValueError, match="packing"):
        trunk_features(gn.models.dcgan((8, 8, 1), 4, width=2, packing=2), np.zeros((2, 8, 8, 1), np.uint8))
    with pytest.raises(ValueError, match="labels"):
        trunk_features(gn.models.conditional_dcgan((8, 8, 1), 4, classes=2, width=2), np.zeros((2, 8, 8, 1), np.uint8))
