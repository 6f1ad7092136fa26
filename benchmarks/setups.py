"""What is trained and sampled: sizes by name, the options that change them, and a trainer as `gn.train` builds it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, DType, to_device
from gan_np.data.sampler import Shuffler
from gan_np.runs import Config
from gan_np.runs.build import build_trainer
from gan_np.training import Trainer
from gan_np.training.sources import ArraySource

from .points import points_gan, ring

IMAGES = 2048


class Setup(NamedTuple):
    """What is trained."""

    model: str
    """"dcgan", "r3gan", "mlp" or "points"."""
    image_shape: tuple[int, int, int]
    latent_dim: int
    width: int
    """dcgan, r3gan: channels of D's first layer; mlp, points: hidden units of G."""
    batch_size: int
    share_noise: bool = False
    """G learns from D's fake batch."""
    average: bool = False
    """Keep a moving average of G's weights."""


PRESETS = {
    "mnist": Setup("dcgan", (28, 28, 1), 64, 32, 64),
    "mnist-width1": Setup("dcgan", (28, 28, 1), 64, 1, 64),
    "mnist-width64": Setup("dcgan", (28, 28, 1), 64, 64, 64),
    "cifar": Setup("dcgan", (32, 32, 3), 64, 32, 64),
    "cifar-width64": Setup("dcgan", (32, 32, 3), 64, 64, 64),
    "dcgan64": Setup("dcgan", (64, 64, 3), 100, 64, 64),
    "dcgan64-batch128": Setup("dcgan", (64, 64, 3), 100, 64, 128),
    "r3gan": Setup("r3gan", (28, 28, 1), 64, 16, 32),
    "r3gan-cifar": Setup("r3gan", (32, 32, 3), 64, 32, 64),
    "points": Setup("points", (1, 1, 2), 256, 128, 512),
    "mlp": Setup("mlp", (28, 28, 1), 100, 1200, 100),
}
"""mnist: what `gan-np train` runs by default; mnist-width1: the same with next to nothing to compute, so that what a step
costs whatever its size remains; cifar: the same for colour images of 32×32; dcgan64: the paper's sizes;
r3gan, r3gan-cifar: networks as the preset r3gan-digits has them, and twice as wide for 32×32, both penalties in every step;
points: a mixture of Gaussians in the plane; mlp: the first paper's, without dropout, whose draws could not be compared."""

GPU_PRESETS = {
    "dcgan64": PRESETS["dcgan64-batch128"],
    "dcgan128": Setup("dcgan", (128, 128, 3), 100, 64, 64),
    "mnist": Setup("dcgan", (28, 28, 1), 64, 64, 128),
    "points": PRESETS["points"],
    "r3gan-cifar": PRESETS["r3gan-cifar"],
}
"""What is timed on a GPU: batches large enough to fill one."""

QUICK_WIDTH, QUICK_BATCH = 8, 8


def describe(setup: Setup) -> str:
    """Return the setup in words, for titles."""
    size = "width" if setup.model in ("dcgan", "r3gan") else "hidden"
    text = (
        f"{setup.model} {'×'.join(map(str, setup.image_shape))}, {size} {setup.width}, latent {setup.latent_dim}, "
        f"batch {setup.batch_size}"
    )
    return text + (", shared noise" if setup.share_noise else "") + (", with average" if setup.average else "")


def make_gan(setup: Setup, dtype: DType, device: str = "cpu") -> gn.GAN:
    """The players with fresh weights, the same on any device.

    Raises:
        ValueError, TypeError: sizes that the model refuses.
    """
    if setup.model == "points":
        return points_gan(setup.image_shape, setup.latent_dim, setup.width, dtype, device)
    if setup.model == "r3gan":
        return _stirred(
            gn.models.r3gan(setup.image_shape, setup.latent_dim, width=setup.width, dtype=dtype, device=device)
        )
    if setup.model == "dcgan":
        return gn.models.dcgan(setup.image_shape, setup.latent_dim, width=setup.width, dtype=dtype, device=device)
    return gn.models.mlp(
        setup.image_shape,
        setup.latent_dim,
        hidden=setup.width,
        input_dropout=0.0,
        hidden_dropout=0.0,
        dtype=dtype,
        device=device,
    )


def _stirred(gan: gn.GAN) -> gn.GAN:
    """With all weights a little off where they begin: blocks that begin at 0 would hide what is inside them."""
    for network in (gan.generator, gan.discriminator):
        rng = np.random.default_rng(0)
        noise = to_device(rng.standard_normal(len(network.parameters)).astype(network.dtype), network.device)
        network.parameters.assign(network.parameters.values + network.dtype.type(0.02) * noise)
    return gan


def some_images(setup: Setup) -> Array:
    """Data to train on, uint8 (N, height, width, channels): the mixture for "points", else random bytes."""
    count = max(IMAGES, setup.batch_size)
    if setup.model == "points":
        return ring(max(8 * IMAGES, count))
    return np.random.default_rng(0).integers(0, 256, (count, *setup.image_shape), np.uint8)


def make_trainer(
    setup: Setup, dtype: DType, images: Array | None = None, *, device: str = "cpu", graph: bool = True
) -> Trainer:
    """A fresh trainer, with the defaults of `gn.train`.

    images: what `images(setup)` gave, where making them should not be part of a measurement.
    device, graph: where it trains; on a GPU, whether its steps become a CUDA graph.
    """
    game = {}
    if setup.model == "r3gan":
        game = {"objective": "relativistic", "penalties": "r1(1), r2(1)", "beta1": 0.0, "beta2": 0.99}
    config = Config(
        **game,
        batch_size=max(setup.batch_size, 2),
        share_noise=setup.share_noise,
        average_decay=Config.average_decay if setup.average else 0.0,
        device=device,
        graph=graph,
    )
    given = some_images(setup) if images is None else images
    if setup.batch_size > 1:
        return build_trainer(make_gan(setup, dtype, device), given, config)
    # Training asks for two images, as one has no batch statistics to speak of; what a step of one costs is asked too.
    trainer = build_trainer(make_gan(setup, dtype, device), _OneByOne(given), config)
    trainer.batch_size = 1
    return trainer


class _OneByOne(ArraySource):
    """Images in batches of one, whatever size is asked for."""

    def order(self, batch_size: int, seed: int) -> Shuffler:
        """Each epoch a fresh permutation, as of any array."""
        return super().order(1, seed)


def add_options(parser: argparse.ArgumentParser, default: str, *, several: bool = False) -> None:
    """What is trained, and in which dtype; `several`: "all" is a preset too."""
    add_sizes(parser, default, several=several)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--share-noise", action="store_true", help="G learns from D's fake batch, on every side")
    parser.add_argument("--average", action="store_true", help="keep a moving average of G's weights, on every side")


def add_sizes(
    parser: argparse.ArgumentParser,
    default: str,
    *,
    several: bool = False,
    presets: Mapping[str, Setup] | None = None,
) -> None:
    """--preset (of PRESETS, or of `presets`) and what changes the networks' sizes."""
    choices = [*(presets or PRESETS), *(["all"] if several else [])]
    parser.add_argument("--preset", choices=choices, default=default, help=f"sizes by name (default {default})")
    parser.add_argument("--image-shape", type=sizes, metavar="H,W,C")
    parser.add_argument("--latent-dim", type=int)
    parser.add_argument("--width", type=int, help="dcgan: channels of D's first layer; mlp, points: hidden units of G")


def chosen(options: argparse.Namespace, presets: Mapping[str, Setup] | None = None) -> dict[str, Setup]:
    """What the options of `add_options` or `add_sizes` ask for, by the preset's name.

    Raises:
        ValueError: a shape that is not three sizes.
    """
    asked = {name: getattr(options, name, None) for name in ("image_shape", "latent_dim", "width", "batch_size")}
    given = {name: value for name, value in asked.items() if value is not None}
    if len(given.get("image_shape", (0, 0, 0))) != 3:
        raise ValueError(f"image-shape: expected height,width,channels, got {given['image_shape']}")
    found, presets = {}, presets or PRESETS
    for name in presets if options.preset == "all" else [options.preset]:
        setup = presets[name]._replace(**given)
        if hasattr(options, "share_noise"):
            setup = setup._replace(share_noise=options.share_noise, average=options.average)
        if options.quick:
            setup = setup._replace(width=min(setup.width, QUICK_WIDTH), batch_size=min(setup.batch_size, QUICK_BATCH))
        found[name] = setup
    return found


def sizes(text: str) -> tuple[int, ...]:
    """ "64,64,3" as integers."""
    return tuple(int(part) for part in text.split(","))
