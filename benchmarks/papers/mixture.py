"""Ring and grid: modes of a mixture in the plane that a GAN finds, with and without packing (PacGAN, Lin et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, generator
from gan_np.data.sampler import Shuffler
from gan_np.metrics.mixtures import mixture_modes

from .recipe import Job, Keep, Measure, Recipe, Size
from .savepoint import Savepoint
from .simultaneous import Simultaneous

POINTS, BATCH, LATENT = 100_000, 100, 2
PACKING = {"gan": 1, "pac2": 2, "pac4": 4}
WEIGHT = gn.Normal(0.02)


class Mixture(NamedTuple):
    """Equally likely Gaussians N(means[k], deviation²·I)."""

    means: Array
    deviation: float

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """`count` points, float32 (count, 2)."""
        centres = self.means[rng.integers(0, len(self.means), count)]
        points: Array = (centres + self.deviation * rng.standard_normal(centres.shape)).astype(np.float32)
        return points


def ring() -> Mixture:
    """Eight modes on the unit circle, σ = 0.01."""
    angle = 2 * np.pi * np.arange(8) / 8
    return Mixture(np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.01)


def grid() -> Mixture:
    """Twenty-five modes on {−4, −2, 0, 2, 4}², σ = 0.05."""
    line = np.arange(-4.0, 5.0, 2.0)
    return Mixture(np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), 0.05)


def players(packing: int, seed: int, hidden: int = 400, maxout_units: int = 200) -> tuple[gn.Network, gn.Network]:
    """G: z (2,) → 4 × (dense without bias, batch normalisation, ReLU) → point. D: m points → 3 × maxout of 5 → logit."""
    g: list[gn.Layer] = []
    for _ in range(4):
        g += [
            gn.Dense(hidden, bias=False, weight_initializer=WEIGHT),
            gn.BatchNorm(activation="relu", momentum=0.05, epsilon=1e-4),
        ]
    d: list[gn.Layer] = []
    for _ in range(3):
        d += [gn.Dense(5 * maxout_units, weight_initializer=WEIGHT), gn.Maxout(5)]
    return (
        gn.Network(gn.Sequential(*g, gn.Dense(2, weight_initializer=WEIGHT)), (LATENT,), seed=2 * seed),
        gn.Network(gn.Sequential(*d, gn.Dense(1, weight_initializer=WEIGHT)), (2 * packing,), seed=2 * seed + 1),
    )


def run(mixture: Mixture, job: Job, keep: Keep) -> None:
    """Train and measure one case."""
    packing = PACKING[job.case]
    g, d = players(packing, job.seed)
    game = Simultaneous(g, d, gn.Adam(1e-4, beta1=0.8), gn.Adam(1e-4, beta1=0.8))
    points = mixture.draw(generator(job.seed, 0), POINTS)
    order, noise = Shuffler(POINTS, BATCH * packing, job.seed), generator(job.seed, 1)
    fixed = gn.ops.standard_normal(generator(job.seed, 2), (job.size.samples, LATENT), g.dtype)
    players_of = {"g": g, "d": d}, {"g": game.g_optimizer, "d": game.d_optimizer}
    saved = Savepoint(job.savepoint, *players_of, {"noise": noise}, order)
    done, remembered = saved.restore()
    history: list[dict[str, float]] = remembered.get("history", [])
    for update in range(done + 1, job.size.updates + 1):
        z = gn.ops.standard_normal(noise, (BATCH * packing, LATENT), g.dtype)
        losses = game.step(points[next(order)].reshape(BATCH, 2 * packing), z)
        last = update == job.size.updates
        if last or (job.size.every and update % job.size.every == 0):
            samples = g(fixed)
            found = mixture_modes(samples, mixture.means, mixture.deviation)
            values = {"modes": found.covered, "high_quality": found.high_quality, "reverse_kl": found.reverse_kl}
            history.append({"update": update, **values, "d_loss": losses[0], "g_loss": losses[1]})
            keep(update, values, history=history, counts=found.counts.tolist())
            saved.save(update, {"history": history})
            if job.images is not None:
                _draw(mixture, samples, job)


def _draw(mixture: Mixture, samples: Array, job: Job) -> None:
    from .images import scatter

    assert job.images is not None
    scatter(mixture.means, samples, job.images / f"{job.case}-{job.seed}.png")


def _recipe(name: str, title: str, mixture: Callable[[], Mixture], published: dict[str, dict[str, str]]) -> Recipe:
    modes = len(mixture().means)
    return Recipe(
        name,
        title,
        "PacGAN, Lin, Khetan, Fanti and Oh 2018, table 1; 10 trials, 400 epochs",
        {"gan": "GAN", "pac2": "PacGAN2", "pac4": "PacGAN4"},
        {
            "modes": Measure(f"modes of {modes}", 1),
            "high_quality": Measure("high quality, %", 1, 100.0),
            "reverse_kl": Measure("reverse KL", 2),
        },
        published,
        (
            (
                "batch normalisation takes its statistics over all m·100 points that G makes for a step; the authors' code "
                "takes them over the 100 of each place in the packs"
            ),
            (
                "measured at the end of training; the authors' code measures after each epoch, and it does not say which of "
                "these measurements the paper's table has"
            ),
        ),
        "40,000 updates on one core of an AMD EPYC (Zen 4): GAN 9 minutes; PacGAN2 10 and PacGAN4 16, from the time of 120 "
        "updates; the paper's 400,000 ten times that",
        Size(400_000, 2500, 5000),
        Size(2000, 2500, 500),
        lambda job, keep: run(mixture(), job, keep),
    )


RING = _recipe(
    "ring",
    "eight modes on a ring",
    ring,
    {
        "gan": {"modes": "6.3 ± .5", "high_quality": "98.2 ± .2", "reverse_kl": ".45 ± .09"},
        "pac2": {"modes": "7.9 ± .1", "high_quality": "95.6 ± 2.0", "reverse_kl": ".07 ± .03"},
        "pac4": {"modes": "7.8 ± .1", "high_quality": "95.9 ± 1.4", "reverse_kl": ".07 ± .02"},
    },
)
GRID = _recipe(
    "grid",
    "twenty-five modes on a grid",
    grid,
    {
        "gan": {"modes": "17.3 ± .8", "high_quality": "94.8 ± .7", "reverse_kl": ".70 ± .07"},
        "pac2": {"modes": "23.8 ± .7", "high_quality": "91.3 ± .8", "reverse_kl": ".13 ± .04"},
        "pac4": {"modes": "24.8 ± .2", "high_quality": "93.6 ± .6", "reverse_kl": ".04 ± .01"},
    },
)
