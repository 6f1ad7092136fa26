"""Error of one nearest neighbour on MNIST's test images, from samples with labels (Radford et al. 2015, table 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array
from gan_np.metrics import nearest_neighbours
from gan_np.training import Trainer

from . import digits
from .labelled import players
from .recipe import Job, Keep, Measure, Recipe, Size
from .savepoint import Savepoint

CLASSES = 10


def run(job: Job, keep: Keep) -> None:
    """Real images or samples of a conditional GAN as what the test images are compared with."""
    train, test = digits.load(job.data, "train"), digits.load(job.data, "test")
    if job.quick:
        train, test = digits.Digits(*(a[:10_000] for a in train)), digits.Digits(*(a[:1000] for a in test))
    if job.case == "real":
        count = min(job.size.samples, len(train.images))
        keep(
            0,
            {
                "error": error(test, train.images[:count], train.labels[:count]),
                "error_all": error(test, train.images, train.labels),
            },
            samples=count,
            samples_all=len(train.images),
        )
        return
    gan = players(CLASSES, job.seed, *((16, 128) if job.quick else ()), device=job.device)
    trainer = Trainer(
        gan,
        train.images,
        train.labels,
        d_optimizer=gn.Adam(2e-4, weight_decay=2.5e-5),
        g_optimizer=gn.Adam(2e-4, weight_decay=2.5e-5),
        batch_size=128,
        average_decay=0.0,
        seed=job.seed,
    )
    saved = Savepoint.of_trainer(job.savepoint, trainer)
    trainer.steps, remembered = saved.restore()
    history: list[dict[str, Any]] = remembered.get("history", [])
    for update in range(trainer.steps + 1, job.size.updates + 1):
        step = trainer.step()
        last = update == job.size.updates
        if last or (job.size.every and update % job.size.every == 0):
            values: dict[str, float | None] = {"error": _of_samples(gan, test, job.size.samples)}
            if last and not job.quick:
                values["error_all"] = _of_samples(gan, test, 5 * job.size.samples)
            history.append({"update": update, **values, **step.numbers()})
            keep(update, values, history=history, epochs=round(update * 128 / len(train.images), 2))
            saved.save(update, {"history": history})
            if job.images is not None:
                gn.save_grid(gan.sample(100, seed=1), job.images / f"{job.case}-{job.seed}.png", columns=10)


def _of_samples(gan: gn.GAN, test: digits.Digits, count: int) -> float:
    labels = np.arange(count) % CLASSES
    return error(test, gan.sample(count, seed=0, labels=labels), labels)


def error(test: digits.Digits, references: Array, labels: Array) -> float:
    """Share of test images whose nearest reference (Euclidean, in pixels) has another label."""
    index = nearest_neighbours(test.images, references).indices[:, 0]
    return float((labels[index] != test.labels).mean())


NEIGHBOUR = Recipe(
    "neighbour",
    "error of one nearest neighbour on MNIST's test images",
    "DCGAN, Radford, Metz and Chintala 2015, table 3 (not checked against the paper's text)",
    {"real": "real images", "dcgan": "conditional DCGAN"},
    {
        "error": Measure("error with 10,000 of them, %", 2, 100.0),
        "error_all": Measure("error with 50,000 (real: all 60,000), %", 2, 100.0),
    },
    {"real": {"error_all": "3.1"}, "dcgan": {"error_all": "2.98"}},
    (
        "the public code alternates updates of D and G on batches of their own; here each step has one of each",
        "samples are drawn with the running statistics of batch normalisation, in the public code with those of a batch",
        (
            "an update here is one of D and one of G; the public code makes 100 epochs at one rate and 100 more while it "
            "falls; the size called the paper's is the first hundred"
        ),
    ),
    "about 6 minutes an epoch of 468 updates on one core of an AMD EPYC (Zen 4), from the time of 8 updates",
    Size(23_400, 10_000, 234),
    Size(100, 1000, 50),
    run,
    seeds=(0,),
    data="mnist",
    devices=True,
    other_rows={"GAN": {"error_all": "6.28"}},
)
