"""What one page plays: one game, or two side by side that move together."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from gan_np.arrays import Array

from .game import Game
from .settings import Settings

MOST_SIDES = 2
FASTEST = 1000.0
"""Steps a second that can be asked for; more than any machine does, so: as fast as it goes."""
SLOW = 5.0
"""Up to so many steps a second D and G move by turns that can be seen."""
UNSEEN = 3.0
"""Seconds without a question for a frame after which a game rests: nobody looks."""
UNIT = 2048
"""A coordinate in a frame is a whole number, this many for 1; beyond ±16 it is cut."""
MADE_UP = 0.25
"""Seconds of lost time that are made up for by steps without a pause between them."""


class Session:
    """One or two games from the same step, with a clock.

    speed: steps a second that are wanted. At most 5 of them: D's updates and G's take turns of their own.
    """

    def __init__(self, settings: Sequence[Settings]) -> None:
        if not 1 <= len(settings) <= MOST_SIDES:
            raise ValueError(f"sides: expected 1 or {MOST_SIDES} settings, got {len(settings)}")
        self.games = [Game(one) for one in settings]
        self.playing, self.speed = False, 60.0
        self.moved = ""
        """Who moved last: "d", "g", or "" where both did."""
        self._next, self._seen = 0.0, 0.0

    @property
    def steps(self) -> int:
        """Steps so far."""
        return self.games[0].steps

    def play(self, playing: bool, speed: float, now: float) -> None:
        """Begin or stop moving by itself."""
        self.playing, self.speed, self._next, self._seen = playing, speed, now, now

    def wait(self, now: float) -> float | None:
        """As the worker asks."""
        if not self.playing or now - self._seen > UNSEEN or any(game.fault for game in self.games):
            return None
        return self._next - now

    def turn(self, now: float) -> None:
        """The step that is due, or one update in slow motion."""
        slow = self.speed <= SLOW
        every = 1 / self.speed / (2 if slow else 1)
        self._next = max(self._next, now - MADE_UP) + every
        if slow:
            self.update(self.games[0].next_player)
        else:
            self.moved = ""
            for game in self.games:
                _move(game.step)

    def update(self, player: str) -> None:
        """One update of a player in every game ("d" or "g"); of D all k of a step where it takes turns; "both": a step."""
        self.moved = "" if player == "both" else player
        for game in self.games:
            _move(game.step if player == "both" else lambda game=game: game.update(player))

    def change(self, settings: Sequence[Settings]) -> bool:
        """Go on with other settings; False where one of them needs a new game, and nothing changed.

        Raises:
            ValueError, TypeError: settings that do not go together.
        """
        if len(settings) != len(self.games):
            return False
        before = [game.settings for game in self.games]
        for number, (game, one) in enumerate(zip(self.games, settings, strict=True)):
            if one == game.settings:
                continue
            try:
                changed = game.change(one)
            except (ValueError, TypeError):
                self._back(before[:number])
                raise
            if not changed:
                self._back(before[:number])
                return False
        return True

    def _back(self, before: Sequence[Settings]) -> None:
        for game, one in zip(self.games, before, strict=False):
            if game.settings != one:
                game.change(one)

    def about(self) -> dict[str, Any]:
        """What does not change from frame to frame: of each side the data, modes, their reach and the numbers of weights."""
        return {
            "sides": [
                {
                    "settings": game.settings.plain(),
                    "data": _rounded(game.data.points[:600]),
                    "modes": _rounded(game.data.modes),
                    "reach": game.data.reach,
                    "parameters": [len(game.gan.generator.parameters), len(game.gan.discriminator.parameters)],
                }
                for game in self.games
            ]
        }

    def frame(self, now: float, *, history: bool = True) -> bytes:
        """What is drawn now: a header in JSON after its length (uint32, little-endian), then arrays in the header's order.

        Of each side: field, uint16 from 0 to 65535; lattice, samples and arrows, int16 in units of 1/2048; with `history`
        its curves, float32. What is not finite, after a fault, is left out.
        """
        self._seen = now
        sides: list[dict[str, Any]] = []
        parts: list[Array] = []
        for game in self.games:
            snapshot = game.snapshot()
            there = np.isfinite(snapshot.samples).all(axis=1) & np.isfinite(snapshot.arrows).all(axis=1)
            arrays = {
                "field": np.round(65535 * np.nan_to_num(snapshot.field, nan=0.5)).astype(np.uint16),
                "lattice": _whole(snapshot.lattice[: len(snapshot.lattice) * np.isfinite(snapshot.lattice).all()]),
                "samples": _whole(snapshot.samples[there]),
                "arrows": _whole(snapshot.arrows[there]),
            }
            if history:
                arrays["history"] = game.history.table()
            parts += arrays.values()
            last = game.history.rows[-1]
            sides.append(
                {
                    "d_loss": _finite(game.d_loss),
                    "g_loss": _finite(game.g_loss),
                    "modes": int(last[3]),
                    "near": last[4],
                    "distance": _finite(last[5]),
                    "arrow": _finite(last[6]),
                    "fault": game.fault,
                    "arrays": [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()],
                }
            )
        header = {
            "step": self.steps,
            "playing": self.playing,
            "moved": self.moved,
            "unit": UNIT,
            "sides": sides,
        }
        text = json.dumps(header).encode()
        return b"".join([struct.pack("<I", len(text)), text, *(part.tobytes() for part in parts)])


def _move(act: Any) -> None:
    with contextlib.suppress(ArithmeticError):  # the game says so itself
        act()


def _whole(points: Array) -> Array:
    limit = np.iinfo(np.int16).max
    found: Array = np.clip(np.round(points * UNIT), -limit, limit).astype(np.int16)
    return found


def _rounded(points: Array) -> list[Any]:
    found: list[Any] = np.round(points.astype(np.float64), 3).tolist()
    return found


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
