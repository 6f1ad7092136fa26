"""What can be chosen for a game, checked before anything is computed with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from gan_np.checks import choice, shown
from gan_np.objectives import OBJECTIVES, Objective
from gan_np.optimizers import OPTIMIZERS, Optimizer
from gan_np.penalties import PENALTIES, Penalty

from ..asked import number_of, points_of, text_of, whole_of
from .distributions import DISTRIBUTIONS, EDGE

MOST_DRAWN = 400
"""Points that can be drawn."""
ACTIVATIONS = ("leaky_relu", "relu", "tanh")
LATENTS = ("normal", "uniform")
LARGEST_SEED = (1 << 31) - 1
WHOLES = {
    "batch": (4, 512),
    "packing": (1, 4),
    "d_steps": (1, 10),
    "g_layers": (0, 4),
    "g_units": (2, 128),
    "d_layers": (0, 4),
    "d_units": (2, 128),
    "latent_dim": (1, 8),
    "seed": (0, LARGEST_SEED),
}
"""Bounds of whole numbers."""
NUMBERS = {
    "g_rate": (0.0, 2.0),
    "d_rate": (0.0, 2.0),
    "momentum": (0.0, 0.99),
    "clip_weights": (0.0, 10.0),
    "instance_noise": (0.0, 2.0),
}
"""Bounds of numbers."""
LARGEST_PENALTY = 1000.0
LIVE = frozenset(
    {
        *("objective", "penalties", "clip_weights", "instance_noise", "optimizer", "g_rate", "d_rate", "momentum"),
        *("d_steps", "batch", "data", "points"),
    }
)
"""What may change while a game goes on; all else begins a new one."""


@dataclass(frozen=True)
class Settings:
    """The settings of one game; `of` makes them of what a page sends.

    data: a name of `DISTRIBUTIONS`, or "drawn" for `points`, at most 400 (x, y) from −3 to 3.
    objective, optimizer: registered names. penalties: weights by registered name. momentum: β₁ of Adam, else the momentum.
    clip_weights: what every weight of D is cut to; 0 leaves them. instance_noise: deviation of the noise on all that D sees.
    packing: points that D judges together. d_steps: updates of D for one of G. batch: judgements in a batch.
    g_layers, g_units, d_layers, d_units: hidden layers and the units of each. activation: of the hidden layers.
    """

    data: str = "ring"
    points: tuple[tuple[float, float], ...] = ()
    objective: str = "non-saturating"
    penalties: Mapping[str, float] = field(default_factory=dict)
    clip_weights: float = 0.0
    instance_noise: float = 0.0
    packing: int = 1
    optimizer: str = "adam"
    g_rate: float = 0.002
    d_rate: float = 0.002
    momentum: float = 0.5
    d_steps: int = 1
    batch: int = 64
    g_layers: int = 2
    g_units: int = 32
    d_layers: int = 2
    d_units: int = 32
    activation: str = "leaky_relu"
    latent: str = "normal"
    latent_dim: int = 2
    seed: int = 0

    @classmethod
    def of(cls, asked: Any) -> Settings:
        """What a page sent, a mapping; what it leaves out has its default.

        Raises:
            ValueError: something that is no setting, or out of its bounds; the message names it.
        """
        if not isinstance(asked, Mapping):
            raise ValueError(f"settings: expected a JSON object, got {shown(asked)}")
        usual = cls()
        unknown = [name for name in asked if name not in _NAMES]
        if unknown:
            raise ValueError(f"settings: there is no {shown(unknown[0])}; there are {', '.join(_NAMES)}")
        found: dict[str, Any] = {}
        for name, (low, high) in WHOLES.items():
            found[name] = whole_of(asked, name, low, high, getattr(usual, name))
        for name, bounds in NUMBERS.items():
            found[name] = number_of(asked, name, *bounds, getattr(usual, name))
        choices = {
            "data": (*DISTRIBUTIONS, "drawn"),
            "objective": tuple(OBJECTIVES),
            "optimizer": tuple(OPTIMIZERS),
            "activation": ACTIVATIONS,
            "latent": LATENTS,
        }
        for name, names in choices.items():
            given = text_of(asked, name, 100) if name in asked else getattr(usual, name)
            found[name] = choice(name, given, names)
        found["penalties"] = _penalties(asked.get("penalties", {}))
        found["points"] = _drawn(asked) if found["data"] == "drawn" else ()
        return cls(**found)

    def plain(self) -> dict[str, Any]:
        """As JSON has them; `of` makes the same of it."""
        return asdict(self)

    def changed(self, other: Settings) -> set[str]:
        """The names of the settings in which two differ."""
        return {name for name in _NAMES if getattr(self, name) != getattr(other, name)}

    def made_objective(self) -> Objective:
        """The objective that is named."""
        found: Objective = OBJECTIVES[self.objective]()
        return found

    def made_penalties(self) -> tuple[Penalty, ...]:
        """The penalties whose weight is above 0."""
        return tuple(PENALTIES[name](weight) for name, weight in self.penalties.items())

    def made_optimizer(self, player: str) -> Optimizer:
        """A new optimiser of a player, "g" or "d"."""
        word = "beta1" if self.optimizer == "adam" else "momentum"
        made: Optimizer = OPTIMIZERS[self.optimizer](getattr(self, f"{player}_rate"), **{word: self.momentum})
        return made


_NAMES = tuple(one.name for one in fields(Settings))


def _penalties(given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise ValueError(f"penalties: expected weights by name, got {shown(given)}")
    for name in given:
        choice("penalties", name, PENALTIES)
    weights = {f"penalties.{name}": weight for name, weight in given.items()}
    found = {name: number_of(weights, f"penalties.{name}", 0.0, LARGEST_PENALTY, 0.0) for name in sorted(given)}
    return {name: weight for name, weight in found.items() if weight}


def _drawn(asked: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    points = points_of(asked, 2, np.dtype(np.float64), "points", MOST_DRAWN)
    if not (np.abs(points) <= EDGE).all():
        raise ValueError(f"points: expected coordinates from {-EDGE:g} to {EDGE:g}")
    return tuple((float(x), float(y)) for x, y in points)
