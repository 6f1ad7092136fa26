"""The value function V(D, G) and what each player minimises, with derivatives, from logits.

    V(D, G) = E_x[log D(x)] + E_z[log(1 − D(G(z)))],   D = σ(s), s the logit

    −log D = softplus(−s),   −log(1 − D) = softplus(s):   exact at any finite s, no probability is ever formed.

Gradients are with respect to the logits, means over the batch included; a pullback takes them from there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gan_np import ops
from gan_np.arrays import Array, array_module, require_same
from gan_np.checks import ShapeError, number, shown
from gan_np.registry import Registry, arguments_of


class Loss(NamedTuple):
    """A scalar (0-d array on the logits' device, so that reading it is the caller's decision) and its gradient."""

    value: Array
    gradient: Array


class DiscriminatorLoss(NamedTuple):
    """L_D, a scalar that D minimises, and its gradients with respect to both batches of logits."""

    value: Array
    real_gradient: Array
    fake_gradient: Array


OBJECTIVES = Registry("objective")
"""Objectives by the names that configurations use; one's own join with `gan_np.objectives.register`."""
register = OBJECTIVES.register


class Objective:
    """What the two players minimise: base of all objectives.

    Logits are D's scores, (N, 1), or (N, h, w, 1) of a discriminator that judges patches: means are over all of them.
    An objective of one's own sees both batches:

    >>> import gan_np as gn
    >>> class Difference(gn.objectives.Objective):
    ...     '''L_D = mean(fake) − mean(real), L_G = −mean(fake).'''
    ...     def discriminator(self, real, fake):
    ...         one, other = gn.objectives.mean_loss(-real, -1), gn.objectives.mean_loss(fake, 1)
    ...         return gn.objectives.DiscriminatorLoss(one.value + other.value, one.gradient, other.gradient)
    ...     def generator(self, fake, real=None):
    ...         return gn.objectives.mean_loss(-fake, -1)

    `gn.testing.check_objective` compares its gradients with finite differences.
    """

    boundary: float | None = 0.0
    """D calls an image real where its score is above this. None where no score is a verdict by itself: a critic's scores, or
    those that are compared in pairs, are only defined up to a constant. Then there are no accuracies either."""
    needs_constraint: bool = False
    """Whether D's loss falls without end unless D's slope is kept in bounds (by a penalty, clipped weights or spectral
    normalisation)."""
    needs_real: bool = False
    """Whether G's loss depends on D's scores of real images; G's step then computes them."""

    def discriminator(self, real: Array, fake: Array) -> DiscriminatorLoss:
        """L_D from D's logits on real and on generated images."""
        raise NotImplementedError(f"{type(self).__name__} has no discriminator")

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """L_G and its gradient with respect to D's logits on generated images; `real` is there where `needs_real`."""
        raise NotImplementedError(f"{type(self).__name__} has no generator")

    def __repr__(self) -> str:
        """Return the objective as it is written in Python."""
        given = ", ".join(f"{name}={value!r}" for name, value in arguments_of(self).items())
        return f"{type(self).__name__}({given})"


def check_complete(objective: Any) -> Objective:
    """Refuse what is no objective, or one that lacks a method, before a training begins.

    Raises:
        TypeError: it is no `Objective`, or its class does not define what its base leaves to it.
    """
    if not isinstance(objective, Objective):
        raise TypeError(f"objective: expected one such as gan_np.objectives.NonSaturating(), got {shown(objective)}")
    own = type(objective)
    separate = isinstance(objective, SeparateObjective) and own.discriminator is SeparateObjective.discriminator
    base, needed = (SeparateObjective, ("real", "fake")) if separate else (Objective, ("discriminator",))
    missing = [name for name in needed if getattr(own, name) is getattr(base, name)]
    if own.generator is Objective.generator:
        missing.append("generator")
    if missing:
        raise TypeError(f"objective: {objective!r} has no {' and no '.join(missing)}; define it in {own.__name__}")
    return objective


def check_loss(objective: Objective, method: str, found: Any, **logits: Array) -> Any:
    """Return what a method of an objective gave, a `Loss` or `DiscriminatorLoss`, after a look at whether it is one.

    logits: those that the method was given, in the order of the gradients.

    Raises:
        TypeError: it gave something else. ShapeError: a gradient is not of the shape of its logits.
    """
    kind = Loss if len(logits) == 1 else DiscriminatorLoss
    if not isinstance(found, kind):
        name = f"{objective!r}: {method}"
        made = "; gan_np.objectives.mean_loss makes one" if kind is Loss else ""
        raise TypeError(f"{name} is to return a {kind.__name__}({', '.join(kind._fields)}), got {shown(found)}{made}")
    for (player, scores), gradient in zip(logits.items(), found[1:], strict=True):
        sizes = getattr(gradient, "shape", type(gradient).__name__)
        if sizes != scores.shape:
            raise ShapeError(f"{objective!r}: {method}: the gradient of {player} scores {scores.shape} has {sizes}")
    return found


class SeparateObjective(Objective):
    """L_D = E_x[f(s)] + E_z[g(s)]: a sum of means of functions of one score.

    A subclass has `real` and `fake`, f and g as `Loss`es (see `mean_loss`), and `generator`.
    """

    def real(self, logits: Array) -> Loss:
        """The part of D's loss that comes from real images."""
        raise NotImplementedError(f"{type(self).__name__} has no real")

    def fake(self, logits: Array) -> Loss:
        """The part of D's loss that comes from generated images."""
        raise NotImplementedError(f"{type(self).__name__} has no fake")

    def part(self, place: str, logits: Array) -> Loss:
        """One of the two parts, "real" or "fake", after a look at whether it is a loss (see `check_loss`)."""
        found: Loss = (
            check_loss(self, "real", self.real(logits), real=logits)
            if place == "real"
            else check_loss(self, "fake", self.fake(logits), generated=logits)
        )
        return found

    def discriminator(self, real: Array, fake: Array) -> DiscriminatorLoss:
        """The sum of both parts."""
        of_real, of_fake = self.part("real", real), self.part("fake", fake)
        return DiscriminatorLoss(of_real.value + of_fake.value, of_real.gradient, of_fake.gradient)


def _mean_softplus(logits: Array, sign: int, weight: float = 1.0) -> Loss:
    """weight · mean softplus(sign·s), with its gradient sign·weight·σ(sign·s)/N."""
    return Loss(*ops.mean_softplus(logits, sign, weight))


def mean_loss(values: Array, derivative: Array | float) -> Loss:
    """mean(values) and its gradient, given the derivative of each value with respect to its score."""
    require_same("objective", logits=values)
    share = values.dtype.type(1 / values.size)
    if isinstance(derivative, int | float):  # the same for each score, also where one is not finite
        derivative = array_module(values).full_like(values, derivative)
    return Loss(values.sum() * share, derivative * share)


class _CrossEntropy(SeparateObjective):
    """D's side of both objectives: L_D = −V = mean softplus(−s_real) + mean softplus(s_fake).

    smoothing: one-sided label smoothing (Salimans et al. 2016): the target of real images is 1 − smoothing.

    L_real = (1 − smoothing)·mean softplus(−s) + smoothing·mean softplus(s). Fake targets stay 0.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = number("smoothing", smoothing, 0.0)
        if smoothing >= 0.5:
            raise ValueError(f"smoothing: expected less than 0.5 (a target above one half), got {smoothing}")

    def real(self, logits: Array) -> Loss:
        """−E_x[log D(x)], smoothed."""
        loss = _mean_softplus(logits, -1, 1 - self.smoothing)
        if not self.smoothing:
            return loss
        other = _mean_softplus(logits, 1, self.smoothing)
        return Loss(loss.value + other.value, loss.gradient + other.gradient)

    def fake(self, logits: Array) -> Loss:
        """−E_z[log(1 − D(G(z)))]."""
        return _mean_softplus(logits, 1)


@register("minimax")
class Minimax(_CrossEntropy):
    """The game as stated: G minimises V, L_G = E_z[log(1 − D(G(z)))] = −mean softplus(s).

    Its gradient −σ(s)/N vanishes where D is sure of itself (s → −∞): G learns nothing early on (Goodfellow et al. 2014).

    >>> import numpy as np, gan_np as gn
    >>> gn.objectives.Minimax().generator(np.array([-1000.0, 1000.0])).gradient
    array([-0. , -0.5])
    """

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """E_z[log(1 − D(G(z)))]."""
        return _mean_softplus(fake, 1, -1.0)


@register("non-saturating")
class NonSaturating(_CrossEntropy):
    """The form used in practice: G maximises E_z[log D(G(z))], L_G = mean softplus(−s).

    The same fixed point as minimax, and a gradient −σ(−s)/N that is strongest where D rejects the image.

    >>> import numpy as np, gan_np as gn
    >>> gn.objectives.NonSaturating().generator(np.array([-1000.0, 1000.0])).gradient
    array([-0.5, -0. ])
    """

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """−E_z[log D(G(z))]."""
        return _mean_softplus(fake, -1)


@register("least-squares")
class LeastSquares(SeparateObjective):
    """Least-squares GAN (Mao et al. 2017): scores aim at 1 for real and 0 for generated images.

    L_D = ½·E_x[(s − 1)²] + ½·E_z[s²],   L_G = ½·E_z[(s − 1)²]
    """

    boundary = 0.5

    def _toward(self, logits: Array, target: float) -> Loss:
        distance = logits - logits.dtype.type(target)
        return mean_loss(distance * distance * logits.dtype.type(0.5), distance)

    def real(self, logits: Array) -> Loss:
        """½·E_x[(s − 1)²]."""
        return self._toward(logits, 1.0)

    def fake(self, logits: Array) -> Loss:
        """½·E_z[s²]."""
        return self._toward(logits, 0.0)

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """½·E_z[(s − 1)²]."""
        return self._toward(fake, 1.0)


@register("hinge")
class Hinge(SeparateObjective):
    """The hinge form (Lim and Ye 2017; Miyato et al. 2018).

    L_D = E_x[max(0, 1 − s)] + E_z[max(0, 1 + s)],   L_G = −E_z[s]
    """

    def real(self, logits: Array) -> Loss:
        """E_x[max(0, 1 − s)]."""
        return self._margin(logits, -1)

    def fake(self, logits: Array) -> Loss:
        """E_z[max(0, 1 + s)]."""
        return self._margin(logits, 1)

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """−E_z[s]."""
        return mean_loss(-fake, -1.0)

    def _margin(self, logits: Array, sign: int) -> Loss:
        require_same("objective", logits=logits)
        inside = 1 + sign * logits
        active = (inside > 0).astype(logits.dtype)
        return mean_loss(array_module(logits).maximum(inside, 0), sign * active)  # inside·active is NaN at −∞


@register("wasserstein")
class Wasserstein(SeparateObjective):
    """The Wasserstein critic (Arjovsky et al. 2017): L_D = −E_x[s] + E_z[s], L_G = −E_z[s].

    D must be kept Lipschitz: by a penalty on its slope (`gan_np.penalties.WassersteinGradientPenalty`), or, as in the paper,
    by clipping every weight to ±c after each update (`clip_weights` of the trainer).
    """

    boundary, needs_constraint = None, True

    def real(self, logits: Array) -> Loss:
        """−E_x[s]."""
        return mean_loss(-logits, -1.0)

    def fake(self, logits: Array) -> Loss:
        """E_z[s]."""
        return mean_loss(logits, 1.0)

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """−E_z[s]."""
        return self.real(fake)


@register("relativistic")
class Relativistic(Objective):
    """The relativistic pairing GAN (Jolicoeur-Martineau 2019; R3GAN, Huang et al. 2024): D says by how much a real image is
    more real than the generated one beside it.

    L_D = mean softplus(−(s_real − s_fake)),   L_G = mean softplus(s_real − s_fake)

    Scores are paired in the order of the batches. Adding a constant to all scores changes nothing, so there is no boundary.
    """

    boundary, needs_real = None, True

    def discriminator(self, real: Array, fake: Array) -> DiscriminatorLoss:
        """The gradients of both batches are opposite."""
        loss = _mean_softplus(_difference(real, fake), -1)
        return DiscriminatorLoss(loss.value, loss.gradient, -loss.gradient)

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """With respect to the generated images' scores; the real ones' are constants."""
        assert real is not None
        loss = _mean_softplus(_difference(real, fake), 1)
        return Loss(loss.value, -loss.gradient)


@register("relativistic-average")
class RelativisticAverage(Objective):
    """The relativistic average GAN (Jolicoeur-Martineau 2019): each score against the mean of the other batch's.

    With r = s_real − mean(s_fake) and f = s_fake − mean(s_real):
    L_D = ½·(mean softplus(−r) + mean softplus(f)),   L_G = ½·(mean softplus(−f) + mean softplus(r))
    """

    boundary, needs_real = None, True

    def discriminator(self, real: Array, fake: Array) -> DiscriminatorLoss:
        """Each mean passes its gradient on to all scores of its batch."""
        return self._loss(real, fake, 1)

    def generator(self, fake: Array, real: Array | None = None) -> Loss:
        """With respect to the generated images' scores; the real ones' are constants."""
        assert real is not None
        loss = self._loss(real, fake, -1)
        return Loss(loss.value, loss.fake_gradient)

    def _loss(self, real: Array, fake: Array, sign: int) -> DiscriminatorLoss:
        require_same("objective", real=real, fake=fake)
        of_real = _mean_softplus(real - fake.mean(), -sign, 0.5)
        of_fake = _mean_softplus(fake - real.mean(), sign, 0.5)
        # d mean(s)/ds = 1/N for each score of the other batch.
        real_gradient = of_real.gradient - of_fake.gradient.sum() / real.dtype.type(real.size)
        fake_gradient = of_fake.gradient - of_real.gradient.sum() / fake.dtype.type(fake.size)
        return DiscriminatorLoss(of_real.value + of_fake.value, real_gradient, fake_gradient)


def _difference(real: Array, fake: Array) -> Array:
    require_same("objective", real=real, fake=fake)
    if real.shape != fake.shape:
        raise ShapeError(f"objective: scores are compared in pairs, real ones are {real.shape}, generated {fake.shape}")
    return real - fake


def value(real_logits: Array, fake_logits: Array) -> Array:
    """V(D, G) estimated on two batches: −mean softplus(−s_real) − mean softplus(s_fake).

    −log 4 when D cannot tell (all logits 0), 0 when it is always right.
    """
    total: Array = -(_mean_softplus(real_logits, -1).value + _mean_softplus(fake_logits, 1).value)
    return total


__all__ = [
    "OBJECTIVES",
    "DiscriminatorLoss",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Minimax",
    "NonSaturating",
    "Objective",
    "Relativistic",
    "RelativisticAverage",
    "SeparateObjective",
    "Wasserstein",
    "check_complete",
    "check_loss",
    "mean_loss",
    "register",
    "value",
]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
