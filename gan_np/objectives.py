"""The value function V(D, G) and what each player minimises, with derivatives, from logits.

    V(D, G) = E_x[log D(x)] + E_z[log(1 − D(G(z)))],   D = σ(s), s the logit

    −log D = softplus(−s),   −log(1 − D) = softplus(s):   exact at any finite s, no probability is ever formed.

Gradients are with respect to the logits, means over the batch included; a pullback takes them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from gan_np import ops
from gan_np.arrays import Array, array_module, require_same
from gan_np.checks import number


class Loss(NamedTuple):
    """A scalar (0-d array on the logits' device, so that reading it is the caller's decision) and its gradient."""

    value: Array
    gradient: Array


class Objective(Protocol):
    """What the two players minimise."""

    @property
    def boundary(self) -> float:
        """D calls an image real where its score is above this."""

    @property
    def classifies(self) -> bool:
        """Whether D's score has such a boundary of its own; a Wasserstein critic's is only defined up to a constant."""

    def real(self, logits: Array) -> Loss:
        """The part of D's loss that comes from real images."""

    def fake(self, logits: Array) -> Loss:
        """The part of D's loss that comes from generated images."""

    def generator(self, logits: Array) -> Loss:
        """G's loss, from D's logits on generated images."""


def _mean_softplus(logits: Array, sign: int, weight: float = 1.0) -> Loss:
    """weight · mean softplus(sign·s), with its gradient sign·weight·σ(sign·s)/N."""
    return Loss(*ops.mean_softplus(logits, sign, weight))


def _mean(values: Array, gradient: Array) -> Loss:
    """mean(values) and its gradient, given that of each value with respect to its score."""
    require_same("objective", logits=values)
    share = values.dtype.type(1 / values.size)
    return Loss(values.sum() * share, gradient * share)


def _all(logits: Array, value: float) -> Array:
    """This value for each score, also where one is not finite."""
    require_same("objective", logits=logits)
    return array_module(logits).full_like(logits, value)


class _CrossEntropy:
    """D's side of both objectives: L_D = −V = mean softplus(−s_real) + mean softplus(s_fake).

    smoothing: one-sided label smoothing (Salimans et al. 2016): the target of real images is 1 − smoothing,
    L_real = (1 − smoothing)·mean softplus(−s) + smoothing·mean softplus(s). Fake targets stay 0.
    """

    boundary, classifies = 0.0, True

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

    The same fixed point as minimax, and a gradient −σ(−s)/N that is strongest where D rejects the image.

    >>> import numpy as np, gan_np as gn
    >>> gn.objectives.NonSaturating().generator(np.array([-1000.0, 1000.0])).gradient
    array([-0.5, -0. ])
    """

    def generator(self, logits: Array) -> Loss:
        """−E_z[log D(G(z))]."""
        return _mean_softplus(logits, -1)


class LeastSquares:
    """Least-squares GAN (Mao et al. 2017): scores aim at 1 for real and 0 for generated images.

    L_D = ½·E_x[(s − 1)²] + ½·E_z[s²],   L_G = ½·E_z[(s − 1)²]
    """

    boundary, classifies = 0.5, True

    def _toward(self, logits: Array, target: float) -> Loss:
        distance = logits - logits.dtype.type(target)
        return _mean(distance * distance * logits.dtype.type(0.5), distance)

    def real(self, logits: Array) -> Loss:
        """½·E_x[(s − 1)²]."""
        return self._toward(logits, 1.0)

    def fake(self, logits: Array) -> Loss:
        """½·E_z[s²]."""
        return self._toward(logits, 0.0)

    def generator(self, logits: Array) -> Loss:
        """½·E_z[(s − 1)²]."""
        return self._toward(logits, 1.0)


class Hinge:
    """The hinge form (Lim and Ye 2017; Miyato et al. 2018).

    L_D = E_x[max(0, 1 − s)] + E_z[max(0, 1 + s)],   L_G = −E_z[s]
    """

    boundary, classifies = 0.0, True

    def real(self, logits: Array) -> Loss:
        """E_x[max(0, 1 − s)]."""
        return self._margin(logits, -1)

    def fake(self, logits: Array) -> Loss:
        """E_z[max(0, 1 + s)]."""
        return self._margin(logits, 1)

    def generator(self, logits: Array) -> Loss:
        """−E_z[s]."""
        return _mean(-logits, _all(logits, -1))

    def _margin(self, logits: Array, sign: int) -> Loss:
        require_same("objective", logits=logits)
        inside = 1 + sign * logits
        active = (inside > 0).astype(logits.dtype)
        return _mean(array_module(logits).maximum(inside, 0), sign * active)  # inside·active is NaN at −∞


class Wasserstein:
    """The Wasserstein critic (Arjovsky et al. 2017): L_D = −E_x[s] + E_z[s], L_G = −E_z[s].

    D must be kept Lipschitz: the paper clips every weight to ±c after each update (`clip_weights` of the trainer).
    """

    boundary, classifies = 0.0, False

    def real(self, logits: Array) -> Loss:
        """−E_x[s]."""
        return _mean(-logits, _all(logits, -1))

    def fake(self, logits: Array) -> Loss:
        """E_z[s]."""
        return _mean(logits, _all(logits, 1))

    def generator(self, logits: Array) -> Loss:
        """−E_z[s]."""
        return self.real(logits)


OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "non-saturating": NonSaturating,
    "minimax": Minimax,
    "least-squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
}
"""By the names that configurations and the command line use."""


def value(real_logits: Array, fake_logits: Array) -> Array:
    """V(D, G) estimated on two batches: −mean softplus(−s_real) − mean softplus(s_fake).

    −log 4 when D cannot tell (all logits 0), 0 when it is always right.
    """
    total: Array = -(_mean_softplus(real_logits, -1).value + _mean_softplus(fake_logits, 1).value)
    return total
