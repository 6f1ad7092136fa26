"""LAPGAN: an image drawn from coarse to fine, one pair of networks for each size (Denton et al. 2015).

    Ĩ_K = G_K(z_K),   Ĩ_k = u(Ĩ_{k+1}) + G_k(z_k, u(Ĩ_{k+1}))

Levels train independently, each conditioned on the low-pass l_k = u(d(I_k)) of *real* images: D_k is shown l_k with
h_k = I_k − l_k or with ĥ_k = G_k(z_k, l_k), and adds the two first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal, cast

import numpy as np

from gan_np.arrays import Array, array_module, device_of, generator, to_device, to_host
from gan_np.checks import ShapeError, choice, integer, shape, shown
from gan_np.layers import (
    Add,
    BatchNorm,
    Concatenate,
    Conv2d,
    Declaration,
    He,
    Layer,
    LayerPullback,
    Normal,
    Reshape,
    Run,
    Variables,
    Wrt,
)
from gan_np.layers.layer import LAYERS, Shapes
from gan_np.networks import Identity, Network, Parallel, Sequential
from gan_np.schedules import Schedule, scheduled

from . import laplacian
from .dcgan import Normalisation, Pyramid, discriminator_layers
from .dense import dense_gan
from .gan import GAN, MOST_SAMPLES, STATISTICS_BATCH, STATISTICS_BATCHES, TRANSIENT
from .prior import Kind, Prior
from .registered import Training, register
from .stages import Stages
from .truncation import Truncation


@register()
@dataclass
class LaplacianLevel(GAN):
    """One level: G gives the detail ĥ for a low-pass image, D judges low-pass plus detail.

    The context of an image is its low-pass (H, W, C); of a level conditional on labels (H, W, C + classes), the one-hot
    label as constant planes beside it.
    """

    conditioning: Array | None = field(default=None, kw_only=True, repr=False, metadata=TRANSIENT)
    """Real images (uint8) whose low-pass `sample` starts from, and G's statistics come from; training sets them."""
    conditioning_labels: Array | None = field(default=None, kw_only=True, repr=False, metadata=TRANSIENT)

    @property
    def context_shape(self) -> tuple[int, ...]:
        """An image, with a plane for each class."""
        height, width, channels = self.image_shape
        return height, width, channels + (self.classes or 0)

    @property
    def statistics_need_data(self) -> bool:
        """G is given real low-pass images: without some at hand its statistics cannot be recomputed."""
        return len(self.generator.state) > 0

    def prepare(self, images: Array, labels: Array | None = None) -> None:
        """Remember some real images, drawn at random: a data set may be sorted by class."""
        chosen = np.sort(generator(0).permutation(len(images))[: STATISTICS_BATCH * STATISTICS_BATCHES])
        mixed = generator(0, 1).permutation(chosen)
        self.conditioning = np.array(images[mixed])
        self.conditioning_labels = None if labels is None else np.array(labels[mixed])

    def shown(self, floats: Array, labels: Array | None) -> tuple[Array, Array | None]:
        """Real detail h = I − l, and the context."""
        low = laplacian.low_pass(floats)
        return floats - low, self.context(low, labels)

    def context(self, low: Array, labels: Array | None) -> Array:
        """Low-pass images with the planes of their labels; as they are in a level without labels."""
        if self.classes is None:
            return low
        if labels is None:
            raise ValueError(f"labels: this level is conditional on {self.classes} classes, it needs one an image")
        one_hot = to_device(self.context_of(labels), device_of(low))
        planes = array_module(low).empty((*low.shape[:3], low.shape[3] + self.classes), low.dtype)
        planes[..., : low.shape[3]] = low
        planes[..., low.shape[3] :] = one_hot[:, None, None, :]
        return planes

    def sample_part(
        self,
        start: int,
        count: int,
        seed: int,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: Truncation | None = None,
    ) -> Array:
        """`count` real low-pass images with generated detail, uint8 (the whole series is drawn by `LAPGAN`).

        labels: None for those of the images themselves.
        """
        if self.conditioning is None:
            raise ValueError("conditioning: a level alone needs real images to start from; sample the whole LAPGAN")
        chosen = np.arange(start, start + count) % len(self.conditioning)
        low = laplacian.low_pass(self.encoding.encode(self.conditioning[chosen], self.generator.dtype))
        if labels is None and self.conditioning_labels is not None:
            classes: Array | None = self.conditioning_labels[chosen]
        else:
            classes = self.chosen_labels(labels, count)
        noise = self.prior.of_seed(seed, count, self.generator.dtype, start=start, truncation=truncation)
        return self.encoding.decode(self.detailed(low, noise, classes, average=average))

    def add_detail(self, low: Array, seed: int, *, labels: Any = None, average: bool = True) -> Array:
        """l + G(z, l) for host images l (N, H, W, C) of this level's size; z from the seed, labels as in `sample`."""
        noise = self.prior.of_seed(seed, len(low), self.generator.dtype)
        return self.detailed(low, noise, self.chosen_labels(labels, len(low)), average=average)

    def detailed(self, low: Array, z: Array, classes: Array | None, *, average: bool = True) -> Array:
        """`add_detail` for given noise z and for classes by their numbers; None in a level without labels."""
        images: Array = low + self.generate(z, self.context(low, classes), average=average)
        return images

    def sampler(self, *, average: bool = True) -> Network:
        """As in any GAN; without images at hand, with the statistics that the checkpoint kept."""
        if self.conditioning is None and average and self.average is not None:
            return self.finite_generator(self.average.network)
        return super().sampler(average=average)

    def _fixed_noise(self, network: Network) -> Iterator[Any]:
        """Noise, and contexts of the real images that training set."""
        assert self.conditioning is not None
        rng = generator(0, 0)
        for batch in range(STATISTICS_BATCHES):
            chosen = np.arange(batch * STATISTICS_BATCH, (batch + 1) * STATISTICS_BATCH) % len(self.conditioning)
            labels = None if self.conditioning_labels is None else self.conditioning_labels[chosen]
            z = to_device(self.prior.draw(rng, STATISTICS_BATCH, network.dtype), network.device)
            yield z, self.examples(self.conditioning[chosen], labels)[1]


@register("laplacian-level", hidden=True)
def laplacian_level(
    image_shape: tuple[int, int, int],
    latent_dim: int | None = None,
    *,
    classes: int | None = None,
    width: int = 32,
    hidden_layers: int = 2,
    g_norm: str = "none",
    kernel_size: Literal[4, 5] = 4,
    d_norm: Normalisation = "batch",
    latent: Kind = "normal",
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> LaplacianLevel:
    """One level of a LAPGAN, for images (height, width, channels) with even sides.

    G: the noise, one plane of the image's size, and the context as channels; `hidden_layers` 5×5 convolutions with
    `width` channels, with ReLU (g_norm "batch": normalised before it); a last 5×5 gives the detail.
    D: low-pass plus detail, then DCGAN's convolutions (`width`, `kernel_size`, `d_norm` as there).
    classes: of a level conditional on labels, how many there are: the one-hot label joins both players as constant planes
        (Denton et al. make one plane of it by a learnt linear map; a convolution over these planes learns such a map).
    latent_dim: height·width, or None for that.
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    laplacian.sizes(height, wide, 1)
    pixels = height * wide
    if latent_dim not in (None, pixels):
        raise ValueError(f"latent_dim: a level's noise is one plane, {pixels} values, got {latent_dim}")
    integer("hidden_layers", hidden_layers, 1, 100)
    choice("g_norm", g_norm, ("batch", "none"))
    labels = 0 if classes is None else integer("classes", classes, 1)
    pyramid = Pyramid.of((height, wide, channels), width, kernel_size)
    g = Sequential(
        Parallel(Reshape(height, wide, 1), Identity()),
        Concatenate(),
        *(layer for _ in range(hidden_layers) for layer in _hidden(width, g_norm)),
        Conv2d(channels, 5, padding=2, weight_initializer=Normal(0.01)),
    )
    d = Sequential(AddDetail() if labels else Add(), *discriminator_layers(pyramid, d_norm))
    image, context = (height, wide, channels), (height, wide, channels + labels)
    options = {"dtype": dtype, "device": device}
    return LaplacianLevel(
        Network(g, ((pixels,), context), seed=2 * seed, **options),
        Network(d, (image, context), seed=2 * seed + 1, **options),
        Prior(pixels, latent),
        "-1..1",
        classes=classes,
    )


def _hidden(width: int, g_norm: str) -> list[Layer]:
    """A hidden convolution of a level's G. The weights are small against the biases of low-pass images: He's."""
    if g_norm == "none":
        return [Conv2d(width, 5, padding=2, activation="relu", weight_initializer=He())]
    return [Conv2d(width, 5, padding=2, bias=False, weight_initializer=He()), BatchNorm(activation="relu")]


@LAYERS.register()
class AddDetail(Layer):
    """(h, [l, p]) to [l + h, p]: the detail added to the low-pass, label planes p left beside it.

    h (N, H, W, C), [l, p] (N, H, W, C + K). Pullback: dh = dy[…, :C], d[l, p] = dy.
    """

    def declare(self, input_shape: Shapes) -> Declaration:
        """The context has the detail's channels, and more."""
        detail, context = (shape("input", part, 3) for part in input_shape)
        if context[:2] != detail[:2] or context[2] < detail[2]:
            raise ShapeError(f"the context {context} must have the detail's size {detail} and at least its channels")
        return Declaration(context)

    def forward(self, variables: Variables, x: tuple[Array, Array], run: Run) -> tuple[Array, LayerPullback]:
        """A sum in the first channels."""
        channels = x[0].shape[-1]
        return _added(x), LayerPullback(*_adding_is_linear(channels), name=repr(self), by_example=True)


def _added(x: tuple[Array, Array]) -> Array:
    detail, context = x
    whole: Array = context.copy()
    whole[..., : detail.shape[-1]] += detail
    return whole


def _adding_is_linear(channels: int) -> tuple[Any, Any]:
    def function(dy: Array, wrt: Wrt) -> tuple[Array | None, Array | None]:
        detail, context = wrt.of_inputs(2)
        return (dy[..., :channels] if detail else None), (dy if context else None)

    def linear(tangents: tuple[Array, Array], wrt: Wrt) -> tuple[Array, LayerPullback]:
        return _added(tangents), LayerPullback(*_adding_is_linear(channels))

    return function, linear


@register()
class LAPGAN(Stages):
    """All levels of a LAPGAN, coarse to fine: the first draws small images, each further one doubles them."""

    def __init__(self, stages: Iterable[GAN]) -> None:
        super().__init__(stages)
        for number, (coarse, fine) in enumerate(pairwise(self.stages), start=1):
            height, width, channels = coarse.image_shape
            expected = 2 * height, 2 * width, channels
            if not isinstance(fine, LaplacianLevel) or fine.image_shape != expected:
                raise ValueError(
                    f"stages: expected a LaplacianLevel of {expected} as stage {number}, got {shown(fine)}"
                )

    @property
    def coarsest(self) -> GAN:
        """The GAN of the smallest images."""
        return self.stages[0]

    @property
    def levels(self) -> tuple[LaplacianLevel, ...]:
        """Those that add detail, coarse to fine."""
        return cast("tuple[LaplacianLevel, ...]", self.stages[1:])

    def stage_name(self, number: int) -> str:
        """`level-0-7x7`."""
        height, width, _ = self.stages[number].image_shape
        return f"level-{number}-{height}x{width}"

    def stage_images(self, number: int, images: Array) -> Array:
        """Real images at the size of a level: each takes its low-pass images and its detail from them.

        Raises:
            ShapeError: images of another shape than the finished ones.
        """
        if images.shape[1:] != self.image_shape:
            raise ShapeError(f"images: expected images of {self.image_shape}, got {images.shape}")
        return laplacian.reduced(images, len(self.stages) - 1 - number)

    @property
    def draw_steps(self) -> int:
        """One for each level."""
        return len(self.stages)

    def series(self, count: int, seed: int = 0, *, labels: Any = None, average: bool = True) -> list[Array]:
        """`count` samples of a seed at every size, coarse to fine: a list of uint8 (count, H_k, W_k, C).

        Each level has noise of its own from the seed; image i is the same whatever `count` is. labels: of a conditional
        LAPGAN, as in `GAN.sample`.
        """
        integer("count", count, 1, MOST_SAMPLES)
        return self._series_part(0, count, seed, labels, average, None)

    def sample_part(
        self,
        start: int,
        count: int,
        seed: int,
        *,
        labels: Any = None,
        average: bool = True,
        truncation: Truncation | None = None,
    ) -> Array:
        """As in `Model`; truncation changes the noise of every level."""
        return self._series_part(start, count, seed, labels, average, truncation)[-1]

    def _series_part(
        self, start: int, count: int, seed: int, labels: Any, average: bool, truncation: Truncation | None
    ) -> list[Array]:
        z, *noises = (
            stage.prior.of_seed(stream, count, stage.generator.dtype, start=start, truncation=truncation)
            for stage, stream in zip(self.stages, self._streams(seed), strict=True)
        )
        drawn = self._drawn(z, noises, self.chosen_labels(labels, count), average)
        return [self.encoding.decode(images) for images in drawn]

    def decode(self, z: Array, *, labels: Any = None, average: bool = True, seed: int = 0) -> Array:
        """The images of points z (N, k) of the coarsest level: uint8 (N, H, W, C).

        Each finer level draws one noise from the seed, the same in every image, so that images differ by what z and label
        do.
        """
        return self.decode_series(z, labels=labels, average=average, seed=seed)[-1]

    def decode_series(self, z: Array, *, labels: Any = None, average: bool = True, seed: int = 0) -> list[Array]:
        """The same at every size, coarse to fine."""
        if z.ndim != 2 or z.shape[1] != self.coarsest.prior.dim:
            raise ShapeError(f"z: expected (N, {self.coarsest.prior.dim}), got {z.shape}")
        noises = [np.repeat(noise, len(z), axis=0) for noise in self.noises(seed)]
        drawn = self._drawn(z, noises, self.chosen_labels(labels, len(z)), average)
        return [self.encoding.decode(images) for images in drawn]

    def noises(self, seed: int) -> list[Array]:
        """The one noise (1, k) of each finer level that `decode` draws from a seed."""
        streams = self._streams(seed)[1:]
        return [
            level.prior.of_seed(stream, 1, level.generator.dtype)
            for level, stream in zip(self.levels, streams, strict=True)
        ]

    def _streams(self, seed: int) -> list[int]:
        """A seed of its own for each level's noise."""
        return [int(number) for number in generator(seed, 1).integers(0, 2**31, len(self.stages))]

    def _drawn(self, z: Array, noises: Sequence[Array], classes: Array | None, average: bool) -> list[Array]:
        """Ĩ_K, …, Ĩ_0 in [−1, 1], the range of the finer levels."""
        context = None if classes is None else self.coarsest.context_of(classes)
        first = self.coarsest.generate(z, context, average=average)
        low, high = self.coarsest.image_range
        drawn = [((first - low) * (2 / (high - low)) - 1).astype(first.dtype)]
        for level, noise in zip(self.levels, noises, strict=True):
            enlarged = to_host(laplacian.expand(drawn[-1]))
            drawn.append(enlarged + level.generate(noise, level.context(enlarged, classes), average=average))
        return drawn


@dataclass(frozen=True)
class LevelTraining(Training):
    """What the levels of a LAPGAN may have of their own in training.

    coarsest_steps: updates of the coarsest G, if other than steps (they are cheap and decide what is drawn).
    detail_g_learning_rate: learning rate of G in the levels that add detail (2e-4 for photographs, whose detail is fainter).
    detail_d_learning_rate: learning rate of D in those levels (1e-3 for photographs).
    """

    changeable: ClassVar[tuple[str, ...]] = ("coarsest_steps",)

    coarsest_steps: int | None = None
    detail_g_learning_rate: float | Schedule = 1e-3
    detail_d_learning_rate: float | Schedule = 5e-4

    def __post_init__(self) -> None:
        if self.coarsest_steps is not None:
            integer("coarsest_steps", self.coarsest_steps, 1)
        scheduled("detail_g_learning_rate", self.detail_g_learning_rate, above=0.0)
        scheduled("detail_d_learning_rate", self.detail_d_learning_rate, above=0.0)

    def stage_settings(self, number: int) -> dict[str, Any]:
        """The coarsest level may have another number of steps; the others have learning rates of their own."""
        if number:
            return {"g_learning_rate": self.detail_g_learning_rate, "d_learning_rate": self.detail_d_learning_rate}
        return {} if self.coarsest_steps is None else {"steps": self.coarsest_steps}


@register("lapgan", training=LevelTraining)
def lapgan(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    levels: int = 2,
    classes: int | None = None,
    width: int = 32,
    hidden: int = 1200,
    kernel_size: Literal[4, 5] = 4,
    d_norm: Normalisation = "batch",
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> LAPGAN:
    """A LAPGAN for images that halve evenly `levels` times (28×28 with 2 levels: 7 → 14 → 28).

    latent_dim: k, the size of the coarsest level's z.
    levels: how often the images are halved.
    width: channels of the convolutions of the finer levels.
    hidden: units of the coarsest level, a fully connected one (`dense_gan`).
    kernel_size: of D's convolutions.
    d_norm: what normalises the D of the finer levels.
    classes: every level is conditional on labels, of which there are so many; None for none.

    >>> import gan_np as gn
    >>> gan = gn.models.lapgan((16, 16, 1), 4, levels=1, width=2, hidden=8)
    >>> [images.shape for images in gan.series(3, seed=1)]
    [(3, 8, 8, 1), (3, 16, 16, 1)]

    Raises:
        ShapeError: sides that do not halve evenly, or a level below 8×8 (the coarsest may be smaller).
    """
    height, wide, channels = shape("image_shape", image_shape, 3)
    sides = laplacian.sizes(height, wide, levels)
    options = {"dtype": dtype, "device": device}
    coarsest = dense_gan((*sides[-1], channels), latent_dim, hidden=hidden, classes=classes, seed=seed, **options)
    finer = [
        laplacian_level(
            (*side, channels),
            classes=classes,
            width=width,
            kernel_size=kernel_size,
            d_norm=d_norm,
            seed=seed + 1 + k,
            **options,
        )
        for k, side in enumerate(reversed(sides[:-1]))
    ]
    return LAPGAN([coarsest, *finer])
