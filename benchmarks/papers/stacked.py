"""Stacked MNIST: a thousand modes, three digits in the three colours of an image (PacGAN, Lin et al. 2018, table 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, generator, to_device
from gan_np.data.images import to_float
from gan_np.data.sampler import Shuffler
from gan_np.layers import INPUTS, NOTHING, PARAMETERS
from gan_np.metrics.mixtures import class_modes
from gan_np.models.classifier import Classifier
from gan_np.models.packing import pack, unpack
from gan_np.models.prior import Prior

from . import digits
from .recipe import Job, Keep, Measure, Recipe, Size
from .savepoint import Savepoint

BATCH, LATENT, MODES, TRIPLES = 64, 100, 1000, 128_000
G_STEPS = 2
PACKING = {"dcgan": 1, "pac2": 2, "pac3": 3, "pac4": 4}
WEIGHT, SCALE = gn.Normal(0.02), gn.Normal(0.02, mean=1.0)
UP = ((4, 256, 1), (7, 128, 0), (14, 64, 1), (28, 3, 1))
"""G's sides, channels, output_padding from 2×2×512 on; D goes the same way back."""


def players(packing: int, seed: int, width: int = 64, device: str = "cpu") -> gn.GAN:
    """The DCGAN of the authors' code: four 5×5 stride-2 convolutions, 28 → 14 → 7 → 4 → 2, `width` to 8·width channels."""

    def normalised(activation: str) -> gn.BatchNorm:
        return gn.BatchNorm(activation=activation, scale_initializer=SCALE)

    g: list[gn.Layer] = [
        gn.Dense(2 * 2 * 8 * width, weight_initializer=WEIGHT),
        gn.Reshape(2, 2, 8 * width),
        normalised("relu"),
    ]
    for _, channels, missing in UP[:-1]:
        out = channels * width // 64
        g += [gn.ConvTranspose2d(out, 5, stride=2, padding=2, output_padding=missing, weight_initializer=WEIGHT)]
        g += [normalised("relu")]
    g += [
        gn.ConvTranspose2d(
            3, 5, stride=2, padding=2, output_padding=UP[-1][2], activation="tanh", weight_initializer=WEIGHT
        )
    ]
    d: list[gn.Layer] = [gn.Conv2d(width, 5, stride=2, padding=2, activation="leaky_relu", weight_initializer=WEIGHT)]
    for factor in (2, 4, 8):
        d += [gn.Conv2d(factor * width, 5, stride=2, padding=2, weight_initializer=WEIGHT), normalised("leaky_relu")]
    d += [gn.Flatten(), gn.Dense(1, weight_initializer=WEIGHT)]
    return gn.GAN(
        gn.Network(gn.Sequential(*g), (LATENT,), seed=2 * seed, device=device),
        gn.Network(gn.Sequential(*d), (28, 28, 3 * packing), seed=2 * seed + 1, device=device),
        Prior(LATENT, "uniform"),
        "-1..1",
        packing=packing,
    )


def triples(images: Array, count: int, seed: int) -> Array:
    """`count` images (count, 28, 28, 3), each colour a digit drawn with replacement."""
    index = generator(seed, 0).integers(0, len(images), (count, 3))
    return np.concatenate([images[index[:, colour]] for colour in range(3)], axis=-1)


def run(job: Job, keep: Keep) -> None:
    """Train; then read 26,000 samples, three digits each, and count the triples."""
    train = digits.load(job.data, "train")
    test = digits.load(job.data, "test")
    steps = 10 if job.quick else 1500
    reader = gn.train_classifier(train.images, train.labels, test=test, steps=steps, progress=False, device=job.device)
    assert reader.held_out is not None
    gan = players(PACKING[job.case], job.seed, 8 if job.quick else 64, job.device)
    count = 1000 if job.quick else TRIPLES
    images = triples(train.images, count, job.seed)
    order, noise = Shuffler(count, BATCH * gan.packing, job.seed), generator(job.seed, 1)
    adams = gn.Adam(2e-4), gn.Adam(2e-4)
    players_of = {"d": gan.discriminator, "g": gan.generator}, dict(zip("dg", adams, strict=True))
    saved = Savepoint(job.savepoint, *players_of, {"noise": noise}, order)
    done, remembered = saved.restore()
    history: list[dict[str, Any]] = remembered.get("history", [])
    for update in range(done + 1, job.size.updates + 1):
        z = to_device(gan.prior.draw(noise, BATCH * gan.packing, gan.generator.dtype), job.device)
        real = to_float(to_device(images[next(order)], job.device), gan.pixel_range, gan.generator.dtype)
        step(gan, pack(real, gan.packing), z, *adams)
        if update == job.size.updates or (job.size.every and update % job.size.every == 0):
            samples = gan.sample(job.size.samples, seed=job.seed)
            found = class_modes(triples_read(reader, samples), MODES)
            values: dict[str, float | None] = {"modes": found.covered, "reverse_kl": found.reverse_kl}
            history.append({"update": update, **values})
            keep(update, values, history=history, reader_accuracy=reader.held_out.accuracy)
            saved.save(update, {"history": history})
            if job.images is not None:
                gn.save_grid(samples[:100], job.images / f"{job.case}-{job.seed}.png")


def step(gan: gn.GAN, real: Array, z: Array, d_adam: gn.Adam, g_adam: gn.Adam) -> None:
    """One update of D, then two of G on the same z."""
    g, d, objective = gan.generator, gan.discriminator, gn.objectives.NonSaturating()
    fake, _ = g.forward(z, training=True, wrt=NOTHING)
    for images, loss_of in ((real, objective.real), (pack(fake, gan.packing), objective.fake)):
        logits, pullback = d.forward(images, training=True, update_state=True, wrt=PARAMETERS)
        pullback(loss_of(logits).gradient)
    d_adam.step(d.parameters, d.gradient)
    for _ in range(G_STEPS):
        fake, g_pullback = g.forward(z, training=True, update_state=True, wrt=PARAMETERS)
        logits, d_pullback = d.forward(pack(fake, gan.packing), training=True, wrt=INPUTS)
        g_pullback(unpack(d_pullback(objective.generator(logits).gradient), gan.packing))
        g_adam.step(g.parameters, g.gradient)


def triples_read(reader: Classifier, images: Array) -> Array:
    """100·red + 10·green + blue digit of each image (N, 28, 28, 3)."""
    red, green, blue = (reader.predict(np.ascontiguousarray(images[..., c : c + 1])) for c in range(3))
    number: Array = 100 * red + 10 * green + blue
    return number


STACKED = Recipe(
    "stacked",
    "stacked MNIST, a thousand modes",
    "PacGAN, Lin, Khetan, Fanti and Oh 2018; 10 trials, 50 epochs of 128,000 triples",
    {"dcgan": "DCGAN", "pac2": "PacDCGAN2", "pac3": "PacDCGAN3", "pac4": "PacDCGAN4"},
    {"modes": Measure("modes of 1,000", 1), "reverse_kl": Measure("reverse KL", 2)},
    {
        "dcgan": {"modes": "78.9 ± 6.5", "reverse_kl": "4.50"},
        **{name: {"modes": "1000", "reverse_kl": ".06"} for name in ("pac2", "pac3", "pac4")},
    },
    (
        "images are in [−1, 1], G's range; in the authors' code they are in [0, 1] though G ends in tanh",
        (
            "batch normalisation takes G's statistics over all m·64 images of a step; the authors' code over the 64 of "
            "each place in the packs"
        ),
        "triples are of the 60,000 training digits (the authors': of all 70,000); the classifier that reads them is our own",
    ),
    "not run: made for a GPU",
    Size(100_000, 26_000, 2000),
    Size(20, 500, 10),
    run,
    data="mnist",
    devices=True,
)
