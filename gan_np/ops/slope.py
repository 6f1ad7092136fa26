"""The slope of an operation, and its derivative along a tangent: what penalties on D's slope are trained with.

For a piecewise linear network y = D(x; θ) that treats each example by itself let δ be the gradient of every layer's
output for a gradient dy of y (of ones, for the slope of a logit). The parameters' gradients of the two terms

    ⟨dy, J·ẋ⟩       a penalty on the slope Jᵀdy, for a tangent ẋ made of it
    ⟨s ⊙ dy, y⟩      a loss, with ∂L/∂yₙ = sₙ·dyₙ

are both made of δ: that of the second has sₙ·δₙ. So δ is computed once, and what each layer's weight is multiplied with, the
input x and its tangent ẋ, meets it in one product, L(·, ẋ + s ⊙ x)ᵀδ.
"""

from __future__ import annotations

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Into

from .pullback import problem


def by_example(scale: Array, array: Array) -> Array:
    """s ⊙ a: each example times its number."""
    scaled: Array = scale.reshape(-1, *(1,) * (array.ndim - 1)) * array
    return scaled


def moved_on(name: str, tangent: Array | None, x: Array | None, scale: Array) -> Array:
    """ẋ + s ⊙ x; ẋ may be None for 0.

    Raises:
        ValueError: x is needed, and forward did not keep it.
    """
    if x is None:
        raise ValueError(f"{name}: forward was not asked for the weight's gradient (wrt), so it kept no x")
    if tangent is None:
        return by_example(scale, x)
    moved: Array = kernels.select("scaled_sum", problem(x)).add(tangent, x, scale)
    return moved


def bias_gradient(delta: Array, scale: Array, into: Into | None) -> Array:
    """Σ s ⊙ δ over all axes but the last."""
    total: Array = kernels.select("scaled_sum", problem(delta)).total(delta, scale, into)
    return total
