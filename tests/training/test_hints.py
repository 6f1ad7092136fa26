"""Hints: each is provoked by a training that goes wrong, and by none that goes well."""

import math
from typing import Any

import numpy as np
import pytest

import gan_np as gn
from gan_np.metrics import spread
from gan_np.runs import Adviser
from gan_np.training.course import WINDOW, Course, Measurement
from gan_np.training.hints import HINTS
from gan_np.training.setting import Setting

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 4, 4, 1), np.uint8)
NAMES = ("no-constraint", "model-without-its-game", "rate-too-high", "discriminator-has-won", "samples-collapsed")


def advised(trainer: gn.training.Trainer, steps: int) -> set[str]:
    """The names of the hints of a training."""
    lines: list[str] = []
    adviser = Adviser(trainer, say=lines.append)
    for _ in range(steps):
        adviser.look(trainer.step())
    assert len(lines) == len(adviser.said), "each once"
    return adviser.said


def said(steps: int, d: float = 1e-3, g: float = 1e-3, **options: Any) -> set[str]:
    """The same of a tiny one."""
    gan = gn.models.mlp((4, 4, 1), 4, hidden=16, maxout_units=8)
    optimizers = {"d_optimizer": gn.Adam(d), "g_optimizer": gn.Adam(g)}
    return advised(gn.training.Trainer(gan, IMAGES, batch_size=32, **optimizers, **options), steps)


def test_these_are_the_hints() -> None:
    assert tuple(HINTS) == NAMES


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"clip_weights": 0.01}, False),
        ({"penalties": [gn.penalties.WassersteinGradientPenalty(10.0)]}, False),
    ],
    ids=["free", "clipped", "penalty"],
)
def test_a_critic_without_a_constraint(options: dict[str, Any], expected: bool) -> None:
    assert ("no-constraint" in said(0, objective=gn.objectives.Wasserstein(), **options)) == expected


def test_spectral_normalisation_is_a_constraint() -> None:
    images = IMAGES.repeat(2, axis=1).repeat(2, axis=2)
    for norm in ("spectral", "none"):
        gan = gn.models.dcgan((8, 8, 1), 4, width=2, d_norm=norm)
        lines: list[str] = []
        Adviser(gn.training.Trainer(gan, images, objective=gn.objectives.Wasserstein()), say=lines.append)
        assert len(lines) == (norm == "none")
        assert all("slope of D" in line for line in lines)


def test_other_objectives_need_no_constraint() -> None:
    assert said(0) == said(0, objective=gn.objectives.Hinge()) == set()


def test_a_training_that_goes_well_is_left_in_peace() -> None:
    assert said(320) == set()
    assert said(120, objective=gn.objectives.RelativisticAverage()) == set()


def test_a_rate_that_is_far_too_high_is_seen_at_the_first_step() -> None:
    assert said(1, d=1.0) == said(1, g=3.0) == {"rate-too-high"}


def test_samples_that_collapse() -> None:
    assert said(300, g=0.05, d=1e-4) >= {"samples-collapsed"}


@pytest.mark.parametrize("objective", [gn.objectives.NonSaturating(), gn.objectives.Hinge()], ids=repr)
def test_a_discriminator_that_has_won(objective: gn.objectives.Objective) -> None:
    bright = IMAGES.repeat(2, axis=1).repeat(2, axis=2) // 8 + 224
    for rate, expected in ((1e-7, {"discriminator-has-won"}), (2e-3, set())):
        optimizers = {"d_optimizer": gn.Adam(3e-2 if expected else 5e-4), "g_optimizer": gn.Adam(rate)}
        gan = gn.models.dcgan((8, 8, 1), 4, width=4)
        trainer = gn.training.Trainer(gan, bright, batch_size=16, objective=objective, **optimizers)
        assert advised(trainer, 175) == expected


def course(objective: gn.objectives.Objective | None = None, steps: int = WINDOW, **numbers: float) -> Course:
    made = Course(objective or gn.objectives.NonSaturating())
    for step in range(1, steps + 1):
        made.take({"step": step, **numbers})
    return made


def hints(made: Course) -> set[str]:
    return {name for name in NAMES if HINTS[name]().look(made)}


SURE = {"d_loss": 0.02, "g_loss": 5.0, "d_real_accuracy": 1.0, "d_fake_accuracy": 1.0}


def measured(made: Course, gradients: list[float], spreads: list[float] | None = None) -> Course:
    spreads = spreads or [1.0] * len(gradients)
    made.measured = [Measurement(100 * n, g, s) for n, (g, s) in enumerate(zip(gradients, spreads, strict=True), 1)]
    return made


def test_a_sure_discriminator_has_won_only_where_nothing_is_learnt() -> None:
    assert hints(measured(course(**SURE), [5.0, 20.0, 18.0])) == set(), "G still learns from it"
    assert hints(measured(course(**SURE), [5.0, 20.0, 0.5])) == set(), "once is not always"
    assert hints(measured(course(**SURE), [5.0, 20.0, 0.9, 0.5])) == {"discriminator-has-won"}
    assert hints(course(**SURE | {"d_loss": 1e-3})) == {"discriminator-has-won"}, "nor does D learn"
    assert hints(course(**SURE | {"d_loss": 1e-3, "d_fake_accuracy": 0.99})) == set()
    assert hints(course(**SURE | {"d_loss": 1e-3}, steps=WINDOW - 1)) == set(), "too early to say"


def test_what_winning_means_is_the_objectives_matter() -> None:
    losses = {"d_loss": 1e-4, "g_loss": 9.0}
    assert hints(course(gn.objectives.Relativistic(), **losses)) == {"discriminator-has-won"}
    assert hints(course(gn.objectives.Wasserstein(), d_loss=-300.0, g_loss=9.0)) == set(), "its loss has no scale"
    assert course(gn.objectives.NonSaturating()).blind_loss == pytest.approx(2 * math.log(2))
    assert course(gn.objectives.LeastSquares()).blind_loss == 0.25
    assert course(gn.objectives.Hinge()).blind_loss == 2.0


def test_a_loss_far_above_that_of_knowing_nothing() -> None:
    numbers = {"g_loss": 50.0, "d_real_accuracy": 0.7, "d_fake_accuracy": 0.7}
    assert hints(course(d_loss=11.0, **numbers)) == {"rate-too-high"}
    assert hints(course(d_loss=1.4, **numbers)) == set()


@pytest.mark.parametrize(
    ("spreads", "expected"),
    [
        ([0.02, 0.04, 0.09], False),
        ([0.05, 0.09, 0.15, 0.3], False),
        ([0.2, 0.2, 0.2], False),
        ([0.03, 0.03, 0.03], False),
        ([0.01, 0.01, 0.01], True),
        ([0.002, 0.004, 0.008], False),
        ([0.6, 0.02, 0.5], False),
        ([0.6, 0.3, 0.08, 0.06], True),
        ([0.6, math.nan, math.nan], False),
        ([0.0, 0.0], False),
    ],
)
def test_when_samples_have_collapsed(spreads: list[float], expected: bool) -> None:
    made = measured(course(d_loss=1.0, g_loss=1.0), [1.0] * len(spreads), spreads)
    assert ("samples-collapsed" in hints(made)) == expected


def test_a_hint_of_ones_own_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    @gn.training.hints.register("always")
    class Always(gn.training.hints.Hint):
        """Says so."""

        def look(self, course: Course) -> str | None:
            return "as always" if course.steps else None

    try:
        assert said(1) == {"always"}
    finally:
        HINTS.unregister("always")


def test_the_spread_of_samples(rng: np.random.Generator) -> None:
    real = rng.normal(size=(64, 10))
    other = rng.normal(size=(64, 10))
    assert 0.8 < spread(other, real) < 1.25
    assert spread(real[:3].repeat(22, axis=0)[:64], real) == 0.0, "three images again and again"
    assert spread(1.0 + 1e-3 * other, real) < 0.01, "one image, nearly"
    clusters = 100.0 * rng.normal(size=(4, 10))[np.arange(64) % 4] + real
    assert spread(clusters[::4].repeat(4, axis=0)[:64] + 0.5 * real, clusters) < 0.1, "one cluster of four"
    assert math.isnan(spread(real, np.zeros_like(real)))
    with pytest.raises(gn.ShapeError, match="two sets of N"):
        spread(real, real[:9])


R1R2 = [gn.penalties.R1(1.0), gn.penalties.R2(1.0)]


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, "without the relativistic objective, R1 and R2 and"),
        ({"objective": gn.objectives.Relativistic()}, "without R1 and R2 and"),
        ({"objective": gn.objectives.Relativistic(), "penalties": R1R2[:1]}, "without R2 and"),
        ({"penalties": R1R2}, "without the relativistic objective and"),
        ({"objective": gn.objectives.Relativistic(), "penalties": R1R2}, ""),
    ],
    ids=["all", "penalties", "R2", "objective", "none"],
)
def test_r3gan_without_its_game(options: dict[str, Any], missing: str) -> None:
    gan = gn.models.r3gan((8, 8, 1), 4, width=2)
    lines: list[str] = []
    images = IMAGES[:4].repeat(2, axis=1).repeat(2, axis=2)
    Adviser(gn.training.Trainer(gan, images, batch_size=4, **options), say=lines.append)
    assert len(lines) == bool(missing)
    assert all(missing in line and "preset" in line for line in lines)


def test_other_models_are_not_told_of_it() -> None:
    assert "model-without-its-game" not in said(0)


@pytest.mark.parametrize(
    ("setting", "advised_options", "others"),
    [
        (Setting(gn.models.mlp((4, 4, 1), 4, hidden=8).recipe), ["packing=2", "such as r1"], ["minibatch", "d_norm"]),
        (Setting(gn.models.residual_gan((8, 8, 1), 4, width=2).recipe), ["minibatch_deviation=True"], ["packing"]),
        (Setting(gn.models.dcgan((8, 8, 1), 4, width=2, packing=2).recipe), ['r1 (with d_norm="none")'], ["packing"]),
        (Setting({"model": "r3gan"}, tuple(R1R2)), ["another objective"], ["packing", "minibatch", "penalty"]),
        (Setting({"model": "infogan"}, one_head=False), ["g_learning_rate"], ["packing", "minibatch", "penalty"]),
    ],
    ids=["mlp", "residual", "dcgan", "r3gan", "infogan"],
)
def test_advice_names_options_that_the_model_has(
    setting: Setting, advised_options: list[str], others: list[str]
) -> None:
    collapsed = Course(gn.objectives.NonSaturating(), setting=setting)
    collapsed.measured = [Measurement(100 * k, 1.0, spread) for k, spread in enumerate((0.5, 0.05, 0.05))]
    text = HINTS["samples-collapsed"]().look(collapsed)
    assert all(option in text for option in advised_options)
    assert not any(option in text for option in others)


def test_fewer_updates_of_d_are_advised_where_there_are_several() -> None:
    for d_steps in (1, 5):
        made = measured(course(**SURE | {"d_loss": 1e-3}), [])
        made.setting = Setting(d_steps=d_steps)
        assert ("fewer d_steps" in HINTS["discriminator-has-won"]().look(made)) == (d_steps > 1)


def test_advice_for_a_critic_without_bounds_fits_the_model() -> None:
    for made, expected in (
        (gn.models.dcgan((8, 8, 1), 4, width=2), 'try penalties="wasserstein(10)" (with d_norm="none"), clip'),
        (gn.models.mlp((8, 8, 1), 4, hidden=8), 'try penalties="wasserstein(10)" or clip_weights=0.01'),
    ):
        free = Course(gn.objectives.Wasserstein(), constrained=False, setting=Setting(made.recipe))
        assert expected in HINTS["no-constraint"]().look(free)
