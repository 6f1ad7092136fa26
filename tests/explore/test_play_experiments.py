"""Each button of `gan-np play` shows what it says, in numbers after as many steps as it names."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from gan_np.explore.play.experiments import EXPERIMENTS, Experiment
from gan_np.explore.play.game import Game
from gan_np.explore.play.settings import Settings


class Seen(NamedTuple):
    """Means over the last third of the steps."""

    modes: float
    distance: float
    arrow: float
    first: float
    """The distance at the start."""


def played(experiment: Experiment, seed: int = 0) -> tuple[Seen, Seen]:
    """What is measured of A and of B."""
    a, b = (measured(replace(side, seed=seed), experiment.steps) for side in experiment.sides)
    return a, b


KNOWN: dict[str, Seen] = {}


def measured(settings: Settings, steps: int) -> Seen:
    """One game; several experiments have the same one on a side."""
    name = f"{settings} {steps}"
    if name not in KNOWN:
        game = Game(settings)
        for _ in range(steps):
            game.step()
        rows = game.history.table()
        late = rows[rows[:, 0] > steps * 2 / 3]
        modes, _, distance, arrow = late[:, 3:].mean(axis=0)
        KNOWN[name] = Seen(modes, distance, arrow, rows[0, 5])
    return KNOWN[name]


def check(name: str, a: Seen, b: Seen) -> None:
    """What the two sentences claim."""
    if name == "mode-collapse":
        assert a.modes < 3
        assert b.modes > a.modes + 2
    elif name in ("saturation", "wasserstein"):
        assert a.arrow < 0.05
        assert b.arrow > 1
    elif name == "vanishing":
        assert b.arrow < 0.05
        assert a.arrow > 4 * b.arrow
    elif name in ("r1", "relativistic"):
        assert a.distance > 0.25 * a.first, "it circles"
        assert b.distance < 0.1 * b.first
    else:
        assert name == "packing"
        assert b.modes > a.modes + 2


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.id)
def test_a_button_shows_what_it_says(experiment: Experiment) -> None:
    a, b = played(experiment)
    check(experiment.id, a, b)
    with pytest.raises(AssertionError):
        check(experiment.id, b, a)


@pytest.mark.campaign
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.id)
def test_a_button_shows_it_with_other_seeds_too(experiment: Experiment) -> None:
    for seed in range(1, 4):
        check(experiment.id, *played(experiment, seed))


def test_one_seed_is_behind_both_sides() -> None:
    for experiment in EXPERIMENTS:
        one, other = experiment.sides
        assert one.changed(other)
        assert not one.changed(other) & {"seed", "data", "points"}, "what the page has once for both"
        if not one.changed(other) & {"packing"}:
            samples = [Game(side).samples() for side in experiment.sides]
            assert np.array_equal(*samples)
