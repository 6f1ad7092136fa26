"""The gradient of a penalty on D's slope with respect to θ_D, by hand.

With logits s = D(x; θ) and t_n = ∂s_n/∂x_n (of a map of logits: of their sum), a penalty is P = (w/N)·Σ_n φ(‖t_n‖²). For
t held constant, ⟨t_n, ∂t_n/∂θ⟩ = ∂/∂θ (1ᵀ J_n(θ)·t_n), J_n the Jacobian of D at x_n; hence

    ∂P/∂θ = ∂/∂θ 1ᵀ J(θ)·(v ⊙ t),   v_n = (2w/N)·φ′(‖t_n‖²)   t and v constants:

one forward of the linearised network on the slopes, each times its v_n, and one pass back through it. (The v_n stand at the
inputs and not at the logits, because a layer that looks at the whole batch couples the examples.)

That pass back meets the gradients δ of ones again that the slopes were made of, and the loss, with ∂L/∂s_n = g_n, those
times g_n. So each δ is made once, on the way to the slope, and with x the input of a layer and ẋ its tangent every weight's
gradient of loss and penalty together is one product on the way forward, of δ with ẋ + g ⊙ x (`NetworkPullback.slope`). That
is one pass forward, one back, one forward and the weights' products; differentiated each by itself, loss and penalty take
two more passes back and the weights' products once more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module, generator, to_device
from gan_np.checks import shown
from gan_np.layers import Wrt
from gan_np.models import GAN
from gan_np.networks import NetworkPullback
from gan_np.penalties import Penalty
from gan_np.ranks import ALONE, Ranks


def penalties_of(given: Any) -> tuple[Penalty, ...]:
    """Several penalties, or a single one, as a tuple.

    Raises:
        TypeError: something else than penalties; the message shows it.
    """
    found = (given,) if isinstance(given, Penalty) else given
    if not isinstance(found, tuple | list) or not all(isinstance(one, Penalty) for one in found):
        wrong = (
            next((one for one in found if not isinstance(one, Penalty)), given)
            if isinstance(found, tuple | list)
            else given
        )
        called = f": {wrong.__name__} is a class, call it" if isinstance(wrong, type) else ""
        raise TypeError(f"penalties: expected penalties such as [gan_np.penalties.R1(10)], got {shown(wrong)}{called}")
    return tuple(found)


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
        advice = ""
        if gan.recipe.get("d_norm", "none") not in ("none", "spectral"):
            advice = "; add --d-norm none or --d-norm spectral (d_norm='none' or 'spectral')"
        raise ValueError(f"penalties: need a derivative of D's derivative: {error}{advice}") from error


def penalise(
    pullback: NetworkPullback,
    logits: Array,
    penalty: Penalty,
    weight: Any,
    context: Array | None = None,
    ranks: Ranks = ALONE,
    *,
    gradient: Array | None = None,
) -> Array:
    """The penalty's value, 0-d; its gradient is added to D's.

    pullback: of D's forward where the penalty is, with inputs and parameters asked for; it is kept for further use, but
        with `gradient`.
    weight: the penalty's weight now, a number or a 0-d array on the device.
    context: what a conditional D was given beside the images; the slope is that in the images alone.
    ranks: the processes that have the rest of the batch, over which the mean is taken.
    gradient: ∂L/∂logits of the loss at the same images, like the logits: the loss's gradient with respect to D's parameters
        is added too, which costs next to nothing where there is one logit for an image.

    Raises:
        TypeError: a layer of D has no linearisation with a derivative of its own.
    """
    xp, real = array_module(logits), logits.dtype.type
    count = len(logits)
    one_each = logits.size == count
    scale = gradient.reshape(count) if gradient is not None and one_each else None
    wanted = (True, False) if context is not None else True
    keep = gradient is None or not one_each
    given, along = pullback.slope(xp.ones(logits.shape, logits.dtype), scale=scale, inputs=wanted, keep=keep)
    slope = given if context is None else given[0]
    squared = (slope * slope).reshape(count, -1).sum(axis=1)
    total = count * ranks.size
    share = real(weight / total) if isinstance(weight, int | float) else weight.astype(logits.dtype) / real(total)
    factors = share * (penalty.derivative(squared) * real(2))
    tangent = factors.reshape(count, *(1,) * (slope.ndim - 1)) * slope
    along(tangent if context is None else (tangent, None))
    if gradient is not None and not one_each:
        pullback(gradient, inputs=False)
    value: Array = share * penalty.value(*ranks.all_gather(squared, what="scores")).sum()
    return value
