"""Images of points z of any model, all else being held: the label, and whatever is drawn beside z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gan_np.arrays import Array
from gan_np.models import GAN, Model


@dataclass(frozen=True)
class Decoder:
    """A model as a function of z and labels alone.

    Of a model of several stages z is that of the first. What is drawn beside z (the noise of a LAPGAN's finer levels) comes
    from `seed`, the same in every image, so that images of one call differ by what z and label do.
    """

    model: Model
    seed: int = 0
    average: bool = True

    @property
    def gan(self) -> GAN:
        """The GAN whose z this is."""
        first: GAN = self.model.stages[0]
        return first

    def points(self, count: int, seed: int) -> Array:
        """The first `count` points z of a seed, (count, k): for a GAN those that `sample` draws."""
        return self.gan.prior.of_seed(seed, count, self.gan.generator.dtype)

    def __call__(self, z: Array, labels: Any = None) -> Array:
        """Images or vectors for z (N, k), as `GAN.sample` gives them; labels of a conditional model as in `sample`."""
        return self.model.decode(z, labels=labels, average=self.average, seed=self.seed)
