"""Parzen-window log-likelihood of MNIST under the first GAN (Goodfellow et al. 2014, table 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, generator
from gan_np.data.images import to_float
from gan_np.data.sampler import Shuffler
from gan_np.metrics.parzen import DEVIATIONS, parzen_log_likelihoods, parzen_window

from . import digits
from .recipe import Job, Keep, Measure, Recipe, Size
from .savepoint import Savepoint
from .simultaneous import Simultaneous

BATCH = 100
VALIDATION = 1000
FIRST_EPOCH, LAST_EPOCH = 1, 250
STAGES = (1.0, 0.1)
"""What the learning rate is multiplied by, until the likelihood stops rising, and then until it stops once more."""


def momentum(updates_per_epoch: int) -> gn.schedules.Schedule:
    """0.5 up to the end of the first epoch, then along a line to 0.7 at the 250th; it moves once an epoch."""

    def at(update: int) -> float:
        epoch = update // updates_per_epoch
        share = (epoch - FIRST_EPOCH) / (LAST_EPOCH - FIRST_EPOCH)
        return 0.5 + 0.2 * min(max(share, 0.0), 1.0)

    return at


def players(images: Array, seed: int) -> gn.GAN:
    """The paper's networks; the biases of G's pixels start at the logits of the training images' means."""
    gan = gn.models.mlp(images.shape[1:], latent_dim=100, latent="uniform-unit-variance", seed=seed)
    theta = gan.generator.parameters
    means = to_float(images, "0..1", gan.generator.dtype).reshape(len(images), -1).mean(axis=0, dtype=np.float64)
    means = means.clip(1e-7, 1 - 1e-7)
    theta.assign_segment("2.bias", np.log(means / (1 - means)).astype(theta.values.dtype))
    return gan


def run(job: Job, keep: Keep) -> None:
    """Train and measure, or measure real images that stand for samples."""
    training, held_out = digits.training_and_validation(job.data)
    validation, test = held_out[:VALIDATION], digits.load(job.data, "test").images
    if job.quick:
        test = test[:1000]
    if job.case == "training-pictures":
        picked = training[generator(job.seed).permutation(len(training))[: job.size.samples]]
        found = parzen_window(picked, validation, test)
        keep(0, {"log_likelihood": found.log_likelihood, "standard_error": found.standard_error}, **found._asdict())
        return
    gan = players(training, job.seed)
    per_epoch = max(1, len(training) // BATCH)
    rate = StagedRate()
    d_sgd, g_sgd = (gn.SGD(rate, momentum=momentum(per_epoch)) for _ in range(2))
    game = Simultaneous(gan.generator, gan.discriminator, d_sgd, g_sgd, d_weight=0.5)
    order = Shuffler(len(training), BATCH, job.seed)
    noise, masks = (generator(job.seed, 1 << 31, stream) for stream in (1, 2))
    players_of = {"g": gan.generator, "d": gan.discriminator}, {"g": g_sgd, "d": d_sgd}
    saved = Savepoint(job.savepoint, *players_of, {"noise": noise, "masks": masks}, order)
    done, remembered = saved.restore()
    watch = _Watch(gan, validation, test, job, keep, rate, remembered)
    for update in range(done + 1, job.size.updates + 1):
        real = to_float(training[next(order)], "0..1", gan.generator.dtype)
        losses = game.step(real, gan.prior.draw(noise, BATCH, gan.generator.dtype), masks)
        due = update == job.size.updates or (job.size.every and update % job.size.every == 0)
        if due:
            watch.look(update, losses)
            saved.save(update, watch.remembered)
        if rate.over:
            break


class StagedRate:
    """0.1, divided by 1.000004 at each update, times the factor of the stage that training is in."""

    def __init__(self) -> None:
        self.stage = 0
        self._falling = gn.schedules.ExponentialDecay(0.1, 1.000004, 1e-6)

    @property
    def over(self) -> bool:
        """Whether all stages have ended."""
        return self.stage == len(STAGES)

    @property
    def factor(self) -> float:
        """That of the stage."""
        return STAGES[min(self.stage, len(STAGES) - 1)]

    def __call__(self, update: int) -> float:
        """The learning rate."""
        return self.factor * self._falling(update)


class _Watch:
    """Looks at the validation likelihood during training; measures on the test images where it has risen."""

    def __init__(
        self,
        gan: gn.GAN,
        validation: Array,
        test: Array,
        job: Job,
        keep: Keep,
        rate: StagedRate,
        remembered: dict[str, Any],
    ) -> None:
        self.gan, self.validation, self.test, self.job, self.keep = gan, validation, test, job, keep
        self.rate, rate.stage = rate, remembered.get("stage", 0)
        self.best: float | None = remembered.get("best")
        self.waited: int = remembered.get("waited", 0)
        self.history: list[dict[str, float]] = remembered.get("history", [])
        self.values: dict[str, float | None] = remembered.get("values", {})
        self.found: dict[str, Any] = remembered.get("found", {})

    @property
    def remembered(self) -> dict[str, Any]:
        """What a run that goes on later has to know."""
        names = ("best", "waited", "history", "values", "found")
        return {"stage": self.rate.stage, **{name: getattr(self, name) for name in names}}

    def look(self, update: int, losses: tuple[float, float]) -> None:
        """Measure the validation images, and where they are likelier than ever the test images."""
        z = self.gan.prior.of_seed(self.job.seed, self.job.size.samples, self.gan.generator.dtype)
        samples = self.gan.generate(z)
        scores = parzen_log_likelihoods(self.validation, samples, DEVIATIONS).mean(axis=1)
        score = float(scores.max())
        of_rate = {"factor": self.rate.factor, "validation": score}
        self.history.append({"update": update, **of_rate, "d_loss": losses[0], "g_loss": losses[1]})
        if self.best is None or score > self.best:
            self.best, self.waited = score, 0
            window = parzen_window(samples, self.validation, self.test)
            self.values |= {"log_likelihood": window.log_likelihood, "standard_error": window.standard_error}
            self.found = {"best_update": update, **window._asdict()}
            self._draw()
        else:
            self.waited += 1
        if self.rate.stage == 0:
            self.values["at_the_first_rate"] = self.values["log_likelihood"]
        if self.job.size.patience and self.waited >= self.job.size.patience:
            self.rate.stage, self.waited = self.rate.stage + 1, 0
        self.keep(update, self.values, history=self.history, **self.found)

    def _draw(self) -> None:
        if self.job.images is not None:
            name = f"{self.job.case}-{self.job.seed}.png"
            gn.save_grid(self.gan.sample(100, seed=1), self.job.images / name)


PARZEN = Recipe(
    "parzen",
    "log-likelihood of MNIST in nats, Parzen window",
    "Goodfellow et al. 2014, table 1; ± over the 10,000 test images",
    {"gan": "GAN", "training-pictures": "10,000 training images instead of samples"},
    {
        "log_likelihood": Measure("log-likelihood", 1, median=True),
        "standard_error": Measure("± over test images", 1, median=True),
        "at_the_first_rate": Measure("before the rate is cut", 1, median=True),
    },
    {"gan": {"log_likelihood": "225", "standard_error": "2"}},
    (
        "which 10,000 of the 60,000 images are held out: a fixed shuffle, instead of the file's last ones",
        (
            "the paper's code names no end of training, and its learning rate, 0.1 divided by 1.000004 at each update, "
            "takes 5,800 epochs to its least, 10⁻⁶; here, when the likelihood of the validation images has not risen for "
            "20 epochs, the rate is cut to a tenth, and when that happens again training ends; the best of the measurements "
            "(every 5 epochs) is reported, and beside it the best before the cut"
        ),
    ),
    "for each seed about 24 seconds an epoch of 500 updates, measurements included, on one core of an AMD EPYC (Zen 4), and "
    "some 300 epochs, which makes two hours",
    Size(200_000, 10_000, 2500, patience=4),
    Size(500, 1000, 250),
    run,
    data="mnist",
    other_rows={
        "DBN": {"log_likelihood": "138", "standard_error": "2"},
        "stacked contractive auto-encoder": {"log_likelihood": "121", "standard_error": "1.6"},
        "deep generative stochastic network": {"log_likelihood": "214", "standard_error": "1.1"},
    },
)
