"""Twenty-five Gaussians under six games: {GAN, relativistic} × {no penalty, R1, R1 + R2} (R3GAN's question)."""

from __future__ import annotations

import itertools

import gan_np as gn
from gan_np.arrays import generator
from gan_np.metrics.mixtures import mixture_modes
from gan_np.models.prior import Prior

from .mixture import grid
from .recipe import Job, Keep, Measure, Recipe, Size

POINTS, BATCH, LATENT, HIDDEN = 100_000, 256, 8, 128
UPDATES = 10_000
RATES, GAMMAS = (2e-3, 1e-4), (0.1, 0.01)
"""At first and at last; half a cosine over the whole training lies between, as in R3GAN."""
OBJECTIVES = {"gan": gn.objectives.NonSaturating(), "relativistic": gn.objectives.Relativistic()}
PENALTIES: dict[str, list[type[gn.penalties.R1 | gn.penalties.R2]]] = {
    "none": [],
    "r1": [gn.penalties.R1],
    "r1-r2": [gn.penalties.R1, gn.penalties.R2],
}
TITLES = {"gan": "GAN", "relativistic": "relativistic", "none": "", "r1": " + R1", "r1-r2": " + R1 + R2"}
CASES = {
    f"{game}-{penalty}": TITLES[game] + TITLES[penalty] for game, penalty in itertools.product(OBJECTIVES, PENALTIES)
}


def players(seed: int, hidden: int = HIDDEN) -> gn.GAN:
    """Three hidden layers with leaky ReLU in each player, no normalisation."""

    def layers(out: int) -> gn.Sequential:
        weight = gn.layers.He(0.2)
        inner = [gn.Dense(hidden, activation="leaky_relu", weight_initializer=weight) for _ in range(3)]
        return gn.Sequential(*inner, gn.Dense(out, weight_initializer=gn.FanIn()))

    return gn.GAN(
        gn.Network(layers(2), (LATENT,), seed=2 * seed),
        gn.Network(layers(1), (2,), seed=2 * seed + 1),
        Prior(LATENT),
    )


def run(job: Job, keep: Keep) -> None:
    """Train and measure one case; samples come from the average of G's weights."""
    game, _, penalty = job.case.partition("-")
    mixture = grid()
    gan = players(job.seed)
    rate, gamma = (gn.schedules.Cosine(*ends, job.size.updates) for ends in (RATES, GAMMAS))
    trainer = gn.training.Trainer(
        gan,
        mixture.draw(generator(job.seed, 0), POINTS),
        objective=OBJECTIVES[game],
        penalties=[each(gamma) for each in PENALTIES[penalty]],
        d_optimizer=gn.Adam(rate, beta1=0.0, beta2=0.99),
        g_optimizer=gn.Adam(rate, beta1=0.0, beta2=0.99),
        batch_size=BATCH,
        average_decay=0.999,
        seed=job.seed,
    )
    history: list[dict[str, float]] = []
    for update in range(1, job.size.updates + 1):
        step = trainer.step()
        if update == job.size.updates or (job.size.every and update % job.size.every == 0):
            samples = gan.sample(job.size.samples, seed=job.seed)
            found = mixture_modes(samples, mixture.means, mixture.deviation)
            values = {"modes": found.covered, "high_quality": found.high_quality, "reverse_kl": found.reverse_kl}
            history.append({"update": update, **values, **step.numbers()})
            keep(update, values, history=history, counts=found.counts.tolist())
            if job.images is not None:
                from .images import scatter

                scatter(mixture.means, samples, job.images / f"{job.case}-{job.seed}.png")


PENALISED = Recipe(
    "penalties",
    "twenty-five Gaussians under six games",
    "after R3GAN, Huang, Gokaslan, Kuleshov and Tompkin 2024, who compare the same games on stacked MNIST",
    CASES,
    {
        "modes": Measure("modes of 25", 1),
        "high_quality": Measure("high quality, %", 1, 100.0),
        "reverse_kl": Measure("reverse KL", 2),
    },
    {},
    (
        (
            f"points, not images: the paper has no such table; γ from {GAMMAS[0]} to {GAMMAS[1]} on points with "
            f"deviation 1, Adam with β (0, 0.99) and rates from {RATES[0]} to {RATES[1]}, three hidden layers of "
            f"{HIDDEN} in either player"
        ),
        "PacGAN's rows are on the page under the grid, with their own networks",
    ),
    "10,000 updates on one core of an AMD EPYC: 42 s without a penalty, 75 s with both",
    Size(UPDATES, 2500, 2500),
    Size(100, 500, 50),
    run,
    seeds=tuple(range(10)),
)
