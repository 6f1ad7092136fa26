"""The gradients of objectives and of penalties' functions against finite differences."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.objectives import Objective
from gan_np.penalties import Penalty

from .finite_differences import GradientError

STEP, RELATIVE = 1e-6, 1e-6


def check_objective(objective: Objective, *, shape: tuple[int, ...] = (5, 1), seed: int = 0) -> None:
    """Check D's and G's gradients of an objective with respect to every logit, in float64, by central differences.

    shape: that of both batches of logits, (N, 1) or (N, h, w, 1).

    Raises:
        GradientError: with the player, the logit, and both values.

    >>> import gan_np as gn
    >>> gn.testing.check_objective(gn.objectives.Relativistic())
    """
    rng = generator(seed)
    # Away from the kinks at ±1 of the hinge form and at 0.
    real, fake = (rng.uniform(0.1, 0.9, shape) * rng.choice([-1, 1, 2, -2], shape) for _ in range(2))
    found = objective.discriminator(real, fake)
    for name, logits, gradient in (("real", real, found.real_gradient), ("generated", fake, found.fake_gradient)):
        for index in np.ndindex(shape):
            sides = [float(objective.discriminator(*moved).value) for moved in _sides(real, fake, logits, index)]
            _compare(f"{objective!r}: D's gradient of {name} logit {index}", sides, gradient, logits, index)
    given = real if objective.needs_real else None
    of_g = objective.generator(fake, given)
    for index in np.ndindex(shape):
        sides = [
            float(objective.generator(b, a if objective.needs_real else None).value)
            for a, b in _sides(real, fake, fake, index)
        ]
        _compare(f"{objective!r}: G's gradient of logit {index}", sides, of_g.gradient, fake, index)


def check_penalty(penalty: Penalty) -> None:
    """Check φ′ of a penalty against differences of φ, at squared slopes from 1e-3 to 1e3, and that it is finite at 0.

    Raises:
        GradientError: with the squared slope and both values.

    >>> import gan_np as gn
    >>> gn.testing.check_penalty(gn.penalties.WassersteinGradientPenalty())
    """
    squared = np.geomspace(1.1e-3, 0.9e3, 25)
    claimed = penalty.derivative(squared)
    for index, q in enumerate(squared):
        sides = [float(penalty.value(np.array([q * (1 + sign * STEP)]))[0]) for sign in (1, -1)]
        numeric = (sides[0] - sides[1]) / (2 * STEP * q)
        if abs(numeric - claimed[index]) > 1e-5 * max(abs(numeric), abs(claimed[index]), 1e-3):
            raise GradientError(
                f"{penalty!r}: φ′({q:.6g}) is {numeric:.9g} by differences, {claimed[index]:.9g} by derivative()"
            )
    zero = np.zeros(1)
    if not (np.isfinite(penalty.derivative(zero)).all() and np.isfinite(penalty.value(zero)).all()):
        raise GradientError(f"{penalty!r}: φ or φ′ is not finite where the slope is 0")


def _sides(real: Array, fake: Array, changed: Array, index: tuple[int, ...]) -> list[tuple[Array, Array]]:
    """(real, fake) with one entry of one of them moved up, and down."""
    found = []
    for sign in (1, -1):
        moved = changed.copy()
        moved[index] += sign * STEP
        found.append((moved if changed is real else real, moved if changed is fake else fake))
    return found


def _compare(what: str, sides: list[float], gradient: Array, logits: Array, index: tuple[int, ...]) -> None:
    if gradient.shape != logits.shape:
        raise GradientError(f"{what}: the gradient has shape {gradient.shape}, the logits {logits.shape}")
    numeric, analytic = (sides[0] - sides[1]) / (2 * STEP), float(gradient[index])
    rounding = 8 * np.finfo(float).eps * max(1.0, *map(abs, sides)) / STEP
    if abs(numeric - analytic) > RELATIVE * max(abs(numeric), abs(analytic)) + rounding:
        raise GradientError(f"{what}: finite differences give {numeric:.9g}, the objective {analytic:.9g}")
