"""The value function V(D, G) and what each player minimises, with derivatives, from logits.

    V(D, G) = E_x[log D(x)] + E_z[log(1 − D(G(z)))],   D = σ(s), s the logit

    −log D = softplus(−s),   −log(1 − D) = softplus(s):   exact at any finite s, no probability is ever formed.

Gradients are with respect to the logits, means over the batch included; a pullback takes them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from gan_np import ops
from gan_np.arrays import Array
from gan_np.checks import number


class Loss(NamedTuple):
    """A scalar (0-d array on the logits' device, so that reading it is the caller's decision) and its gradient."""

    value: Array
    gradient: Array


class Objective(Protocol):
    """What the two players minimise."""

    def real(self, logits: Array) -> Loss:
        """The part of D's loss that comes from real pictures."""

    def fake(self, logits: Array) -> Loss:
        """The part of D's loss that comes from generated pictures."""

    def generator(self, logits: Array) -> Loss:
        """G's loss, from D's logits on generated pictures."""


def _mean_softplus(logits: Array, sign: int, weight: float = 1.0) -> Loss:
    """weight · mean softplus(sign·s), with its gradient sign·weight·σ(sign·s)/N."""
    share = logits.dtype.type(weight / logits.size)
    values, pullback = ops.softplus(sign * logits)
    (gradient,) = pullback(values * 0 + sign * share)
    assert gradient is not None
    return Loss(values.sum() * share, gradient)


class _CrossEntropy:
    """D's side of both objectives: L_D = −V = mean softplus(−s_real) + mean softplus(s_fake).

    smoothing: one-sided label smoothing (Salimans et al. 2016): the target of real pictures is 1 − smoothing,
    L_real = (1 − smoothing)·mean softplus(−s) + smoothing·mean softplus(s). Fake targets stay 0.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = number("smoothing", smoothing, 0.0)
        if smoothing >= 0.5:
            raise ValueError(f"smoothing: expected less than 0.5 (a target above one half), got {smoothing}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(smoothing={self.smoothing})"

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


class Minimax(_CrossEntropy):
    """The game as stated: G minimises V, L_G = E_z[log(1 − D(G(z)))] = −mean softplus(s).

    Its gradient −σ(s)/N vanishes where D is sure of itself (s → −∞): G learns nothing early on (Goodfellow et al. 2014).

    >>> import numpy as np, gan_np as gn
    >>> gn.objectives.Minimax().generator(np.array([-1000.0, 1000.0])).gradient
    array([-0. , -0.5])
    """

    def generator(self, logits: Array) -> Loss:
        """E_z[log(1 − D(G(z)))]."""
        return _mean_softplus(logits, 1, -1.0)


class NonSaturating(_CrossEntropy):
    """The form used in practice: G maximises E_z[log D(G(z))], L_G = mean softplus(−s).

    The same fixed point as minimax, and a gradient −σ(−s)/N that is strongest where D rejects the picture.

    >>> import numpy as np, gan_np as gn
    >>> gn.objectives.NonSaturating().generator(np.array([-1000.0, 1000.0])).gradient
    array([-0.5, -0. ])
    """

    def generator(self, logits: Array) -> Loss:
        """−E_z[log D(G(z))]."""
        return _mean_softplus(logits, -1)


OBJECTIVES: dict[str, Callable[[float], Objective]] = {"minimax": Minimax, "non-saturating": NonSaturating}
"""By the names that configurations and the command line use."""


def value(real_logits: Array, fake_logits: Array) -> Array:
    """V(D, G) estimated on two batches: −mean softplus(−s_real) − mean softplus(s_fake).

    −log 4 when D cannot tell (all logits 0), 0 when it is always right.
    """
    total: Array = -(_mean_softplus(real_logits, -1).value + _mean_softplus(fake_logits, 1).value)
    return total
