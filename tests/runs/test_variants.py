"""Options of the trainer: packing, instance noise, clipped weights, augmentation, other objectives."""

from pathlib import Path

import numpy as np
import pytest

import gan_np as gn
from gan_np.models.packing import pack, unpack
from gan_np.runs import Config, build_gan, load_gan
from gan_np.training import Trainer


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), np.uint8)


def test_packing_puts_whole_pictures_side_by_side() -> None:
    some_images = np.arange(4 * 2 * 3 * 2).reshape(4, 2, 3, 2)
    packed = pack(some_images, 2)
    assert packed.shape == (2, 2, 3, 4)
    assert np.array_equal(packed[1, :, :, :2], some_images[2])
    assert np.array_equal(packed[1, :, :, 2:], some_images[3])
    assert np.array_equal(unpack(packed, 2), some_images)
    with pytest.raises(gn.ShapeError, match="3 at a time"):
        pack(some_images, 3)


@pytest.mark.parametrize("packing", [2, 4])
def test_gradient_through_packed_discriminator(packing: int) -> None:
    gan = gn.models.dcgan((8, 8, 1), 3, width=2, packing=packing, dtype=np.float64)
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2 * packing, 3))
    g, d, objective = gan.generator, gan.discriminator, gn.objectives.NonSaturating()
    g.parameters.assign(g.parameters.values + 0.3 * rng.standard_normal(len(g.parameters)))
    theta = g.parameters.values.copy()

    def loss() -> float:
        return float(
            objective.generator(d.forward(pack(g.forward(z, training=True)[0], packing), training=True)[0]).value
        )

    fake, g_pullback = g.forward(z, training=True)
    logits, d_pullback = d.forward(pack(fake, packing), training=True)
    assert logits.shape == (2, 1)
    g_pullback(unpack(d_pullback(objective.generator(logits).gradient, parameters=False), packing))
    gradient = g.gradient.values.copy()
    direction = rng.standard_normal(theta.shape)
    direction /= np.linalg.norm(direction)
    sides = []
    for sign in (1, -1):
        g.parameters.assign(theta + sign * 1e-5 * direction)
        sides.append(loss())
    assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(gradient @ direction, rel=1e-6)


@pytest.mark.filterwarnings("ignore::gan_np.training.TrainingHint")  # wasserstein with nothing that constrains D
@pytest.mark.parametrize("objective", ["non-saturating", "minimax", "least-squares", "hinge", "wasserstein"])
@pytest.mark.parametrize(
    "options",
    [
        {"packing": 2},
        {"augment": "colour,translation,cutout"},
        {"instance_noise": 0.3},
        {"d_norm": "spectral", "r1": 1.0},
        {"clip_weights": 0.01, "d_norm": "none", "optimizer": "rmsprop"},
        {"flip": True, "d_steps": 2, "share_noise": True},
    ],
    ids=lambda options: ",".join(options),
)
def test_every_option_trains_and_resumes(
    tmp_path: Path, images: np.ndarray, objective: str, options: dict[str, object]
) -> None:
    settings = {"objective": objective, "width": 2, "latent_dim": 3, "batch_size": 4, "sample_count": 4, **options}
    config = Config(steps=3, sample_every=0, animation=False, **settings)  # type: ignore[arg-type]
    straight = build_gan(config, (16, 16, 1))
    gn.train(straight, images, config=config, progress=False)
    cut = build_gan(config, (16, 16, 1))
    short = Config(steps=2, sample_every=0, animation=False, **settings)  # type: ignore[arg-type]
    gn.train(cut, images, out=f"{tmp_path}/run", config=short, progress=False)
    if options.get("instance_noise"):
        # Its schedule spans the planned steps, so a run of another length is another run.
        return
    resumed = gn.runs.resume(f"{tmp_path}/run", images=images, steps=3, progress=False).gan
    for one, other in ((straight.generator, resumed.generator), (straight.discriminator, resumed.discriminator)):
        assert np.array_equal(one.parameters.values, other.parameters.values)
        assert np.array_equal(one.state.values, other.state.values)
    assert np.array_equal(load_gan(f"{tmp_path}/run").sample(3), straight.sample(3))


def test_clipped_weights(images: np.ndarray) -> None:
    gan = gn.models.dcgan((16, 16, 1), 3, width=2, d_norm="none")
    Trainer(gan, images, batch_size=4, clip_weights=0.01, objective=gn.objectives.Wasserstein()).step()
    assert np.abs(gan.discriminator.parameters.values).max() <= np.float32(0.01)
    assert np.abs(gan.generator.parameters.values).max() > 0.02


def test_instance_noise_falls_to_nothing(images: np.ndarray) -> None:
    gan = gn.models.dcgan((16, 16, 1), 3, width=2)
    trainer = Trainer(gan, images, batch_size=4, instance_noise=gn.schedules.Linear(0.5, 0.0, 4))
    some_images = np.zeros((4, 16, 16, 1), np.float32)
    deviations = []
    for _ in range(6):
        deviations.append(float(trainer._seen(some_images).std()))
        trainer.step()
    np.testing.assert_allclose(deviations, [0.5, 0.375, 0.25, 0.125, 0, 0], atol=0.03)


def test_smoothing_belongs_to_cross_entropy(images: np.ndarray) -> None:
    gan = gn.models.dcgan((16, 16, 1), 3, width=2)
    with pytest.raises(ValueError, match="smoothing"):
        gn.train(gan, images, objective="hinge", smoothing=0.1, steps=1, progress=False)
