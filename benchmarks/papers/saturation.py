"""Minimax against non-saturating: G's gradient early on, and who succeeds (Goodfellow et al. 2014, section 3).

"Early in learning, when G is poor, D can reject samples with high confidence because they are clearly different from the
training data. In this case, log(1 − D(G(z))) saturates."
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, generator
from gan_np.data.images import to_float
from gan_np.data.sampler import Shuffler
from gan_np.layers import INPUTS, NOTHING, PARAMETERS
from gan_np.metrics import class_modes, nearest_neighbours
from gan_np.models.prior import Prior
from gan_np.objectives import Objective

from . import digits
from .recipe import Job, Keep, Measure, Recipe, Size

TRAIN, HELD_OUT = 5000, 500
BATCH, LATENT, HIDDEN = 100, 32, 128
EARLY = 100
RATE = 1e-3
D_RATES = {"minimax": 1e-2, "non-saturating": 1e-2, "minimax-equal": 1e-3, "non-saturating-equal": 1e-3}
OBJECTIVES: dict[str, Objective] = {"minimax": gn.objectives.Minimax(), "non-saturating": gn.objectives.NonSaturating()}


def players(seed: int) -> gn.GAN:
    """Two hidden layers each, 128 wide, no normalisation: images in [−1, 1]."""
    he, leaky = gn.He(), gn.He(0.2)
    g = gn.Sequential(
        gn.Dense(HIDDEN, activation="relu", weight_initializer=he),
        gn.Dense(HIDDEN, activation="relu", weight_initializer=he),
        gn.Dense(784, activation="tanh"),
        gn.Reshape(28, 28, 1),
    )
    d = gn.Sequential(
        gn.Flatten(),
        gn.Dense(HIDDEN, activation="leaky_relu", weight_initializer=leaky),
        gn.Dense(HIDDEN, activation="leaky_relu", weight_initializer=leaky),
        gn.Dense(1),
    )
    networks = gn.Network(g, (LATENT,), seed=2 * seed), gn.Network(d, (28, 28, 1), seed=2 * seed + 1)
    return gn.GAN(*networks, Prior(LATENT), "-1..1")


def run(job: Job, keep: Keep) -> None:
    """Algorithm 1 with k = 1; over the first updates the gradients of both forms, at the same weights, are measured."""
    found = digits.load(job.data, "train")
    if len(found.images) < TRAIN + HELD_OUT:
        raise ValueError(f"data: expected at least {TRAIN + HELD_OUT:,} images, {job.data} has {len(found.images):,}")
    images, labels = found.images[:TRAIN], found.labels[:TRAIN]
    held_out = found.images[TRAIN : TRAIN + HELD_OUT]
    gan, objective = players(job.seed), OBJECTIVES[job.case.removesuffix("-equal")]
    g, d = gan.generator, gan.discriminator
    d_adam, g_adam = gn.Adam(D_RATES[job.case]), gn.Adam(RATE)
    order, noise = Shuffler(len(images), BATCH, job.seed), generator(job.seed, 1)
    norms: dict[str, list[float]] = {name: [] for name in OBJECTIVES}
    judged: list[float] = []
    for update in range(1, job.size.updates + 1):
        fake, _ = g.forward(gan.prior.draw(noise, BATCH, g.dtype), training=True, wrt=NOTHING)
        for batch, loss_of in ((_float(images[next(order)]), objective.real), (fake, objective.fake)):
            logits, pullback = d.forward(batch, training=True, wrt=PARAMETERS)
            pullback(loss_of(logits).gradient)
        d_adam.step(d.parameters, d.gradient)
        fake, g_pullback = g.forward(gan.prior.draw(noise, BATCH, g.dtype), training=True, wrt=PARAMETERS)
        logits, d_pullback = d.forward(fake, training=True, wrt=INPUTS)
        if update <= EARLY:
            judged.append(float(np.exp(-np.logaddexp(0, -logits.astype(np.float64))).mean()))  # σ(s) at any s
            for name, other in OBJECTIVES.items():
                g_pullback(d_pullback(other.generator(logits).gradient, keep=True), keep=True)
                norms[name].append(float(np.linalg.norm(g.gradient.values)))
                g.gradient.spend()
        g_pullback(d_pullback(objective.generator(logits).gradient))
        g_adam.step(g.parameters, g.gradient)
    values = measure(gan, images, labels, held_out, job.size.samples)
    values |= {
        "minimax_norm": float(np.median(norms["minimax"])),
        "non_saturating_norm": float(np.median(norms["non-saturating"])),
        "judged": float(np.median(judged)),
    }
    keep(job.size.updates, values, norms=norms, judged_over_updates=judged)
    if job.images is not None:
        gn.save_grid(gan.sample(36, seed=1), job.images / f"{job.case}-{job.seed}.png")


def norms_over_updates(found: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Both gradient norms over the first updates, a panel for each form that trained, a line for each seed."""
    from .images import new_figure, save

    figure = new_figure(4.5 * max(len(found), 1), 3.5)
    first = None
    for place, (case, records) in enumerate(found.items()):
        first = axes = figure.add_subplot(1, len(found), place + 1, sharey=first)
        for record in records:
            for colour, (name, norms) in zip(("tab:red", "tab:blue"), record["norms"].items(), strict=True):
                label = f"gradient of {name}" if record is records[0] else None
                axes.plot(range(1, len(norms) + 1), norms, color=colour, linewidth=0.8, alpha=0.6, label=label)
        axes.set(title=f"trained by {MINIMAX.cases[case]}", xlabel="updates", yscale="log", ylim=(1e-14, 1e3))
        axes.title.set_fontsize("small")
    if first is not None:
        figure.axes[0].set_ylabel("norm of G's gradient, at the same weights")
        figure.axes[0].legend(loc="lower left", fontsize="small")
    save(figure, path)


def _float(batch: Array) -> Array:
    return to_float(batch, "-1..1", np.dtype(np.float32))


def measure(gan: gn.GAN, images: Array, labels: Array, held_out: Array, count: int) -> dict[str, float | None]:
    """Success: samples of all ten digits, and at least half as near to a training image as 95 % of held-out ones are.

    The digit of a sample is that of its nearest training image.
    """
    found = nearest_neighbours(gan.sample(count, seed=0), images)
    limit = np.quantile(nearest_neighbours(held_out, images).distances, 0.95)
    modes = class_modes(np.where(found.distances < limit, labels[found.indices], -1)[:, 0], 10)
    success = modes.covered == 10 and modes.high_quality >= 0.5
    return {"success": float(success), "near": modes.high_quality}


MINIMAX = Recipe(
    "minimax",
    "minimax against non-saturating on digits",
    "Goodfellow et al. 2014, section 3: a claim without a table",
    {
        "minimax": "minimax, D fast",
        "non-saturating": "non-saturating, D fast",
        "minimax-equal": "minimax, equal rates",
        "non-saturating-equal": "non-saturating, equal rates",
    },
    {
        "success": Measure("success, %", 0, 100.0),
        "near": Measure("near real, %", 1, 100.0),
        "judged": Measure("D(G(z))", 4, median=True),
        "minimax_norm": Measure("‖∇G‖ minimax", 3, median=True),
        "non_saturating_norm": Measure("‖∇G‖ non-saturating", 3, median=True),
    },
    {},
    (
        (
            "a setting of our own: 5,000 digits, dense networks of two hidden layers of 128, batch 100, Adam with β₁ 0.5, "
            "1,000 updates, learning rates 0.001; “D fast” means 0.01 for D"
        ),
        (
            "‖∇G‖ is the norm of G's gradient, of either form at the same weights, whichever of them trains; like D(G(z)) "
            "it is the median over the first 100 updates, in the table the median (and range) of that over seeds"
        ),
        (
            "success: at least half of 500 samples are as near to a training image as 95 % of held-out digits are, and "
            "their nearest images are of all ten digits"
        ),
    ),
    "7 seconds a run on one core of an AMD EPYC (Zen 4)",
    Size(1000, 500, 0),
    Size(150, 200, 0),
    run,
    seeds=tuple(range(10)),
    data="mnist",
    draw=norms_over_updates,
)
