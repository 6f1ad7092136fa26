"""R1: a penalty on the slope of D at real pictures, with its second derivative by hand."""

from __future__ import annotations

from gan_np.arrays import Array, array_module
from gan_np.networks import Pullback


def r1_penalty(pullback: Pullback, logits: Array, gamma: float, context: Array | None = None) -> Array:
    """R1 = (γ/2)·mean_n ‖∇_x D(x_n)‖² (Mescheder, Geiger and Nowozin 2018); its gradient is added to D's.

    pullback: of D's forward on real pictures, with inputs and parameters asked for; it is kept for further use.
    context: what a conditional D was given beside the pictures; the slope is that in the pictures alone.

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
