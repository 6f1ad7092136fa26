"""The gradient of a penalty on D's slope with respect to θ_D, by hand.

With logits s = D(x; θ) and t_n = ∂s_n/∂x_n (of a map of logits: of their sum), a penalty is P = (w/N)·Σ_n φ(‖t_n‖²). For
t held constant, ⟨t_n, ∂t_n/∂θ⟩ = ∂/∂θ (1ᵀ J_n(θ)·t_n), J_n the Jacobian of D at x_n; hence

    ∂P/∂θ = ∂/∂θ 1ᵀ J(θ)·(v ⊙ t),   v_n = (2w/N)·φ′(‖t_n‖²)   t and v constants:

one forward of the linearised network on the slopes, each times its v_n, and one pass back through it. (The v_n stand at the
inputs and not at the logits, because a layer that looks at the whole batch couples the examples.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module, generator, to_device
from gan_np.layers import Wrt
from gan_np.models import GAN
from gan_np.networks import NetworkPullback
from gan_np.penalties import Penalty
from gan_np.ranks import ALONE, Ranks


def require_linearisable(gan: GAN) -> None:
    """Try on two examples of zeros whether a penalty's second derivative exists for this D; nothing is changed by it.

    Raises:
        ValueError: a layer of D has no linearisation with a derivative of its own.
    """
    d = gan.discriminator
    shapes = d.input_shape
    several = isinstance(shapes[0], tuple)
    zeros = [to_device(np.zeros((2, *shape), d.dtype), d.device) for shape in (shapes if several else (shapes,))]
    x = tuple(zeros) if several else zeros[0]
    _, pullback = d.forward(x, training=True, wrt=Wrt(), rng=generator(0))
    try:
        pullback.linear(x)
    except TypeError as error:
        raise ValueError(
            f"penalties: need a derivative of D's derivative; add --d-norm none or --d-norm spectral (d_norm='none' or "
            f"'spectral'): {error}"
        ) from error


def penalise(
    pullback: NetworkPullback,
    logits: Array,
    penalty: Penalty,
    weight: Any,
    context: Array | None = None,
    ranks: Ranks = ALONE,
) -> Array:
    """The penalty's value, 0-d; its gradient is added to D's.

    pullback: of D's forward where the penalty is, with inputs and parameters asked for; it is kept for further use.
    weight: the penalty's weight now, a number or a 0-d array on the device.
    context: what a conditional D was given beside the images; the slope is that in the images alone.
    ranks: the processes that have the rest of the batch, over which the mean is taken.

    Raises:
        TypeError: a layer of D has no linearisation with a derivative of its own.
    """
    xp, real = array_module(logits), logits.dtype.type
    wanted = (True, False) if context is not None else True
    given = pullback(xp.ones(logits.shape, logits.dtype), inputs=wanted, parameters=False, keep=True)
    slope = given if context is None else given[0]
    count = len(logits)
    squared = (slope * slope).reshape(count, -1).sum(axis=1)
    total = count * ranks.size
    share = real(weight / total) if isinstance(weight, int | float) else weight.astype(logits.dtype) / real(total)
    scale = share * (penalty.derivative(squared) * real(2))
    tangent = scale.reshape(count, *(1,) * (slope.ndim - 1)) * slope
    moved, second = pullback.linear(tangent if context is None else (tangent, xp.zeros_like(context)), keep=True)
    second(xp.ones(moved.shape, moved.dtype))
    value: Array = share * penalty.value(*ranks.all_gather(squared, what="scores")).sum()
    return value
