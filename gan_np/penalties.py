"""Penalties on D's slope: what is added to L_D so that D stays smooth.

    P = weight · mean_n φ(‖∇_x D(x_n)‖²),   x_n real images, generated ones, or points between them

The three best known differ in where, and in φ:

    R1, R2               φ(q) = q/2            real, generated images    (Mescheder, Geiger and Nowozin 2018)
    Wasserstein's        φ(q) = (√q − c)²      between them              (Gulrajani et al. 2017; c = 1)

`gan_np.training.penalty` has the gradient with respect to θ_D, the same for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass

from gan_np.arrays import Array, array_module
from gan_np.checks import number
from gan_np.registry import Registry
from gan_np.schedules import Schedule, scheduled

PENALTIES = Registry("penalty")
"""Penalties by the names that configurations use; one's own join with `gan_np.penalties.register`."""
register = PENALTIES.register

PLACES = ("real", "fake", "between")
"""Where a penalty may be: at real images, at generated ones, or at points between them."""


class Penalty:
    """Base of all penalties. One of your own says where, has a weight, and φ with its derivative:

    >>> import gan_np as gn
    >>> @gn.penalties.register("slope-above")
    ... class SlopeAbove(gn.penalties.Penalty):
    ...     '''weight · E_x[max(0, ‖∇D(x)‖² − limit)] on real images.'''
    ...     where = "real"
    ...     def __init__(self, weight=1.0, limit=1.0):
    ...         self.weight, self.limit = weight, limit
    ...     def value(self, squared):
    ...         return (squared - self.limit).clip(0)
    ...     def derivative(self, squared):
    ...         return (squared > self.limit).astype(squared.dtype)
    >>> gn.penalties.PENALTIES.unregister("slope-above")
    """

    where: str
    """"real", "fake" (generated images) or "between" (points on the line from a generated image to a real one)."""
    weight: float | Schedule
    """What the mean is multiplied by; a number, or a schedule over D's updates."""

    def value(self, squared: Array) -> Array:
        """φ(q) for squared slopes q (N,)."""
        raise NotImplementedError(f"{type(self).__name__} has no value")

    def derivative(self, squared: Array) -> Array:
        """φ′(q); finite where q is 0."""
        raise NotImplementedError(f"{type(self).__name__} has no derivative")


def check_different(penalties: Sequence[Penalty]) -> Sequence[Penalty]:
    """The penalties, if no two of them are one penalty with two weights.

    Raises:
        ValueError: two have the same class and the same arguments but for the weight, as r1(1) and r1(2) have.
    """
    for place, one in enumerate(penalties):
        for other in penalties[:place]:
            if type(one) is type(other) and _beside_weight(one) == _beside_weight(other):
                raise ValueError(
                    f"penalties: {other!r} and {one!r} are the same penalty given twice (r1 is the penalty R1 too); give it "
                    "once, with the weight that you mean"
                )
    return penalties


def _beside_weight(penalty: Penalty) -> str:
    """The place and the arguments of a penalty without its weight."""
    values = (
        {each.name: getattr(penalty, each.name) for each in fields(penalty)} if is_dataclass(penalty) else vars(penalty)
    )
    return repr((penalty.where, {name: value for name, value in values.items() if name != "weight"}))


@dataclass(frozen=True)
class _HalfSquare(Penalty):
    weight: float | Schedule = 10.0

    def __post_init__(self) -> None:
        scheduled("weight", self.weight, 0.0)

    def value(self, squared: Array) -> Array:
        """Return φ(q) = q/2."""
        half: Array = squared * squared.dtype.type(0.5)
        return half

    def derivative(self, squared: Array) -> Array:
        """Return φ′(q) = ½."""
        return array_module(squared).full_like(squared, 0.5)


@register("r1")
@dataclass(frozen=True)
class R1(_HalfSquare):
    """γ/2 · E_x‖∇D(x)‖² on real images (Mescheder, Geiger and Nowozin 2018). weight: γ."""

    where = "real"


@register("r2")
@dataclass(frozen=True)
class R2(_HalfSquare):
    """γ/2 · E_z‖∇D(G(z))‖² on generated images (Mescheder, Geiger and Nowozin 2018). weight: γ."""

    where = "fake"


@register("wasserstein")
@dataclass(frozen=True)
class WassersteinGradientPenalty(Penalty):
    """λ · E[(‖∇D(x̂)‖ − c)²] at x̂ = ε·x + (1 − ε)·G(z), ε ~ U(0, 1) for each pair (Gulrajani et al. 2017).

    weight: λ. target: c, the slope that is not penalised.

    φ(q) = (√q − c)² and φ′(q) = 1 − c/√q; at q = 0, where φ has no derivative, 0 is taken, so that a critic that is constant
    somewhere gives no NaN.
    """

    where = "between"
    weight: float | Schedule = 10.0
    target: float = 1.0

    def __post_init__(self) -> None:
        scheduled("weight", self.weight, 0.0)
        number("target", self.target, 0.0)

    def value(self, squared: Array) -> Array:
        """Return φ(q) = (√q − c)²."""
        distance = array_module(squared).sqrt(squared) - squared.dtype.type(self.target)
        square: Array = distance * distance
        return square

    def derivative(self, squared: Array) -> Array:
        """1 − c/√q; 0 at q = 0."""
        xp, real = array_module(squared), squared.dtype.type
        slope = xp.sqrt(xp.where(squared > 0, squared, real(1)))
        found: Array = xp.where(squared > 0, real(1) - real(self.target) / slope, real(0))
        return found


__all__ = [
    "PENALTIES",
    "PLACES",
    "R1",
    "R2",
    "Penalty",
    "WassersteinGradientPenalty",
    "check_different",
    "register",
]


def __dir__() -> list[str]:
    """Return what completion offers, which is not what this file imports."""
    return list(__all__)
