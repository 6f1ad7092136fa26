"""InfoGAN: codes that a second head of D must read back from the image (Chen et al. 2016).

    min_{G,Q} max_D  V(D, G) − λ·L_I(G, Q),   L_I = E_{c, x = G(z, c)}[log Q(c | x)]

Q shares D's trunk and has a head of its own, so D is one structure with two heads: Sequential(trunk, Fork(logit, codes)).
For real images Q's head receives no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, DType, array_module
from gan_np.checks import integer, number
from gan_np.devices import CPU
from gan_np.host import drawn
from gan_np.layers import BatchNorm, Dense, Normal
from gan_np.networks import Fork, Network, Sequential
from gan_np.objectives import Loss
from gan_np.schedules import Schedule

from .augmentation import Augmentation, augmentation
from .dcgan import SCALE, WEIGHT, Pyramid, discriminator_layers, generator_layers
from .gan import GAN
from .prior import PRIORS, Kind, Prior
from .registered import register

Q_FEATURES = 128


@PRIORS.register()
@dataclass(frozen=True)
class CodePrior(Prior):
    """[noise, one-hot category, continuous codes U(−1, 1)] side by side; `dim` counts all of them.

    categories: of the one categorical code; continuous: how many continuous codes.
    """

    categories: int = 10
    continuous: int = 2

    def draw(self, rng: np.random.Generator, count: int, dtype: DType, device: str = CPU) -> Array:
        """`count` points (count, dim) on `device`: noise as in any prior, codes drawn on the host."""
        noise = Prior(self.dim - self.categories - self.continuous, self.kind).draw(rng, count, dtype, device)

        def codes() -> Array:
            category = np.zeros((count, self.categories), dtype)
            category[np.arange(count), rng.integers(0, self.categories, count)] = 1
            continuous = (2 * rng.random((count, self.continuous)) - 1).astype(dtype)
            return np.concatenate([category, continuous], axis=1)

        return array_module(noise).concatenate([noise, drawn(codes, device)], axis=1)

    def noise_of(self, z: Array) -> Array:
        """z without its codes."""
        return z[:, : self.dim - self.categories - self.continuous]

    def codes_of(self, z: Array) -> tuple[Array, Array]:
        """(category one-hot, continuous codes) of points z."""
        start = self.dim - self.categories - self.continuous
        return z[:, start : start + self.categories], z[:, start + self.categories :]


@register()
@dataclass
class InfoGAN(GAN):
    """A GAN whose discriminator gives (logit, what it reads of the codes)."""

    information: float = 1.0
    """λ."""

    @property
    def discriminator_output_shape(self) -> Any:
        """A logit, and the parameters of Q(c | x)."""
        codes = self._codes
        return (1,), (codes.categories + codes.continuous,)

    @property
    def _codes(self) -> CodePrior:
        assert isinstance(self.prior, CodePrior)
        return self.prior

    def heads(self, output: Any) -> tuple[Array, Array]:
        """The logits, and what Q reads."""
        logits, head_output = output
        return logits, head_output

    def auxiliary(self, head_output: Array | None, z: Array) -> Loss | None:
        """−λ·E[log Q(c | x)] for images made from z, and its gradient with respect to what Q reads.

        The category's part is a softmax cross-entropy; a continuous code's is that of a Gaussian of unit deviation about
        the value given out, ½(c − output)² (the constant left out).
        """
        assert head_output is not None
        xp, count = array_module(head_output), self._codes.categories
        category, codes = self._codes.codes_of(z)
        losses, pullback = ops.softmax_cross_entropy(
            xp.ascontiguousarray(head_output[:, :count]), category.argmax(axis=1)
        )
        share = head_output.dtype.type(self.information / len(head_output))
        (d_category,) = pullback(xp.full(losses.shape, share, head_output.dtype))
        distance = head_output[:, count:] - codes
        value = share * (losses.sum() + head_output.dtype.type(0.5) * (distance * distance).sum())
        return Loss(value, xp.concatenate([d_category, share * distance], axis=1))

    def read_codes(self, images: Array) -> tuple[Array, Array]:
        """Q's reading of float images in evaluation mode: the most likely category (N,), the continuous codes."""
        _, read = self.finite_discriminator()(images)
        count = self._codes.categories
        return read[:, :count].argmax(axis=1), read[:, count:]

    def vary(self, code: int, rows: int = 5, columns: int = 10, seed: int = 0, *, span: float = 2.0) -> Array:
        """Images (rows·columns, H, W, C), uint8: one code changes along each row, all else stays.

        code: 0 for the category (columns are categories), 1, 2, … for a continuous code (from −span to span, beyond the
            range of training as in the paper's figures).
        """
        codes = self._codes
        integer("code", code, 0, codes.continuous)
        number("span", span, above=0.0)
        z = np.repeat(codes.of_seed(seed, rows, self.generator.dtype), columns, axis=0)
        category, continuous = codes.codes_of(z)  # views: writing to them changes z
        if code == 0:
            category[...] = 0
            category[np.arange(len(z)), np.tile(np.arange(columns) % codes.categories, rows)] = 1
        else:
            continuous[:, code - 1] = np.tile(np.linspace(-span, span, columns), rows)
        return self.decode(z)


@register("infogan")
def infogan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    categories: int = 10,
    continuous: int = 2,
    information: float = 1.0,
    width: int = 32,
    kernel_size: Literal[4, 5] = 4,
    latent: Kind = "normal",
    augment: Sequence[Augmentation] = (),
    augment_probability: float | Schedule = 1.0,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> InfoGAN:
    """An InfoGAN on DCGAN's networks: z is `latent_dim` of noise, a category and `continuous` codes in [−1, 1].

    categories: values of the categorical code.
    continuous: how many continuous codes.
    information: λ, the weight of reading the codes back.
    The rest as in `dcgan`. The paper's MNIST: 62 of noise, 10 categories, 2 continuous codes, λ = 1.

    latent_dim: k, the size of z.
    latent: the distribution of z, see `Prior`.
    width: channels of D's first layer; each further one has twice as many.
    kernel_size: of the convolutions.
    augment: differentiable augmentation of what D sees: some of colour, translation, cutout.
    augment_probability: of each image that it is augmented; a schedule over D's updates.

    >>> import gan_np as gn
    >>> gan = gn.models.infogan((28, 28, 1), 8, width=4)
    >>> gan.vary(0, rows=2).shape                                # a row goes through the ten categories
    (20, 28, 28, 1)

    Raises:
        ShapeError, ValueError, TypeError: as `dcgan`; fewer than 2 categories; a negative `information`.
    """
    pyramid = Pyramid.of(image_shape, width, kernel_size)
    integer("categories", categories, 2)
    integer("continuous", continuous, 0)
    number("information", information, 0.0, 1e30)
    prior = CodePrior(integer("latent_dim", latent_dim, 1) + categories + continuous, latent, categories, continuous)
    *trunk, logit = discriminator_layers(pyramid, "batch")
    q = Sequential(
        Dense(Q_FEATURES, bias=False, weight_initializer=WEIGHT),
        BatchNorm(activation="leaky_relu", scale_initializer=SCALE),
        Dense(categories + continuous, weight_initializer=Normal(0.02)),
    )
    changes = augmentation(augment, augment_probability)
    discriminator = Sequential(*changes, *trunk, Fork(logit, q))
    options = {"dtype": dtype, "device": device}
    return InfoGAN(
        Network(Sequential(*generator_layers(pyramid)), (prior.dim,), seed=2 * seed, **options),
        Network(discriminator, pyramid.image_shape, seed=2 * seed + 1, **options),
        prior,
        "-1..1",
        information=information,
    )
