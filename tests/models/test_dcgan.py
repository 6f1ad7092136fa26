import numpy as np
import pytest

import gan_np as gn
from gan_np.models import CHUNK
from gan_np.models.gan import FEW, PART


@pytest.mark.parametrize("kernel_size", [4, 5])
@pytest.mark.parametrize(
    "image_shape", [(8, 8, 1), (9, 9, 3), (28, 28, 1), (32, 32, 3), (15, 17, 4), (30, 45, 1), (64, 40, 3), (8, 256, 1)]
)
def test_any_shape(image_shape: tuple[int, int, int], kernel_size: int) -> None:
    gan = gn.models.dcgan(image_shape, 5, width=2, kernel_size=kernel_size)
    assert gan.sample(2).shape == (2, *image_shape)
    assert gan.discriminator.output_shape == (1,)


def test_64_is_the_paper_s_pyramid() -> None:
    gan = gn.models.dcgan((64, 64, 3), 100, width=64)
    shapes = [gan.discriminator.declaration.children[name].output_shape for name in ("0", "1", "3", "5")]
    assert shapes == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]
    assert (
        len(gan.generator.parameters)
        == 100 * 8192
        + 2 * 512
        + sum(16 * a * b for a, b in ((512, 256), (256, 128), (128, 64), (64, 3)))
        + 2 * (256 + 128 + 64)
        + 3
    )


def test_largest() -> None:
    gan = gn.models.dcgan((256, 256, 3), 4, width=1)
    assert gan.generator.output_shape == (256, 256, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image_shape": (7, 28, 1)}, "from 8 to 256"),
        ({"image_shape": (28, 257, 1)}, "from 8 to 256"),
        ({"image_shape": (28, 28)}, "expected 3 sizes"),
        ({"image_shape": (28, 28, 1), "kernel_size": 3}, "kernel_size"),
        ({"image_shape": (28, 28, 1), "latent_dim": 0}, "latent_dim"),
        ({"image_shape": (28, 28, 1), "width": -1}, "width"),
        ({"image_shape": (28, 28, 1), "latent": "gaussian"}, "latent"),
    ],
)
def test_refusals(arguments: dict[str, object], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        gn.models.dcgan(**arguments)  # type: ignore[arg-type]


def test_seed_decides_everything() -> None:
    first, same, other = (gn.models.dcgan((8, 8, 1), 4, width=2, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.generator.parameters.values, same.generator.parameters.values)
    assert not np.array_equal(first.generator.parameters.values, other.generator.parameters.values)
    assert not np.array_equal(first.generator.parameters.values[:20], first.discriminator.parameters.values[:20]), (
        "the players draw from different streams"
    )


def almost_equal(first, second) -> bool:
    """Whether no pixel is off by more than one of its levels, and few are by that."""
    off = np.abs(first.astype(int) - second.astype(int))
    return bool(off.max() <= 1 and off.mean() < 1e-3)


def test_same_seed_same_pictures_whatever_the_count() -> None:
    gan = gn.models.dcgan((28, 28, 1), 8, width=8)
    many = gan.sample(2 * CHUNK + 3, seed=5)
    for count in (FEW + 1, PART - 1, PART, PART + 1, CHUNK - 1, CHUNK, CHUNK + 1):
        assert np.array_equal(gan.sample(count, seed=5), many[:count])
    for count in (1, 2, FEW):
        assert almost_equal(gan.sample(count, seed=5), many[:count])
    assert not almost_equal(gan.sample(FEW, seed=6), many[:FEW])


def test_picture_does_not_depend_on_batch_mates() -> None:
    gan = gn.models.dcgan((28, 28, 1), 8, width=8)
    rng = np.random.default_rng(0)
    z = rng.standard_normal((10, 8), dtype=np.float32)
    together = gan.decode(z)
    assert np.array_equal(gan.decode(z[::-1].copy()), together[::-1])
    assert np.array_equal(gan.decode(z[: FEW + 1]), together[: FEW + 1])
    assert almost_equal(np.concatenate([gan.decode(row[None]) for row in z]), together)


def test_initial_weights_are_the_paper_s() -> None:
    gan = gn.models.dcgan((64, 64, 3), 100, width=32)
    theta = gan.generator.parameters
    for segment in theta.layout.segments:
        values = theta[segment.name]
        if segment.tag == "weight":
            assert abs(values.std() - 0.02) < 0.002
            assert abs(values.mean()) < 0.002
        elif segment.tag == "scale":
            assert abs(values.mean() - 1) < 0.02
        else:
            assert not values.any()


def test_mlp_is_goodfellow_s() -> None:
    gan = gn.models.mlp((28, 28, 1), latent_dim=100)
    assert len(gan.generator.parameters) == 100 * 1200 + 1200 + 1200 * 1200 + 1200 + 1200 * 784 + 784
    assert len(gan.discriminator.parameters) == 784 * 1200 + 1200 + 240 * 1200 + 1200 + 240 + 1
    assert gan.pixel_range == "0..1"
    assert gan.sample(3).shape == (3, 28, 28, 1)


@pytest.mark.parametrize(
    ("kind", "deviation", "limit"), [("normal", 1, 6), ("uniform", 3**-0.5, 1), ("uniform-unit-variance", 1, 3**0.5)]
)
def test_priors(kind: str, deviation: float, limit: float) -> None:
    z = gn.models.Prior(3, kind).draw(np.random.default_rng(0), 20_000, np.dtype(np.float32))
    assert z.dtype == np.float32
    assert np.allclose(z.std(axis=0), deviation, atol=0.02)
    assert np.abs(z).max() <= limit


def test_players_that_do_not_fit_are_refused() -> None:
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    other = gn.models.dcgan((8, 8, 3), 4, width=2)
    with pytest.raises(gn.ShapeError, match="discriminator"):
        gn.GAN(gan.generator, other.discriminator, gan.prior, "-1..1")
