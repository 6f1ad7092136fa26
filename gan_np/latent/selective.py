"""Directions that change one factor and hold the others, found by gradient descent through G and a reader of factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.checks import ShapeError, choice, integer, number
from gan_np.layers import INPUTS
from gan_np.models import GAN
from gan_np.networks import Network

from .directions import Direction


def selective(
    gan: GAN,
    read: Network,
    factors: Sequence[str],
    factor: str,
    *,
    start: Direction,
    step: float = 2.0,
    iterations: int = 300,
    batch_size: int = 64,
    learning_rate: float = 0.02,
    points: int = 2000,
    seed: int = 0,
    average: bool = True,
) -> Direction:
    """The direction u along which `factor` changes most beside all other factors, where they are known.

    With the size of a factor f along u as `gan_np.metrics.effects` measures it,

        size_f²(u) = E‖r_f(G(z + s·u)) − r_f(G(z − s·u))‖² / (2·E‖r_f(G(z)) − r̄_f‖²),   s = `step`,

    it minimises  log Σ_{g ≠ f} size_g²(u) − log size_f²(u)  over unit vectors u by Adam, on minibatches of points z that
    are drawn once. With Δ_g = r_g(G(z + s·u)) − r_g(G(z − s·u)) and J± the Jacobian of r∘G at z ± s·u

        ∂ size_g²/∂u = s/(N·Var_g) · Σ_n (J₊ᵀ + J₋ᵀ)·Δ_g.

    A regression (`by_properties`) sees the mean of the gradients, in which a factor that rises for some z and falls for
    others cancels; here every change counts. u holds the other factors as well as one straight line for all z can.

    gan: unconditional, of images. read: a network from float images in [−1, 1] to factors, such as that of
    `gan_np.evaluation.train_reader`. factors: the names of its outputs; "hair=long" and "hair=curly" are columns of one
    factor, hair. start: the direction to begin with, for instance that of `by_properties`. points: how many z are drawn;
    measure the result on others.

    Raises:
        ShapeError, ValueError, TypeError: a network that does not read this gan's images; an unknown factor; a factor that
            is the same in all samples; a conditional gan.
    """
    names = tuple(dict.fromkeys(name.partition("=")[0] for name in factors))
    chosen = names.index(choice("factor", factor, names))
    if gan.classes is not None:
        raise ValueError("gan: expected a model without labels, got a conditional one")
    if read.input_shape != gan.data_shape or read.output_shape != (len(factors),):
        raise ShapeError(
            f"read: expected a network {gan.data_shape} → ({len(factors)},), got {read.input_shape} → {read.output_shape}"
        )
    if start.dim != gan.prior.dim:
        raise ShapeError(f"start: expected a direction of {gan.prior.dim} coordinates, got {start.dim}")
    number("step", step, above=0.0)
    number("learning_rate", learning_rate, above=0.0)
    integer("iterations", iterations, 1)
    integer("points", points, integer("batch_size", batch_size, 2))
    composed = _Composed(gan, read, average)
    z = gan.prior.of_seed(seed, points, gan.generator.dtype)
    member = np.array([[name.partition("=")[0] == one for name in factors] for one in names], np.float64)
    spread = member @ np.concatenate([composed(z[at : at + 256]) for at in range(0, points, 256)]).var(axis=0)
    if not (spread > 0).all():
        raise ValueError(f"factors: {names[int((spread <= 0).argmax())]!r} is the same in all samples")
    rng, direction = generator(seed, 1), start.vector.copy()
    first, second = np.zeros_like(direction), np.zeros_like(direction)
    for count in range(1, iterations + 1):
        slope = _slope(composed, z[rng.integers(0, points, batch_size)], direction, step, member, spread, chosen)
        slope -= (slope @ direction) * direction
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        rate = learning_rate * (1 - (count - 1) / iterations)
        direction -= rate * (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.99**count)) + 1e-8)
        direction /= np.linalg.norm(direction)
    held = ", ".join(name for name in names if name != factor)
    return Direction(factor, direction, f"gradient descent from {start.name!r}, holding {held}")


class _Composed:
    """r∘G in evaluation mode, and its pullback."""

    def __init__(self, gan: GAN, read: Network, average: bool) -> None:
        self.sampler, self.read = gan.sampler(average=average), read
        low, high = gan.image_range
        self.scale, self.shift = 2 / (high - low), (low + high) / (high - low)

    def __call__(self, z: Array) -> Array:
        return self.forward(z)[0]

    def forward(self, z: Array) -> tuple[Array, Any]:
        made, through_g = self.sampler.forward(to_device(z, self.sampler.device), wrt=INPUTS)
        real = made.dtype.type
        image = real(self.scale) * made - real(self.shift)  # as the reader takes it, in [−1, 1]
        found, through_read = self.read.forward(image, wrt=INPUTS)

        def pullback(cotangent: Array) -> Array:
            back = through_g(real(self.scale) * through_read(to_device(cotangent.astype(real), self.read.device)))
            return to_host(back).astype(np.float64)

        return to_host(found).astype(np.float64), pullback


def _slope(
    composed: _Composed, z: Array, direction: Array, step: float, member: Array, spread: Array, chosen: int
) -> Array:
    """The gradient of log Σ_{g ≠ f} size_g² − log size_f² with respect to u, (k,), f the chosen factor."""
    move = (step * direction).astype(z.dtype)
    (above, back_above), (below, back_below) = composed.forward(z + move), composed.forward(z - move)
    change = above - below
    sizes = member @ (change**2).mean(axis=0) / (2 * spread)
    shares = np.full(len(sizes), 1 / (sizes.sum() - sizes[chosen]))
    shares[chosen] = -1 / sizes[chosen]
    cotangent = change * (shares / spread @ member)
    slope: Array = step / len(z) * (back_above(cotangent) + back_below(cotangent)).sum(axis=0)
    return slope
