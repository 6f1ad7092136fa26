"""InfoGAN's categorical code as a classifier of digits (Chen et al. 2016)."""

from __future__ import annotations

from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array
from gan_np.data.images import to_float
from gan_np.models.infogan import CodePrior, InfoGAN
from gan_np.training import Trainer

from . import digits
from .recipe import Job, Keep, Measure, Recipe, Size
from .savepoint import Savepoint

NOISE, CATEGORIES, CONTINUOUS = 62, 10, 2
CHUNK = 500
SLOPE = gn.Activation("leaky_relu", 0.1)
WEIGHT = gn.Normal(0.02)


def players(seed: int) -> InfoGAN:
    """The paper's networks for MNIST (its appendix C.1), in [0, 1]."""

    def normalised(activation: gn.Activation | str) -> gn.BatchNorm:
        return gn.BatchNorm(activation=activation)

    g = gn.Sequential(
        gn.Dense(1024, bias=False, weight_initializer=WEIGHT),
        normalised("relu"),
        gn.Dense(7 * 7 * 128, bias=False, weight_initializer=WEIGHT),
        normalised("relu"),
        gn.Reshape(7, 7, 128),
        gn.ConvTranspose2d(64, 4, stride=2, padding=1, bias=False, weight_initializer=WEIGHT),
        normalised("relu"),
        gn.ConvTranspose2d(1, 4, stride=2, padding=1, activation="sigmoid", weight_initializer=WEIGHT),
    )
    logit = gn.Dense(1, weight_initializer=WEIGHT)
    q = gn.Sequential(
        gn.Dense(128, bias=False, weight_initializer=WEIGHT),
        normalised(SLOPE),
        gn.Dense(CATEGORIES + CONTINUOUS, weight_initializer=WEIGHT),
    )
    d = gn.Sequential(
        gn.Conv2d(64, 4, stride=2, padding=1, activation=SLOPE, weight_initializer=WEIGHT),
        gn.Conv2d(128, 4, stride=2, padding=1, bias=False, weight_initializer=WEIGHT),
        normalised(SLOPE),
        gn.Flatten(),
        gn.Dense(1024, bias=False, weight_initializer=WEIGHT),
        normalised(SLOPE),
        gn.Fork(logit, q),
    )
    prior = CodePrior(NOISE + CATEGORIES + CONTINUOUS, "uniform", CATEGORIES, CONTINUOUS)
    return InfoGAN(
        gn.Network(g, (prior.dim,), seed=2 * seed), gn.Network(d, (28, 28, 1), seed=2 * seed + 1), prior, "0..1"
    )


def run(job: Job, keep: Keep) -> None:
    """Train without labels; then match categories with digits and count errors on the test images."""
    train, test = digits.load(job.data, "train"), digits.load(job.data, "test")
    if job.quick:
        train, test = digits.Digits(*(a[:10_000] for a in train)), digits.Digits(*(a[:1000] for a in test))
    gan = players(job.seed)
    trainer = Trainer(
        gan,
        train.images,
        d_optimizer=gn.Adam(2e-4),
        g_optimizer=gn.Adam(1e-3),
        batch_size=128,
        average_decay=0.0,
        seed=job.seed,
    )
    saved = Savepoint.of_trainer(job.savepoint, trainer)
    trainer.steps, remembered = saved.restore()
    history: list[dict[str, Any]] = remembered.get("history", [])
    for update in range(trainer.steps + 1, job.size.updates + 1):
        step = trainer.step()
        if update == job.size.updates or (job.size.every and update % job.size.every == 0):
            values = measure(gan, train, test, job.size.samples)
            history.append({"update": update, **values, **step.numbers()})
            keep(update, values, history=history)
            saved.save(update, {"history": history})
            if job.images is not None:
                gn.save_grid(gan.vary(0, rows=10), job.images / f"{job.case}-{job.seed}.png", columns=10)


def measure(gan: InfoGAN, train: digits.Digits, test: digits.Digits, count: int) -> dict[str, float | None]:
    """Errors on the test images, categories matched with digits on `count` training images.

    error: each category stands for one digit and each digit for one category, the best such matching.
    majority_error: each category stands for the digit that is most frequent in it, so a digit may have several or none.
    """
    seen = confusion(read(gan, train.images[:count]), train.labels[:count])
    one_to_one = best_matching(seen)
    categories = read(gan, test.images)
    return {
        "error": float((one_to_one[categories] != test.labels).mean()),
        "majority_error": float((seen.argmax(axis=1)[categories] != test.labels).mean()),
    }


def confusion(categories: Array, labels: Array) -> Array:
    """How many images of each digit (columns) are in each category (rows)."""
    counts = np.zeros((CATEGORIES, 10), np.int64)
    np.add.at(counts, (categories, labels), 1)
    return counts


def best_matching(counts: Array) -> Array:
    """The permutation π that maximises Σ_c counts[c, π(c)], int64 (K,): exact, over all sets of columns, for small K.

    >>> best_matching(np.array([[5, 4], [4, 0]]))
    array([1, 0])
    """
    size = len(counts)
    best: dict[int, tuple[int, tuple[int, ...]]] = {
        0: (0, ())
    }  # set of columns taken by the first rows: score, columns
    for row in range(size):
        found: dict[int, tuple[int, tuple[int, ...]]] = {}
        for taken, (score, columns) in best.items():
            for column in range(size):
                if not taken >> column & 1:
                    candidate = score + int(counts[row, column]), (*columns, column)
                    key = taken | 1 << column
                    found[key] = max(found.get(key, candidate), candidate)
        best = found
    return np.array(best[(1 << size) - 1][1])


def read(gan: InfoGAN, images: Array) -> Array:
    """The most likely category of each image, int64 (N,)."""
    parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    floats = (to_float(part, gan.pixel_range, gan.discriminator.dtype) for part in parts)
    return np.concatenate([gan.read_codes(part)[0] for part in floats])


INFOGAN = Recipe(
    "infogan",
    "error of InfoGAN's categorical code on MNIST's test images",
    "Chen et al. 2016, section 7.2: “c₁ can be used as a classifier that achieves 5% error rate”",
    {"infogan": "InfoGAN"},
    {
        "error": Measure("error, one category a digit, %", 1, 100.0),
        "majority_error": Measure("error, majority of each category, %", 1, 100.0),
    },
    {"infogan": {"error": "5"}},
    (
        "the paper does not say how categories are matched with digits: here in two ways, both on 10,000 training images",
        "60,000 training images; its public code has the 55,000 that TensorFlow's reader of MNIST leaves for training",
        "slope of the leaky ReLU 0.1, as the paper says; its public code has 0.01",
        "weights N(0, 0.02²), as in its public code but for D's convolutions, which are truncated there",
    ),
    "about 40 minutes for 5,000 updates on one core of an AMD EPYC (Zen 4)",
    Size(5000, 10_000, 250),
    Size(200, 1000, 100),
    run,
    data="mnist",
)
