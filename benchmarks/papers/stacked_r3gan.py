"""Stacked MNIST under four games: {GAN, relativistic} × {R1, R1 + R2}, on R3GAN's networks (Huang et al. 2024)."""

from __future__ import annotations

from typing import Any

import gan_np as gn
from gan_np.arrays import Array
from gan_np.metrics.mixtures import class_modes

from . import digits
from .recipe import Job, Keep, Measure, Recipe, Size
from .stacked import MODES, TRIPLES, triples, triples_read

BATCH, LATENT, WIDTH = 16, 64, 16
RATES, GAMMAS = (6e-3, 3e-4), (3.0, 0.3)
OBJECTIVES = {"relativistic": gn.objectives.Relativistic(), "gan": gn.objectives.NonSaturating()}


def trainer_of(case: str, seed: int, images: Array, width: int, updates: int, device: str) -> gn.training.Trainer:
    """A fresh trainer of one game; the same networks, data, rates and γ for all, which fall over these updates."""
    game, _, penalty = case.partition("-")
    gan = gn.models.r3gan(images.shape[1:], LATENT, width=width, seed=seed, device=device)
    rate, gamma = (gn.schedules.Cosine(*ends, updates) for ends in (RATES, GAMMAS))
    penalties: list[gn.penalties.Penalty] = [gn.penalties.R1(gamma)]
    if penalty == "r1-r2":
        penalties.append(gn.penalties.R2(gamma))
    return gn.training.Trainer(
        gan,
        images,
        objective=OBJECTIVES[game],
        penalties=penalties,
        d_optimizer=gn.Adam(rate, beta1=0.0, beta2=0.99),
        g_optimizer=gn.Adam(rate, beta1=0.0, beta2=0.99),
        batch_size=BATCH,
        average_decay=0.999,
        seed=seed,
    )


def run(job: Job, keep: Keep) -> None:
    """Train; then read the samples, three digits each, and count the triples. A game that diverges keeps what it had."""
    train, test = digits.load(job.data, "train"), digits.load(job.data, "test")
    steps = 10 if job.quick else 1500
    reader = gn.train_classifier(train.images, train.labels, test=test, steps=steps, progress=False, device=job.device)
    assert reader.held_out is not None
    images = triples(train.images, 1000 if job.quick else TRIPLES, job.seed)
    trainer = trainer_of(job.case, job.seed, images, 4 if job.quick else WIDTH, job.size.updates, job.device)
    history: list[dict[str, Any]] = []
    for update in range(1, job.size.updates + 1):
        try:
            trainer.step()
        except gn.checks.NonFiniteError as error:
            history.append({"update": update, "diverged": str(error)})
            keep(update, {"modes": 0.0, "reverse_kl": None}, history=history, diverged=True)
            return
        if update == job.size.updates or (job.size.every and update % job.size.every == 0):
            samples = trainer.gan.sample(job.size.samples, seed=job.seed)
            found = class_modes(triples_read(reader, samples), MODES)
            values: dict[str, float | None] = {"modes": found.covered, "reverse_kl": found.reverse_kl}
            history.append({"update": update, **values})
            keep(update, values, history=history, reader_accuracy=reader.held_out.accuracy)
            if job.images is not None:
                gn.save_grid(samples[:100], job.images / f"{job.case}-{job.seed}.png")


STACKED_R3GAN = Recipe(
    "stacked-r3gan",
    "stacked MNIST under four games",
    "R3GAN, Huang, Gokaslan, Kuleshov and Tompkin 2024, table of the loss study",
    {
        "relativistic-r1-r2": "relativistic + R1 + R2",
        "gan-r1-r2": "GAN + R1 + R2",
        "relativistic-r1": "relativistic + R1",
        "gan-r1": "GAN + R1",
    },
    {"modes": Measure("modes of 1,000", 1), "reverse_kl": Measure("reverse KL", 3)},
    {
        "relativistic-r1-r2": {"modes": "1000", "reverse_kl": ".078"},
        "gan-r1-r2": {"modes": "693", "reverse_kl": ".93"},
        "relativistic-r1": {"modes": "diverges", "reverse_kl": ""},
        "gan-r1": {"modes": "diverges", "reverse_kl": ""},
    },
    (
        (
            f"networks of width {WIDTH} with one block a stage, batch {BATCH}, Adam with β (0, 0.99), rates from "
            f"{RATES[0]} to {RATES[1]} and γ from {GAMMAS[0]} to {GAMMAS[1]} along half a cosine; the paper's study has its "
            "own small networks, and trains far longer"
        ),
        "triples are of the 60,000 training digits; the classifier that reads them is our own",
    ),
    "about 0.1 s an update on one core; --updates 100000 is a size for a GPU",
    Size(6000, 26_000, 1000),
    Size(20, 500, 10),
    run,
    data="mnist",
    devices=True,
)
