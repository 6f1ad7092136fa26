"""Images of points z of any model, all else being held: the label, and the noise of a LAPGAN's finer levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_host
from gan_np.models import GAN, LAPGAN, laplacian


@dataclass(frozen=True)
class Decoder:
    """A model as a function of z and labels alone.

    For a LAPGAN, z is that of the coarsest level; each finer level draws one noise from `seed`, the same in every
    image, so that images of one call differ by what z and label do.
    """

    model: GAN | LAPGAN
    seed: int = 0
    average: bool = True

    @property
    def gan(self) -> GAN:
        """The GAN whose z this is."""
        return self.model.coarsest if isinstance(self.model, LAPGAN) else self.model

    def points(self, count: int, seed: int) -> Array:
        """The first `count` points z of a seed, (count, k): for a GAN those that `sample` draws."""
        return self.gan.prior.of_seed(seed, count, self.gan.generator.dtype)

    def __call__(self, z: Array, labels: Any = None) -> Array:
        """Images or vectors for z (N, k), as `GAN.sample` gives them; labels of a conditional model as in `sample`."""
        if isinstance(self.model, GAN):
            return self.model.decode(z, labels=labels, average=self.average)
        coarsest, streams = self.model.coarsest, generator(self.seed, 1).integers(0, 2**31, len(self.model.players))
        chosen = coarsest.chosen_labels(labels, len(z))
        context = None if chosen is None else coarsest.context_of(chosen)
        first = coarsest.generate(z, context, average=self.average)
        low, high = coarsest.image_range
        images = ((first - low) * (2 / (high - low)) - 1).astype(first.dtype)  # the levels' range is [−1, 1]
        for level, stream in zip(self.model.levels, streams[1:], strict=True):
            enlarged = to_host(laplacian.expand(images))
            noise = np.repeat(level.prior.of_seed(int(stream), 1, level.generator.dtype), len(z), axis=0)
            detail = level.generate(noise, level.context(enlarged, chosen), average=self.average)
            images = enlarged + detail
        return self.model.levels[-1].encoding.decode(images)
