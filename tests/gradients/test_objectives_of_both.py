"""Every registered objective and penalty against finite differences, also on maps of logits; the checks are checked."""

import numpy as np
import pytest
from slopes import check_gradient_of

import gan_np as gn
from gan_np.objectives import OBJECTIVES, DiscriminatorLoss
from gan_np.penalties import PENALTIES, R1, R2, WassersteinGradientPenalty
from gan_np.training import Trainer
from gan_np.training.penalty import penalise


@pytest.mark.parametrize("shape", [(5, 1), (3, 2, 2, 1)], ids=["scores", "patches"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_of_objectives(name, shape):
    gn.testing.check_objective(OBJECTIVES[name](), shape=shape)


@pytest.mark.parametrize("name", PENALTIES)
def test_derivatives_of_penalties(name):
    gn.testing.check_penalty(PENALTIES[name]())


@pytest.mark.parametrize("spoiled", ["real", "generated", "generator"])
def test_a_wrong_objective_is_seen(spoiled):
    class Wrong(gn.objectives.Relativistic):
        def discriminator(self, real, fake):
            value, d_real, d_fake = super().discriminator(real, fake)
            return DiscriminatorLoss(
                value, d_real * (1.001 if spoiled == "real" else 1), d_fake * (1.001 if spoiled == "generated" else 1)
            )

        def generator(self, fake, real=None):
            loss = super().generator(fake, real)
            return loss._replace(gradient=loss.gradient * (1.001 if spoiled == "generator" else 1))

    with pytest.raises(
        gn.testing.GradientError, match="G's gradient" if spoiled == "generator" else f"D's gradient of {spoiled}"
    ):
        gn.testing.check_objective(Wrong())


def test_a_wrong_penalty_is_seen():
    class Wrong(WassersteinGradientPenalty):
        def derivative(self, squared):
            return 1 - self.target / squared

    with pytest.raises(gn.testing.GradientError, match="φ′"):
        gn.testing.check_penalty(Wrong())


def critic():
    return gn.Sequential(
        gn.Conv2d(3, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.Flatten(),
        gn.Dense(4, activation="relu"),
        gn.Dense(1),
    )


@pytest.mark.parametrize("patches", [False, True], ids=["scores", "patches"])
@pytest.mark.parametrize(
    "penalty", [R1(3.0), R2(0.5), WassersteinGradientPenalty(10.0)], ids=["r1", "r2", "wasserstein"]
)
def test_gradient_of_the_penalty_in_theta(penalty, patches):
    structure = critic()
    if patches:
        structure = gn.Sequential(*structure.layers[:1], gn.Conv2d(1, 3, padding=1))
    network = gn.Network(structure, (6, 6, 2), dtype=np.float64)
    rng = np.random.default_rng(1)
    network.parameters.assign(0.3 * rng.standard_normal(len(network.parameters)))
    x = rng.standard_normal((4, 6, 6, 2))

    def value():
        network.gradient.spend()
        logits, pullback = network.forward(x, training=True)
        return float(penalise(pullback, logits, penalty, penalty.weight))

    value()
    check_gradient_of(value, network, network.gradient.values.copy(), rng)


def test_a_critic_that_is_constant_has_no_nan():
    network = gn.Network(critic(), (6, 6, 2))
    network.parameters.assign(np.zeros(len(network.parameters), np.float32))
    logits, pullback = network.forward(np.ones((4, 6, 6, 2), np.float32), training=True)
    assert float(penalise(pullback, logits, WassersteinGradientPenalty(10.0), 10.0)) == pytest.approx(10.0)
    assert np.isfinite(network.gradient.values).all()


def gan(structure=None, channels=1):
    g = gn.Sequential(gn.Dense(6 * 6 * channels, activation="tanh"), gn.Reshape(6, 6, channels))
    d = gn.Network(structure or critic(), (6, 6, channels), seed=1)
    return gn.GAN(gn.Network(g, (3,), seed=2), d, gn.models.Prior(3), "-1..1")


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("patches", [False, True], ids=["scores", "patches"])
def test_every_objective_trains_with_every_penalty(name, patches):
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 6, 1), np.uint8)
    structure = gn.Sequential(gn.Conv2d(3, 3, padding=1, activation="leaky_relu"), gn.Conv2d(1, 3, padding=1))
    trainer = Trainer(
        gan(structure if patches else None),
        images,
        objective=OBJECTIVES[name](),
        penalties=[R1(0.1), R2(gn.schedules.Linear(0.2, 0.1, 3)), WassersteinGradientPenalty(1.0)],
        batch_size=8,
    )
    before = trainer.gan.discriminator.parameters.values.copy()
    for _ in range(3):
        numbers = trainer.step().numbers()
    assert np.isfinite(list(numbers.values())).all()
    assert (trainer.gan.discriminator.parameters.values != before).mean() > 0.9


def test_a_scheduled_weight_is_that_of_the_update():
    """A schedule that is 0 gives what no penalty gives, but for the order of sums."""
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 6, 1), np.uint8)
    found = []
    for penalties in ([], [R1(gn.schedules.Piecewise((0.0, 50.0), (2,)))]):
        trainer = Trainer(gan(), images, penalties=penalties, batch_size=8)
        values = []
        for _ in range(3):
            trainer.step()
            values.append(trainer.gan.discriminator.parameters.values.copy())
        found.append(values)
    plain, penalised = found
    for before in (0, 1):
        np.testing.assert_allclose(plain[before], penalised[before], rtol=1e-4, atol=1e-5)
    assert np.abs(plain[2] - penalised[2]).max() > 1e-4


def test_what_is_no_penalty_is_refused():
    images = np.zeros((8, 6, 6, 1), np.uint8)
    with pytest.raises(TypeError, match=r"penalties: expected penalties such as \[gan_np\.penalties\.R1"):
        Trainer(gan(), images, batch_size=4, penalties=[10.0])
    with pytest.raises(ValueError, match="weight: expected a number of at least 0"):
        R1(-1.0)


def test_the_penalty_keeps_a_wasserstein_critic_near_slope_one():
    """Without any other constraint; in a hundred steps from a slope that is far from 1."""
    images = np.random.default_rng(0).integers(0, 256, (200, 6, 6, 1), np.uint8)
    slopes = {}
    for penalties in ((), (WassersteinGradientPenalty(10.0),)):
        trainer = Trainer(
            gan(),
            images,
            objective=gn.objectives.Wasserstein(),
            penalties=penalties,
            batch_size=16,
            d_optimizer=gn.Adam(2e-3),
            g_optimizer=gn.Adam(1e-4),
        )
        for _ in range(100):
            trainer.step()
        x = gn.data.to_float(images[:64], "-1..1", np.dtype(np.float32))
        logits, pullback = trainer.gan.discriminator.forward(x)
        slope = pullback(np.ones_like(logits), parameters=False)
        slopes[len(penalties)] = float(np.sqrt((slope**2).sum(axis=(1, 2, 3))).mean())
    assert slopes[0] > 1.5
    assert 0.7 < slopes[1] < 1.3
