"""A generator and a discriminator, and what they need to know of pictures and of z."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.averaging import Average, recompute_statistics
from gan_np.checks import ShapeError, choice, integer
from gan_np.data.images import RANGES, to_bytes
from gan_np.networks import Network

from .prior import CHUNK, Prior

STATISTICS_BATCH, STATISTICS_BATCHES = 128, 8


@dataclass
class GAN:
    """Two players.

    generator: z (N, latent_dim) → pictures (N, H, W, C) in `pixel_range`.
    discriminator: pictures → logits (N, 1).
    prior: p(z).
    pixel_range: "-1..1" or "0..1", the range of float pictures.
    recipe: how to build the same structure again (name of the model and its arguments); kept in checkpoints.
    average: the moving average of the generator, if training keeps one; samples then come from it.
    packing: how many pictures D judges together (`gan_np.models.packing`).
    """

    generator: Network
    discriminator: Network
    prior: Prior
    pixel_range: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    average: Average | None = None
    packing: int = 1
    _statistics_of: tuple[int, int] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        choice("pixel_range", self.pixel_range, RANGES)
        if self.generator.input_shape != (self.prior.dim,):
            raise ShapeError(f"generator: expected input ({self.prior.dim},), it has {self.generator.input_shape}")
        height, width, channels = self.generator.output_shape
        expected = height, width, integer("packing", self.packing, 1) * channels
        if self.discriminator.input_shape != expected:
            raise ShapeError(
                f"discriminator: expected input {expected} (what the generator gives out, packed), "
                f"it has {self.discriminator.input_shape}"
            )
        if self.discriminator.output_shape != (1,):
            raise ShapeError(f"discriminator: expected one logit, it gives out {self.discriminator.output_shape}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = self.generator.output_shape
        return height, width, channels

    def sample(self, count: int, seed: int = 0, *, average: bool = True) -> Array:
        """`count` pictures of a seed, uint8 (count, H, W, C), on the host.

        Picture i of a seed is the same whatever `count` is. average: from the averaged weights, where there are any.
        """
        integer("count", count, 1)
        return self.decode(self.prior.of_seed(seed, count, self.generator.dtype), average=average)

    def decode(self, z: Array, *, average: bool = True) -> Array:
        """The pictures of given points z (N, latent_dim) of the generator's dtype: uint8, on the host.

        In evaluation mode and in chunks of fixed size, so that a picture depends on its own z alone.
        """
        if z.ndim != 2 or z.shape[1] != self.prior.dim:
            raise ShapeError(f"z: expected (N, {self.prior.dim}), got {z.shape}")
        network = self.sampler(average=average)
        pictures = np.empty((len(z), *self.image_shape), np.uint8)
        for start in range(0, len(z), CHUNK):
            part = z[start : start + CHUNK]
            chunk = np.zeros((CHUNK, self.prior.dim), z.dtype)
            chunk[: len(part)] = to_host(part)
            floats = network(to_device(chunk, network.device))
            pictures[start : start + CHUNK] = to_host(to_bytes(floats, self.pixel_range))[: len(part)]
        return pictures

    def sampler(self, *, average: bool = True) -> Network:
        """The network that samples come from, its statistics up to date with its weights.

        The averaged weights never saw a batch: their batch statistics are recomputed from a fixed noise, once for each
        version of them.
        """
        if not average or self.average is None:
            return self.generator
        network = self.average.network
        version = (id(network), network.parameters.version)
        if len(network.state) and self._statistics_of != version:
            rng = generator(0, 0)
            batches = (self.prior.draw(rng, STATISTICS_BATCH, network.dtype) for _ in range(STATISTICS_BATCHES))
            recompute_statistics(network, (to_device(batch, network.device) for batch in batches))
            self._statistics_of = version
        return network

    def summary(self) -> str:
        """Both networks as tables."""
        return f"generator\n{self.generator.summary()}\n\ndiscriminator\n{self.discriminator.summary()}"
