"""Where z comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, DType, generator
from gan_np.checks import choice, integer
from gan_np.devices import CPU
from gan_np.host import drawn
from gan_np.registry import Registry

from .truncation import Truncation

PRIORS = Registry("prior")
Kind: TypeAlias = Literal["normal", "uniform", "uniform-unit-variance"]
KINDS = ("normal", "uniform", "uniform-unit-variance")

CHUNK = 32
"""Points of a seed are drawn in chunks of this many, each from a stream of its own."""


@PRIORS.register()
@dataclass(frozen=True)
class Prior:
    """p(z) on k = `dim` independent coordinates.

    kind: "normal" N(0, 1); "uniform" U(−1, 1), as in the DCGAN paper; "uniform-unit-variance" U(−√3, √3), as in
    Goodfellow et al.'s code.
    """

    dim: int
    kind: Kind = "normal"

    def __post_init__(self) -> None:
        integer("latent_dim", self.dim, 1)
        choice("latent", self.kind, KINDS)

    def draw(self, rng: np.random.Generator, count: int, dtype: DType, device: str = CPU) -> Array:
        """`count` points (count, dim) on `device`: the same state of `rng` gives the same ones anywhere, but for rounding.

        Normal ones are made on the device from a key, so that a training step on a GPU sends 8 bytes for them; others are
        drawn on the host.
        """
        if self.kind == "normal":
            return ops.standard_normal(rng, (count, self.dim), dtype, device)

        def uniform() -> Array:
            limit = 1.0 if self.kind == "uniform" else 3.0**0.5
            unit = rng.random((count, self.dim), dtype=dtype.type)
            points: Array = (2 * unit - 1) * dtype.type(limit)
            return points

        return drawn(uniform, device)

    def of_seed(
        self, seed: int, count: int, dtype: DType, *, start: int = 0, truncation: Truncation | None = None
    ) -> Array:
        """Points start … start+count−1 of a seed: point i is the same for any count and start, in whole chunks of `CHUNK`.

        truncation: what is done to their noise; None: nothing.
        """
        first, last = start // CHUNK, -(-(start + count) // CHUNK)
        chunks = [self._chunk(seed, chunk, dtype, truncation) for chunk in range(first, last)]
        return np.concatenate(chunks)[start - first * CHUNK :][:count] if chunks else np.empty((0, self.dim), dtype)

    def noise_of(self, z: Array) -> Array:
        """The coordinates of points z (N, dim) that are noise, as a view: all of them but an InfoGAN's codes."""
        return z

    def _chunk(self, seed: int, chunk: int, dtype: DType, truncation: Truncation | None) -> Array:
        points = self.draw(generator(seed, chunk), CHUNK, dtype)
        if truncation:
            rng = generator(seed, chunk, 1)
            noise = self.noise_of(points)
            noise[...] = truncation.applied(noise, lambda: self.noise_of(self.draw(rng, CHUNK, dtype)))
        return points
