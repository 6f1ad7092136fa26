"""Signs that a training goes wrong, each with what to try.

A hint looks at the course of a training (`gan_np.training.course`) and gives one line, or None. It knows only what was
measured, changes nothing and is no error: who trains decides. The numbers below were chosen on trainings of 200 to 2,000
steps on digits (DCGAN of several widths and with each objective, GRAN, InfoGAN, conditional, residual, dense layers) and on
points of the plane; docs/when-training-goes-wrong.md has some of them.
"""

from __future__ import annotations

import math

from gan_np.objectives import Relativistic, RelativisticAverage
from gan_np.registry import Registry

from .course import WINDOW, Course
from .setting import Setting, listed


class TrainingHint(UserWarning):
    """The category of Python's warnings under which a training without a progress bar gives its hints."""


HINTS = Registry("hint")
"""Hints by name; one's own join with `gan_np.training.hints.register`."""
register = HINTS.register


class Hint:
    """Base of all hints. One of your own:

    >>> import gan_np as gn
    >>> @gn.training.hints.register("loss-is-high")
    ... class LossIsHigh(gn.training.hints.Hint):
    ...     '''G's loss is above 20.'''
    ...     def look(self, course):
    ...         losses = course.recent("g_loss")
    ...         return None if losses is None or losses.mean() < 20 else "G's loss is above 20; try a lower rate"
    >>> gn.training.hints.HINTS.unregister("loss-is-high")
    """

    def look(self, course: Course) -> str | None:
        """One line with what was seen and what to try, or None. Called before the first step and every so often after it."""
        raise NotImplementedError(f"{type(self).__name__} has no look")


@register("no-constraint")
class NoConstraint(Hint):
    """A critic whose objective needs a bound on its slope has none: known before the first step.

    −E[s_real] + E[s_fake] has no minimum: whatever D has learnt, twice its scores are better.
    """

    def look(self, course: Course) -> str | None:
        """Return the advice where the course of the training shows this, else None."""
        if course.constrained or not course.objective.needs_constraint:
            return None
        setting, advice = course.setting, ["clip_weights=0.01"]
        if setting.one_head:
            advice.insert(0, f'penalties="wasserstein(10)"{setting.without_batch_norm}')
        if "d_norm" in setting.recipe:
            advice.append('d_norm="spectral"')
        elif not setting.model:
            advice.append("a D with spectral normalisation")
        return (
            "nothing keeps the slope of D in bounds, so its loss falls without end and is no measure of anything; try "
            f"{listed(advice)}"
        )


@register("model-without-its-game")
class ModelWithoutItsGame(Hint):
    """The model `r3gan` is trained without what it is made for: known before the first step.

    Its networks have no normalisation. The relativistic objective with R1 and R2 is what keeps them in bounds; without one
    of these the training does not converge (Huang et al. 2024).
    """

    def look(self, course: Course) -> str | None:
        """Return the advice where the course of the training shows this, else None."""
        if course.setting.model != "r3gan":
            return None
        missing = (
            [] if isinstance(course.objective, Relativistic | RelativisticAverage) else ["the relativistic objective"]
        )
        places = {penalty.where for penalty in course.setting.penalties}
        missing += [name for name, place in (("R1", "real"), ("R2", "fake")) if place not in places]
        if not missing:
            return None
        return (
            "r3gan has no normalisation and is made for the relativistic objective with R1 and R2; this training is without "
            f'{listed(missing, "and")} and is not expected to converge; give objective="relativistic", '
            'penalties="r1(1), r2(1)" and beta1=0.0, or a preset such as r3gan-digits (gan-np train --list-presets, '
            "gan_np.runs.preset)"
        )


@register("rate-too-high")
class RateTooHigh(Hint):
    """A learning rate is far too high.

    By the first update: the norm of a player's weights after it, over that before it. In trainings that went well 1.00 to
    1.05 (1.5 at 25 and 100 times the default rates, where batch normalisation still saves it); at a rate of 0.2 from 4 to 5,
    in dense layers at 0.05 up to 13, with SGD at 5 up to 75.

    By D's loss: its mean over 100 steps, over what a D loses that gives all images one score. In trainings that went well at
    most 1.0; at rates of 0.5 from 4 to 8.
    """

    growth = 3.0
    loss = 3.0

    def look(self, course: Course) -> str | None:
        """What the first update did, then what became of D's loss."""
        grown = {player: ratio for player, ratio in course.first_update.items() if ratio >= self.growth}
        if grown:
            moved = " and ".join(f"{player}'s weights {_times(ratio)}" for player, ratio in grown.items())
            rates = " and ".join(f"{player.lower()}_learning_rate" for player in grown)
            return f"a rate is far too high: the first update made {moved} as large; try a tenth of {rates}, or a hundredth"
        losses, blind = course.recent("d_loss"), course.blind_loss
        if losses is None or blind <= 0 or losses.mean() < self.loss * blind:
            return None
        return (
            f"a rate is far too high: D's loss was {losses.mean():.3g} in the last {WINDOW} steps, where a D that knows "
            f"nothing has {blind:.3g}; try a tenth of d_learning_rate and g_learning_rate"
        )


@register("discriminator-has-won")
class DiscriminatorHasWon(Hint):
    """D tells all images apart, and G has nothing to learn from it.

    Not by D's accuracy alone: with a low rate, or with several steps of D for one of G, it was 100 % for hundreds of steps
    of trainings that went well, and D's loss still 1.2 % of what a D loses that gives all images one score. D has won where
    its accuracy is 99.5 % or more in 100 steps (where the objective has accuracies), and either

    - that share of its loss is below 0.2 %: D itself learns nothing any more (0.001 to 0.01 % where it had won), or
    - it is below 3 %, and at the last two measurements G's gradient was below 5 % of its largest (less than 1 % where it had
      won; 13 to 100 % in trainings that went well, that of the first steps aside, which may be a hundred times as large).

    For a Wasserstein critic there is no winning: its loss has no scale.
    """

    accuracy = 0.995
    settled, low = 0.002, 0.03
    vanished = 0.05

    def look(self, course: Course) -> str | None:
        """Return the advice where the course of the training shows this, else None."""
        losses, blind = course.recent("d_loss"), course.blind_loss
        if losses is None or blind <= 0:
            return None
        for name in ("d_real_accuracy", "d_fake_accuracy"):
            right = course.recent(name)
            if right is not None and right.mean() < self.accuracy:
                return None
        share = losses.mean() / blind
        if share < self.settled:
            seen = f"its loss was {losses.mean():.2g} in the last {WINDOW} steps ({blind:.3g} where it knows nothing)"
        elif share < self.low and self._gradient_vanished(course):
            left = course.measured[-1].g_gradient / max(_finite(course))
            seen = f"it tells all images apart, and G's gradient has fallen to {left:.2%} of its largest"
        else:
            return None
        fewer = ["fewer d_steps"] if course.setting.d_steps > 1 else []
        advice = [
            "a lower d_learning_rate",
            "a higher g_learning_rate",
            *fewer,
            "instance_noise=0.1",
            *course.setting.further_penalty,
        ]
        return f"D has won: {seen}; try {listed(advice)}"

    def _gradient_vanished(self, course: Course) -> bool:
        gradients = _finite(course)
        return len(gradients) > 2 and max(gradients[-2:]) < self.vanished * max(gradients)


@register("samples-collapsed")
class SamplesCollapsed(Hint):
    """G draws nearly the same image from whatever z: the spread of samples beside that of real images is near 0.

    Every generator begins there: in trainings that went well it was 0.01 to 0.2 in the first 100 steps, and in the slowest
    0.03 for 600 before it rose. So samples have collapsed where the spread was above 0.3 once and is below 0.1 at two
    measurements, or where it is below 0.015 at three and does not rise (0.000 to 0.012 where it had collapsed).
    """

    spread_out, fallen = 0.3, 0.1
    never = 0.015

    def look(self, course: Course) -> str | None:
        """Return the advice where the course of the training shows this, else None."""
        spreads = [measured.spread for measured in course.measured if math.isfinite(measured.spread)]
        fell = len(spreads) > 2 and max(spreads) > self.spread_out and max(spreads[-2:]) < self.fallen
        never = len(spreads) > 2 and max(spreads[-3:]) < self.never and spreads[-1] <= 1.1 * min(spreads[-3:-1])
        if not (fell or never):
            return None
        advice = [
            "a lower g_learning_rate",
            *_seeing_several(course.setting),
            *course.setting.further_penalty,
            "another objective",
        ]
        return (
            f"samples have collapsed: they differ from each other by {spreads[-1]:.1%} of what real images do; try "
            f"{listed(advice)}"
        )


def _seeing_several(setting: Setting) -> list[str]:
    """The options of the model by which D looks at several samples at once, where it has them and does not use them."""
    found = ["packing=2"] if setting.recipe.get("packing") == 1 else []
    return [*found, "minibatch_deviation=True"] if setting.recipe.get("minibatch_deviation") is False else found


def _finite(course: Course) -> list[float]:
    """G's gradients that could be measured."""
    return [measured.g_gradient for measured in course.measured if math.isfinite(measured.g_gradient)]


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:.3g} times"
