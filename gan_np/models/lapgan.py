"""LAPGAN: a picture drawn from coarse to fine, one pair of networks for each size (Denton et al. 2015).

    Ĩ_K = G_K(z_K),   Ĩ_k = u(Ĩ_{k+1}) + G_k(z_k, u(Ĩ_{k+1}))

Levels train independently, each conditioned on the low-pass l_k = u(d(I_k)) of *real* pictures: D_k is shown l_k with
h_k = I_k − l_k or with ĥ_k = G_k(z_k, l_k), and adds the two first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_np.arrays import Array, generator, to_device, to_host
from gan_np.checks import integer, shape
from gan_np.data.images import RANGES, to_bytes, to_float
from gan_np.layers import Add, Concatenate, Conv2d, He, Normal, Reshape
from gan_np.networks import Identity, Network, Parallel, Sequential

from . import laplacian
from .dcgan import Pyramid, discriminator_layers
from .dense import dense_gan
from .gan import GAN
from .prior import Prior


@dataclass
class LaplacianLevel(GAN):
    """One level: G gives the detail ĥ for a low-pass picture, D judges low-pass plus detail."""

    conditioning: Array | None = field(default=None, repr=False)
    """Real pictures (uint8) whose low-pass `sample` starts from; training sets them."""

    @property
    def context_shape(self) -> tuple[int, ...]:
        """A picture."""
        return self.image_shape

    def prepare(self, images: Array) -> None:
        """Remember some real pictures to start samples from while training."""
        self.conditioning = np.array(images[:256])

    def examples(self, pictures: Array, labels: Array | None) -> tuple[Array, Array | None]:
        """Real detail h = I − l, and the low-pass l."""
        whole = to_float(to_device(pictures, self.discriminator.device), self.pixel_range, self.discriminator.dtype)
        low = laplacian.low_pass(whole)
        return whole - low, low

    def sample(self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True) -> Array:
        """`count` real low-pass pictures with generated detail, uint8 (the whole series is drawn by `LAPGAN`)."""
        if self.conditioning is None:
            raise ValueError("conditioning: a level alone needs real pictures to start from; sample the whole LAPGAN")
        chosen = self.conditioning[np.arange(integer("count", count, 1)) % len(self.conditioning)]
        low = laplacian.low_pass(to_float(chosen, self.pixel_range, self.generator.dtype))
        return to_bytes(self.add_detail(low, seed, average=average), self.pixel_range)

    def add_detail(self, low: Array, seed: int, *, average: bool = True) -> Array:
        """l + G(z, l) for host pictures l (N, H, W, C) of this level's size; z from the seed."""
        z = self.prior.of_seed(seed, len(low), self.generator.dtype)
        pictures: Array = low + self.generate(z, low, average=average)
        return pictures


def laplacian_level(
    image_shape: tuple[int, int, int],
    latent_dim: int | None = None,
    *,
    width: int = 32,
    kernel_size: int = 4,
    d_norm: str = "batch",
    latent: str = "normal",
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> LaplacianLevel:
    """One level of a LAPGAN, for pictures (height, width, channels) with even sides.

    G: the noise, one plane of the picture's size, and the low-pass as channels; 5×5 convolutions with `width` channels and
    ReLU twice, a last 5×5 gives the detail. No batch normalisation: a level has no statistics of its own to keep.
    D: low-pass plus detail, then DCGAN's convolutions (`width`, `kernel_size`, `d_norm` as there).
    latent_dim: height·width, or None for that.
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    laplacian.sizes(height, wide, 1)
    pixels = height * wide
    if latent_dim not in (None, pixels):
        raise ValueError(f"latent_dim: a level's noise is one plane, {pixels} values, got {latent_dim}")
    pyramid = Pyramid.of((height, wide, channels), width, kernel_size)
    convolutions = [Conv2d(width, 5, padding=2, activation="relu", weight_initializer=He()) for _ in range(2)]
    last = Conv2d(channels, 5, padding=2, weight_initializer=Normal(0.01))
    g = Sequential(Parallel(Reshape(height, wide, 1), Identity()), Concatenate(), *convolutions, last)
    d = Sequential(Add(), *discriminator_layers(pyramid, d_norm))
    recipe = {
        "model": "laplacian-level",
        "image_shape": [height, wide, channels],
        "latent_dim": pixels,
        "width": width,
        "kernel_size": kernel_size,
        "d_norm": d_norm,
        "latent": latent,
    }
    picture, options = (height, wide, channels), {"dtype": dtype, "device": device}
    return LaplacianLevel(
        Network(g, ((pixels,), picture), seed=2 * seed, **options),
        Network(d, (picture, picture), seed=2 * seed + 1, **options),
        Prior(pixels, latent),
        "-1..1",
        recipe,
    )


@dataclass
class LAPGAN:
    """All levels of a LAPGAN: `coarsest` draws small pictures, each of `levels` (coarse to fine) doubles them."""

    coarsest: GAN
    levels: list[LaplacianLevel]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Of the finished pictures."""
        return self.levels[-1].image_shape

    @property
    def players(self) -> list[GAN]:
        """Every level's GAN, coarse to fine."""
        return [self.coarsest, *self.levels]

    def series(self, count: int, seed: int = 0, *, average: bool = True) -> list[Array]:
        """`count` samples of a seed at every size, coarse to fine: a list of uint8 (count, H_k, W_k, C).

        Each level has noise of its own from the seed; picture i is the same whatever `count` is.
        """
        streams = [int(number) for number in generator(seed, 1).integers(0, 2**31, len(self.players))]
        z = self.coarsest.prior.of_seed(streams[0], integer("count", count, 1), self.coarsest.generator.dtype)
        first = self.coarsest.generate(z, average=average)
        low, high = RANGES[self.coarsest.pixel_range]
        pictures = (first - low) * (2 / (high - low)) - 1  # the levels' range is [−1, 1]
        pictures = pictures.astype(first.dtype)
        drawn = [to_bytes(pictures, "-1..1")]
        for level, stream in zip(self.levels, streams[1:], strict=True):
            pictures = level.add_detail(to_host(laplacian.expand(pictures)), stream, average=average)
            drawn.append(to_bytes(pictures, level.pixel_range))
        return drawn

    def sample(self, count: int, seed: int = 0, *, average: bool = True) -> Array:
        """The finished pictures of a seed, uint8 (count, H, W, C)."""
        return self.series(count, seed, average=average)[-1]


def lapgan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    levels: int = 2,
    width: int = 32,
    hidden: int = 512,
    kernel_size: int = 4,
    d_norm: str = "batch",
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> LAPGAN:
    """A LAPGAN for pictures that halve evenly `levels` times (28×28 with 2 levels: 7 → 14 → 28).

    latent_dim, hidden: of the coarsest level, a fully connected one (`dense_gan`). The rest as in `laplacian_level`.

    >>> import gan_np as gn
    >>> gan = gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=8)
    >>> [pictures.shape for pictures in gan.series(3, seed=1)]
    [(3, 8, 8, 1), (3, 16, 16, 1)]

    Raises:
        ShapeError: sides that do not halve evenly, or a level below 8×8 (the coarsest may be smaller).
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    sides = laplacian.sizes(height, wide, levels)
    options = {"dtype": dtype, "device": device}
    coarsest = dense_gan((*sides[-1], channels), latent_dim, hidden=hidden, seed=seed, **options)
    finer = [
        laplacian_level(
            (*side, channels), width=width, kernel_size=kernel_size, d_norm=d_norm, seed=seed + 1 + k, **options
        )
        for k, side in enumerate(reversed(sides[:-1]))
    ]
    return LAPGAN(coarsest, finer)
