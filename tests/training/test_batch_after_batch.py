"""D goes backward through the real batch before it goes forward through the generated one, where its loss is a sum."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.training import Trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)


def trained(apart, monkeypatch, **options):
    """Losses, weights and state after two steps."""
    gan = gn.models.dcgan(image_shape=(8, 8, 1), latent_dim=4, width=2, seed=0)
    trainer = Trainer(gan, IMAGES, batch_size=4, d_steps=2, instance_noise=0.1, **options)
    if not apart:
        monkeypatch.setattr(trainer, "_apart", lambda penalised: None)
    steps = [trainer.step() for _ in range(2)]
    numbers = [number for step in steps for number in step.numbers().values()]
    players = gan.discriminator, gan.generator
    return [np.array(numbers), *(vector.values for one in players for vector in (one.parameters, one.state))]


@pytest.mark.parametrize("objective", ["non-saturating", "hinge", "wasserstein"])
def test_the_bits_are_those_of_both_at_once(objective, monkeypatch):
    made = [trained(apart, monkeypatch, objective=gn.objectives.OBJECTIVES[objective]()) for apart in (True, False)]
    for one, two in zip(*made, strict=True):
        assert np.array_equal(one, two)


class Log(gn.Layer):
    """Identity that says when it is gone through."""

    def __init__(self, said):
        self.said = said

    def forward(self, variables, x, run):
        self.said.append("forward")

        def pullback(dy, wrt):
            self.said.append("backward")
            return dy

        return x, pullback


class Both(gn.objectives.NonSaturating):
    """One that looks at both batches of scores."""

    def discriminator(self, real, fake):
        return super().discriminator(real, fake)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (gn.objectives.NonSaturating(), "forward backward forward backward"),
        (gn.objectives.Relativistic(), "forward forward backward backward"),
        (Both(), "forward forward backward backward"),
    ],
)
def test_the_order_of_passes(objective, expected):
    said = []
    gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=8)
    layers = gn.Flatten(), gn.Dense(4), Log(said), gn.Dense(1)
    gan.discriminator = gn.Network(gn.Sequential(*layers), (8, 8, 1), seed=1)
    Trainer(gan, IMAGES, batch_size=4, objective=objective).update_discriminator()
    assert " ".join(said) == expected


@pytest.mark.parametrize(
    ("penalty", "apart"),
    [
        (gn.penalties.R1(1.0), False),
        (gn.penalties.R2(1.0), False),
        (gn.penalties.WassersteinGradientPenalty(1.0), True),
    ],
)
def test_a_penalty_on_either_batch_needs_both(penalty, apart):
    gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=8)
    trainer = Trainer(gan, IMAGES, batch_size=4, penalties=penalty)
    assert (trainer._apart({penalty.where}) is not None) == apart


def test_an_update_that_fails_leaves_no_half_of_a_gradient(monkeypatch):
    """D's second pass forward fails, after the gradient of the first batch was added."""

    gan = gn.models.mlp((8, 8, 1), latent_dim=4, hidden=8, seed=0)
    trainer = Trainer(gan, IMAGES, batch_size=4)
    forward, calls = gan.discriminator.forward, []

    def failing(*given, **options):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return forward(*given, **options)

    monkeypatch.setattr(gan.discriminator, "forward", failing)
    with pytest.raises(MemoryError):
        trainer.step()
    assert len(calls) == 2
    assert not gan.discriminator.gradient.started
