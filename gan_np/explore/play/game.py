"""One small GAN of points while it trains: a `Trainer` whose settings can be changed, and what is measured of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gan_np.arrays import Array
from gan_np.layers import Dense, Normal
from gan_np.metrics import mixture_modes
from gan_np.models import GAN
from gan_np.models.prior import Prior
from gan_np.networks import Network, Sequential
from gan_np.training import Trainer

from .distributions import Distribution, distribution
from .frame import arrows_at, field_of, lattice_z
from .history import History
from .settings import LIVE, Settings

SHOWN, MEASURED = 192, 512
"""Samples that are drawn with their arrows, and those that modes are counted with; of the same z at every step."""


class Snapshot(NamedTuple):
    """What is drawn of a game."""

    field: Array
    """(FIELD, FIELD), from 0 to 1."""
    lattice: Array
    """(LINES², 2), or (LINES, 2) where z has one coordinate."""
    samples: Array
    """(SHOWN, 2)."""
    arrows: Array
    """(SHOWN, 2), as `arrows_at`."""


def gan_of(settings: Settings) -> GAN:
    """G: z → hidden layers → (x, y); D: the points that it judges together → hidden layers → a logit.

    Weights are Glorot's. A G without hidden layers begins small, with deviation 0.05, as nearly one point: with a D without
    hidden layers it is the Dirac-GAN of Mescheder, Geiger and Nowozin (2018).
    """
    own = settings.activation
    g = [Dense(settings.g_units, activation=own) for _ in range(settings.g_layers)]
    d = [Dense(settings.d_units, activation=own) for _ in range(settings.d_layers)]
    last = Dense(2) if g else Dense(2, weight_initializer=Normal(0.05), bias_initializer=Normal(1.0))
    seeds = 2 * settings.seed, 2 * settings.seed + 1
    return GAN(
        Network(Sequential(*g, last), (settings.latent_dim,), seed=seeds[0]),
        Network(Sequential(*d, Dense(1)), (2 * settings.packing,), seed=seeds[1]),
        Prior(settings.latent_dim, settings.latent),  # type: ignore[arg-type]
        packing=settings.packing,
    )


class Game:
    """A GAN with its settings, from step 0; `step`, `update` and `change` are what a player does.

    >>> game = Game(Settings(data="two", g_units=8, d_units=8))
    >>> for _ in range(3):
    ...     game.step()
    >>> game.steps, game.snapshot().arrows.shape
    (3, (192, 2))
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.gan = settings, gan_of(settings)
        self.history, self.steps = History(), 0
        self.d_loss = self.g_loss = float("nan")
        self.fault = ""
        """Why the game cannot go on; empty where it can."""
        self._d_done = 0
        self._z = self.gan.prior.of_seed(settings.seed + 1, MEASURED, self.gan.generator.dtype)
        self._trainer = self._trained(None)
        self._measure()

    @property
    def data(self) -> Distribution:
        """What it learns."""
        return self._data

    def step(self) -> None:
        """k updates of D and one of G.

        Raises:
            NonFiniteError: numbers became NaN or infinite; the game ends there, and `fault` says so.
        """
        while self.next_player == "d":
            self.update("d")
        self.update("g")

    @property
    def next_player(self) -> str:
        """Whose turn it is: "d" until D had its k updates, then "g"."""
        return "d" if self._d_done < self.settings.d_steps else "g"

    def update(self, player: str) -> None:
        """One update of one player alone, "d" or "g"; the other one stands still.

        Raises:
            ValueError: neither of them. NonFiniteError: as in `step`.
        """
        if player not in ("d", "g"):
            raise ValueError(f"player: expected 'd' or 'g', got {player!r}")
        if self.fault:
            raise ValueError(f"settings: {self.fault}")
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                if player == "d":
                    self.d_loss = float(self._trainer.update_discriminator())
                    self._d_done += 1
                    return
                self.g_loss = float(self._trainer.update_generator())
        except ArithmeticError as error:
            self.fault = f"training cannot go on: {error}. Lower a rate or add a penalty, and begin again"
            raise
        self._d_done = 0
        self.steps += 1
        self.history.losses(self.d_loss, self.g_loss)
        if self.history.due(self.steps):
            self._measure()

    def change(self, settings: Settings) -> bool:
        """Go on with other settings, weights and moments being kept; False where that cannot be done, and nothing changed.

        Raises:
            ValueError, TypeError: settings that do not go together.
        """
        if not settings.changed(self.settings) <= LIVE or self.fault:
            return False
        before, self.settings = self.settings, settings
        try:
            self._trainer = self._trained(self._trainer, before)
        except (ValueError, TypeError):
            self.settings = before
            raise
        return True

    def snapshot(self) -> Snapshot:
        """What is drawn now."""
        g, samples = self.gan.generator, self.samples(SHOWN)
        objective = self._trainer.objective
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # weights that are not finite end a game, and can be looked at
            arrows = arrows_at(self.gan, objective, samples, self._data.points[:SHOWN])
            return Snapshot(field_of(self.gan, objective), g(lattice_z(self.gan)), samples, arrows)

    def samples(self, count: int = MEASURED) -> Array:
        """What G makes of the first of the same z at every step."""
        made: Array = self.gan.generator(self._z[:count])
        return made

    def _trained(self, last: Trainer | None, before: Settings | None = None) -> Trainer:
        own = self.settings
        if before is None or own.changed(before) & {"data", "points"}:
            drawn = np.array(own.points) if own.data == "drawn" else None
            self._data = distribution(own.data, own.seed, drawn)
        kept = last is not None and before is not None and own.optimizer == before.optimizer
        d_optimizer, g_optimizer = own.made_optimizer("d"), own.made_optimizer("g")
        if last is not None and kept:
            for made, there in ((d_optimizer, last.d_optimizer), (g_optimizer, last.g_optimizer)):
                if set(there.moments) == set(made.slots):
                    made.restore(there.updates, there.moments)
        trainer = Trainer(
            self.gan,
            self._data.points,
            objective=own.made_objective(),
            penalties=own.made_penalties(),
            clip_weights=own.clip_weights or None,
            instance_noise=own.instance_noise,
            batch_size=own.batch,
            d_steps=own.d_steps,
            average_decay=0.0,
            standardise=False,
            seed=own.seed,
            d_optimizer=d_optimizer,
            g_optimizer=g_optimizer,
        )
        if last is not None:  # the noise goes on; so do the batches, where they are the same
            for stream in ("noise", "dropout", "blur", "between"):
                setattr(trainer, stream, getattr(last, stream))
            trainer.order.seek(last.order.position)
        return trainer

    def _measure(self) -> None:
        """A row of the curves."""
        samples = self.samples()
        modes = mixture_modes(samples, self._data.modes, self._data.reach / 3)
        distance = np.linalg.norm(samples.mean(axis=0) - self._data.points.mean(axis=0))
        arrows = arrows_at(self.gan, self._trainer.objective, samples[:SHOWN], self._data.points[:SHOWN])
        arrow = np.linalg.norm(arrows, axis=1).mean()
        self.history.add(self.steps, modes.covered, modes.high_quality, float(distance), float(arrow))
