"""Mistakes in objectives of one's own: what is missing is refused before a training, what is wrong by the method's name."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.objectives import DiscriminatorLoss, Loss, Objective, SeparateObjective, mean_loss

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), np.uint8)


def trainer(objective):
    return gn.training.Trainer(
        gn.models.mlp((8, 8, 1), 2, hidden=4, maxout_units=4), IMAGES, objective=objective, batch_size=4
    )


class Fine(Objective):
    def discriminator(self, real, fake):
        one, other = mean_loss(-real, -1), mean_loss(fake, 1)
        return DiscriminatorLoss(one.value + other.value, one.gradient, other.gradient)

    def generator(self, fake, real=None):
        return mean_loss(-fake, -1)


class Parts(SeparateObjective):
    def real(self, logits):
        return mean_loss(-logits, -1)

    def fake(self, logits):
        return mean_loss(logits, 1)

    def generator(self, fake, real=None):
        return mean_loss(-fake, -1)


@pytest.mark.parametrize("objective", [Fine(), Parts()], ids=["whole", "separate"])
def test_objectives_without_a_fault(objective):
    assert trainer(objective).step().number == 1


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (type("NoG", (Objective,), {"discriminator": Fine.discriminator})(), "has no generator; define it in NoG"),
        (type("NoD", (Objective,), {"generator": Fine.generator})(), "has no discriminator; define it in NoD"),
        (type("NoReal", (SeparateObjective,), {"fake": Parts.fake, "generator": Parts.generator})(), "has no real"),
        (type("Empty", (SeparateObjective,), {})(), "has no real and no fake and no generator"),
        (Fine, "expected one such as gan_np.objectives.NonSaturating"),
        ("hinge", "got 'hinge'"),
    ],
    ids=["generator", "discriminator", "real", "all", "class", "text"],
)
def test_what_is_missing_is_refused_before_a_training(made, words):
    with pytest.raises(TypeError, match="objective: ") as caught:
        trainer(made)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("base", "method", "gives", "words"),
    [
        (
            Fine,
            "generator",
            lambda self, fake, real=None: fake.mean(),
            "is to return a Loss(value, gradient), got",
        ),
        (Fine, "generator", lambda self, fake, real=None: None, "got None"),
        (
            Fine,
            "generator",
            lambda self, fake, real=None: Loss(fake.mean(), 1.0),
            "of generated scores (4, 1) has float",
        ),
        (
            Fine,
            "discriminator",
            lambda self, real, fake: 1.0,
            "a DiscriminatorLoss(value, real_gradient, fake_gradient)",
        ),
        (Fine, "discriminator", lambda self, real, fake: mean_loss(real, 1), "to return a DiscriminatorLoss"),
        (Parts, "real", lambda self, logits: 0.5, "real is to return a Loss(value, gradient), got 0.5"),
        (
            Parts,
            "fake",
            lambda self, logits: Loss(logits.mean(), logits[:2]),
            "of generated scores (4, 1) has (2, 1)",
        ),
    ],
)
def test_what_a_method_gives(base, method, gives, words):
    made = type("Faulty", (base,), {method: gives})()
    with pytest.raises((TypeError, ValueError), match=f"Faulty\\(\\): {method}") as caught:
        trainer(made).step()
    assert words in str(caught.value)
