"""R1: a penalty on the slope of D at real images, with its second derivative by hand."""

from __future__ import annotations

import numpy as np

from gan_np.arrays import Array, array_module, generator, to_device
from gan_np.layers import Wrt
from gan_np.models import GAN
from gan_np.networks import NetworkPullback


def require_linearisable(gan: GAN) -> None:
    """Try on two examples of zeros whether the penalty's second derivative exists for this D; nothing is changed by it.

    Raises:
        ValueError: a layer of D is not piecewise linear.
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
            "r1: does not work with batch normalisation or the deviation of a batch in D; add --d-norm none or "
            "--d-norm spectral (d_norm='none' or 'spectral'), and leave --minibatch-deviation out. The penalty's gradient "
            f"is computed for piecewise linear layers only: {error}"
        ) from error


def r1_penalty(pullback: NetworkPullback, logits: Array, gamma: float, context: Array | None = None) -> Array:
    """R1 = (γ/2)·mean_n ‖∇_x D(x_n)‖² (Mescheder, Geiger and Nowozin 2018); its gradient is added to D's.

    pullback: of D's forward on real images, with inputs and parameters asked for; it is kept for further use.
    context: what a conditional D was given beside the images; the slope is that in the images alone.

    For a piecewise linear D (convolutions, leaky ReLU, dense; no batch normalisation) let J be its Jacobian at x. With
    t = Jᵀ·1 the penalty is (γ/2N)·‖t‖², and since masks do not move with θ (almost everywhere),

        ∂R1/∂θ = (γ/N)·∂/∂θ ⟨1, J(θ)·t⟩   with t held constant:

    one forward of the linearised network on t, and one pass for the weights, which pairs the activations of that forward
    with the backward deltas.

    Raises:
        TypeError: a layer of D is not piecewise linear.
    """
    xp = array_module(logits)
    wanted = (True, False) if context is not None else True
    given = pullback(xp.ones(logits.shape, logits.dtype), inputs=wanted, parameters=False, keep=True)
    slope = given if context is None else given[0]
    scale = logits.dtype.type(gamma / len(logits))
    moved, second = pullback.linear(slope if context is None else (slope, xp.zeros_like(context)), keep=True)
    second(xp.full(moved.shape, scale, logits.dtype))
    value: Array = scale * logits.dtype.type(0.5) * (slope * slope).sum()
    return value
