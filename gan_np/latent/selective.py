"""Directions that change one factor and hold the others, found by gradient descent through G and a reader of factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.checks import ShapeError, as_array, choice, integer, number
from gan_np.layers import INPUTS
from gan_np.metrics.distances import finite
from gan_np.metrics.factors import columns_of_factors
from gan_np.models import GAN
from gan_np.networks import Network

from .directions import Direction

PLACES = (-1.0, -0.5, 0.5, 1.0)
"""Where the other factors are compared with what they are at z itself, in parts of the step."""

EMPHASIS = 1.5
"""How much the factor's own change counts beside that of all others."""


def selective(
    gan: GAN,
    read: Network,
    factors: Sequence[str],
    factor: str,
    *,
    start: Direction,
    at: Array | None = None,
    step: float = 2.0,
    iterations: int = 300,
    batch_size: int = 64,
    learning_rate: float = 0.02,
    seed: int = 0,
    average: bool = True,
) -> Direction:
    """The direction u along which `factor` changes most beside all other factors, where they are known.

    With s = `step`, r the factors that are read from an image, and r_g those of one factor, it minimises over unit vectors u

        L(u) = log Σ_{g ≠ f} h_g(u) − 1.5·log m_f(u),
        h_g(u) = mean over n and t of ‖r_g(G(z_n + t·u)) − r_g(G(z_n))‖² / (2·Var_g),   t = −s, −s/2, s/2, s
        m_f(u) = mean over n of       ‖r_f(G(z_n + s·u)) − r_f(G(z_n − s·u))‖² / (2·Var_f)

    by Adam on minibatches of the points z; ∂L/∂u goes back through the reader and G. (With 1 instead of 1.5 it finds short
    ways, which hold everything and change little; with 2 long ones, which hold less.) A regression (`by_properties`) sees
    the mean of the gradients, in which a factor that rises for some z and falls for others cancels; here each change counts.

    gan: unconditional, of images. read: a network from float images in [−1, 1] to factors, such as that of
    `gan_np.evaluation.train_reader`. factors: the names of its outputs; "hair=long" and "hair=curly" are columns of one
    factor, hair. start: the direction to begin with, for instance that of `by_properties`. at: the points z (N, k) where it
    is to hold: of one image (1, k), for a direction that is made for it; by default 2,000 that are drawn, for one direction
    that does for all. Var_g is that of 2,000 samples in either case.

    One straight line for all images holds the other factors only as far as the generator has laid them out straight.

    Raises:
        ShapeError, ValueError, TypeError: a network that does not read this gan's images; an unknown factor; no other to
            hold; a factor that is the same in all samples, or that the start does not change; a conditional gan; points of
            another size, or NaN or infinite.
    """
    columns = columns_of_factors(factors)
    names = tuple(columns)
    twice = [name for place, name in enumerate(factors) if name in factors[:place]]
    if twice:
        raise ValueError(f"factors: {twice[0]!r} is given twice; expected different names")
    if len(names) < 2:
        raise ValueError(f"factors: expected at least two, one to change and another to hold, got {', '.join(names)}")
    chosen = names.index(choice("factor", factor, names))
    if gan.classes is not None:
        raise ValueError("gan: expected a model without labels, got a conditional one")
    if read.input_shape != gan.data_shape or read.output_shape != (len(factors),):
        raise ShapeError(
            f"read: expected a network {gan.data_shape} → ({len(factors)},), got {read.input_shape} → {read.output_shape}"
        )
    if not isinstance(start, Direction):
        raise TypeError(
            f"start: expected a Direction, got {type(start).__name__}; gan_np.latent.Direction(name, vector) makes one"
        )
    if start.dim != gan.prior.dim:
        raise ShapeError(f"start: expected a direction of {gan.prior.dim} coordinates, got {start.dim}")
    if at is not None:
        at = as_array("at", at)
        if at.ndim != 2 or at.shape[1] != gan.prior.dim or not len(at):
            raise ShapeError(f"at: expected points (N, {gan.prior.dim}), got {at.shape}")
        finite("at", at)
    number("step", step, above=0.0)
    number("learning_rate", learning_rate, above=0.0)
    integer("iterations", iterations, 1)
    integer("batch_size", batch_size, 1)
    composed = _Composed(gan, read, average)
    drawn = gan.prior.of_seed(seed, 2000, gan.generator.dtype)
    member = np.zeros((len(names), len(factors)))
    for row, part in zip(member, columns.values(), strict=True):
        row[part] = 1
    spread = member @ np.concatenate([composed(drawn[i : i + 250]) for i in range(0, len(drawn), 250)]).var(axis=0)
    if not (spread > 0).all():
        raise ValueError(f"factors: {names[int((spread <= 0).argmax())]!r} is the same in all samples")
    z = drawn if at is None else at.astype(drawn.dtype)
    objective = _Objective(composed, member, spread, chosen, step)
    rng, direction = generator(seed, 1), start.vector.copy()
    first, second = np.zeros_like(direction), np.zeros_like(direction)
    for count in range(1, iterations + 1):
        batch = z if len(z) <= batch_size else z[rng.integers(0, len(z), batch_size)]
        _, slope = objective(batch, direction)
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


@dataclass(frozen=True)
class _Objective:
    """L(u) and ∂L/∂u at points z.

    member (F, columns): 1 where a column belongs to a factor. spread (F,): Var_g. chosen: the place of f.
    """

    composed: _Composed
    member: Array
    spread: Array
    chosen: int
    step: float

    def __call__(self, z: Array, direction: Array) -> tuple[float, Array]:
        here = self.composed(z)
        places = [self.step * part for part in PLACES]
        read = [self.composed.forward((z + t * direction).astype(z.dtype)) for t in places]
        others = (np.arange(len(self.spread)) != self.chosen) / self.spread @ self.member
        own = self.member[self.chosen] / self.spread[self.chosen]
        far = read[-1][0] - read[0][0]
        held = sum(((found - here) ** 2 @ others).mean() for found, _ in read) / (2 * len(places))
        moved = (far**2 @ own).mean() / 2
        if moved == 0:
            raise ValueError("start: moving along it does not change the factor at all; begin with another direction")
        slope = np.zeros_like(direction)
        for t, (found, pullback) in zip(places, read, strict=True):
            cotangent = (found - here) * others
            if held > 0:  # else nothing else changes, and there is no slope to it
                cotangent /= len(places) * held
            if abs(t) == self.step:
                cotangent -= EMPHASIS * np.sign(t) * far * own / moved
            slope += t / len(z) * pullback(cotangent).sum(axis=0)
        value = math.log(held) if held > 0 else -math.inf
        return value - EMPHASIS * math.log(moved), slope
