"""Residual blocks: gradients through both players, R1, sizes, training and resuming."""

from pathlib import Path

import numpy as np
import pytest
from slopes import check_gradient_of

import gan_np as gn
from gan_np.models.residual import residual_down, residual_up
from gan_np.runs import Config, build_gan, load_gan
from gan_np.training.penalty import penalise


def moved(network: gn.Network, seed: int = 0, by: float = 0.2) -> gn.Network:
    noise = np.random.default_rng(seed).standard_normal(len(network.parameters))
    network.parameters.assign(network.parameters.values + by * noise)
    return network


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (residual_up(3), (3, 2, 2)),
        (residual_down(3), (4, 6, 2)),
        (residual_down(3, "spectral", first=True), (4, 4, 1)),
    ],
    ids=["up", "down", "down spectral first"],
)
def test_gradients_of_blocks(block: gn.Layer, shape: tuple[int, int, int]) -> None:
    gn.testing.check_gradients(moved(gn.Network(block, shape, dtype=np.float64)))


@pytest.mark.parametrize("minibatch_deviation", [False, True])
def test_gradients_of_both_players(minibatch_deviation: bool) -> None:
    gan = gn.models.residual_gan((8, 8, 1), 3, width=2, minibatch_deviation=minibatch_deviation, dtype=np.float64)
    gn.testing.check_gradients(moved(gan.generator))
    gn.testing.check_gradients(moved(gan.discriminator))


def test_r1_through_shortcuts() -> None:
    network = moved(gn.models.residual_gan((8, 8, 1), 3, width=2, dtype=np.float64).discriminator)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 8, 8, 1))

    def penalty() -> float:
        network.gradient.spend()
        logits, pullback = network.forward(x, training=True)
        return float(penalise(pullback, logits, gn.penalties.R1(2.0), 2.0))

    penalty()
    check_gradient_of(penalty, network, network.gradient.values.copy(), rng)


def test_what_minibatch_deviation_shows() -> None:
    network = gn.Network(gn.MinibatchStandardDeviation(), (2, 3, 2), dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((5, 2, 3, 2))
    y = network(x)
    assert np.array_equal(y[..., :2], x)
    np.testing.assert_allclose(y[..., 2], x.std(axis=0).mean(), rtol=1e-6)
    assert network(np.repeat(x[:1], 5, axis=0))[..., 2].max() <= 1.1e-4


@pytest.mark.parametrize("image_shape", [(8, 8, 1), (16, 24, 3), (28, 28, 1), (32, 32, 3)])
def test_shapes(image_shape: tuple[int, int, int]) -> None:
    assert gn.models.residual_gan(image_shape, 3, width=2).sample(2).shape == (2, *image_shape)


@pytest.mark.parametrize("image_shape", [(6, 8, 1), (9, 8, 1), (30, 32, 1)])
def test_sizes_that_do_not_halve(image_shape: tuple[int, int, int]) -> None:
    with pytest.raises(gn.ShapeError, match="image_shape"):
        gn.models.residual_gan(image_shape, 3, width=2)


def test_configured_trained_resumed(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8)
    settings = {
        "model": "residual",
        "d_norm": "spectral",
        "width": 2,
        "latent_dim": 3,
        "batch_size": 4,
        "sample_count": 4,
    }
    config = Config(steps=2, sample_every=0, animation=False, objective="hinge", **settings)  # type: ignore[arg-type]
    straight = build_gan(config, (16, 16, 1))
    gn.train(straight, images, config=config, steps=4, progress=False)
    gn.train(build_gan(config, (16, 16, 1)), images, config=config, out=tmp_path / "run", progress=False)
    gn.runs.resume(tmp_path / "run", images=images, steps=4, progress=False)
    assert np.array_equal(load_gan(tmp_path / "run").sample(4), straight.sample(4))
