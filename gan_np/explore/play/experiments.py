"""What the buttons of the page set up: two settings side by side from one seed, and what is to be seen in them.

`tests/explore/test_play_experiments.py` plays each for its `steps` and holds it to its sentences in numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .settings import Settings


class Experiment(NamedTuple):
    """A button of the page."""

    id: str
    name: str
    sentences: tuple[str, str]
    """What is set up, and what is to be seen."""
    sides: tuple[Settings, Settings]
    steps: int
    """After so many it can be seen."""
    speed: float = 60.0
    """Steps a second at which it is to be looked at."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**self._asdict(), "sides": [side.plain() for side in self.sides]}


_DIRAC: dict[str, Any] = {
    "data": "point",
    "optimizer": "sgd",
    "momentum": 0.0,
    "g_rate": 0.1,
    "d_rate": 0.1,
    "g_layers": 0,
    "d_layers": 0,
}
_FAR: dict[str, Any] = {"data": "ring", "g_rate": 0.0001, "d_rate": 0.01, "d_steps": 10}
_FAST: dict[str, Any] = {"g_rate": 0.005, "d_rate": 0.001}

EXPERIMENTS = (
    Experiment(
        "mode-collapse",
        "Mode collapse",
        (
            "In A G learns five times as fast as D, in B both learn at one rate.",
            (
                "A's samples crowd together and run from place to place, since all of G goes where D likes it best "
                "before D has learnt that it is there; B's spread over the ring."
            ),
        ),
        (Settings(**_FAST), Settings(g_rate=0.002, d_rate=0.002)),
        120,
    ),
    Experiment(
        "saturation",
        "Minimax saturates",
        (
            (
                "In both D gets ten updates for each of G and soon knows every generated point; in A G minimises "
                "log(1 − D(G(z))), in B it maximises log D(G(z))."
            ),
            (
                "Where D is sure, the slope of A's loss is nearly 0 and its arrows vanish; B's loss is steepest just "
                "there, and its arrows are long."
            ),
        ),
        (Settings(**_FAR, objective="minimax"), Settings(**_FAR, objective="non-saturating")),
        16,
        15.0,
    ),
    Experiment(
        "vanishing",
        "A D that is too good",
        (
            "Both play minimax; in A D gets one small update for each of G, in B ten large ones.",
            (
                "The worse D of A gives G long arrows to follow, the nearly perfect one of B gives none: with this "
                "loss a better D is a worse teacher."
            ),
        ),
        (
            Settings(**{**_FAR, "d_rate": 0.002, "d_steps": 1}, objective="minimax"),
            Settings(**_FAR, objective="minimax"),
        ),
        16,
        15.0,
    ),
    Experiment(
        "wasserstein",
        "Wasserstein",
        (
            (
                "D gets the same ten large updates for each of G; A plays minimax, B the Wasserstein objective with a"
                " penalty that holds the critic's slope near 1."
            ),
            "A's arrows vanish; B's are the critic's slope, so that they stay long however good it is.",
        ),
        (
            Settings(**_FAR, objective="minimax"),
            Settings(**_FAR, objective="wasserstein", penalties={"wasserstein": 1.0}),
        ),
        16,
        15.0,
    ),
    Experiment(
        "r1",
        "What R1 damps",
        (
            (
                "The data are one point and both players are linear (the Dirac-GAN); B has the penalty R1 on D's "
                "slope at the data, A has none."
            ),
            (
                "A's samples circle around the data without end, since D still pushes when they arrive; R1 takes D's "
                "slope away where the data are, and B's samples spiral in."
            ),
        ),
        (Settings(**_DIRAC), Settings(**_DIRAC, penalties={"r1": 1.0})),
        150,
        60.0,
    ),
    Experiment(
        "packing",
        "Packing against collapse",
        (
            "In both G learns five times as fast as D; B's D judges two points at a time (PacGAN) and sees as many points.",
            (
                "Two points of a collapsed G lie too near each other to be two real ones, so B's D sees the collapse "
                "itself: its samples spread over more modes than A's."
            ),
        ),
        (Settings(**_FAST), Settings(**_FAST, packing=2, batch=32)),
        200,
    ),
    Experiment(
        "relativistic",
        "Relativistic",
        (
            (
                "D says only by how much a real point is more real than the generated one beside it, so its scores "
                "have no zero and the field is drawn about their median; B adds the penalties R1 and R2, as R3GAN "
                "does."
            ),
            (
                "Comparing alone does not make the game settle: A circles around the one point of the data as other "
                "losses do, B spirals in."
            ),
        ),
        (
            Settings(**_DIRAC, objective="relativistic"),
            Settings(**_DIRAC, objective="relativistic", penalties={"r1": 0.5, "r2": 0.5}),
        ),
        150,
        60.0,
    ),
)
"""In the order in which the page has them."""
