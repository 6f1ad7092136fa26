"""A run folder while it trains: what is new in its log since the last look, its grids, hints and settings."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np

from gan_np.files import open_image, regular
from gan_np.registry import NotRegistered
from gan_np.runs import open_run
from gan_np.runs.hints_file import read_hints
from gan_np.runs.lock import HOLDER
from gan_np.runs.plane import moments, read_moment
from gan_np.runs.stage_folders import has_stages, stage_folders

from .plane import sent

POINTS = 500
"""A curve is sent as at most so many points, each the mean of those that lie together."""
MOST_AT_ONCE = 1 << 24
"""Bytes of a log that one look takes in."""


class Watched:
    """A run folder; each look reads only what was added to its log, so that it costs the training beside it little."""

    def __init__(self, path: str | Path) -> None:
        self.path, self._lock = Path(path), threading.Lock()
        self._begin()
        self._settings: tuple[float, dict[str, Any]] = (-1.0, {})

    def _begin(self) -> None:
        self._offset, self._rest = 0, b""
        self._columns: dict[str, tuple[list[float], list[float]]] = {}
        self._last: dict[str, Any] = {}

    def look(self) -> dict[str, Any]:
        """What there is now: "name", "there", "training", "step", "seconds", "steps", "settings", "curves" (of each name the
        steps and the values), "hints", "grids" and "planes" (the steps of which there is one)."""
        if not self.path.is_dir():
            return {"name": self.path.name, "there": False}
        with self._lock:  # two pages may look at once
            self._read_on()
            return self._told()

    def _told(self) -> dict[str, Any]:
        return {
            "name": self.path.name or str(self.path),
            "there": True,
            "training": (self.path / HOLDER).exists(),
            "step": self._last.get("step", 0),
            "seconds": self._last.get("seconds", 0.0),
            "settings": self._changed(),
            "curves": {name: thinned(*column) for name, column in self._columns.items()},
            "hints": [{"step": hint["step"], "text": hint["text"]} for hint in read_hints(self.path)],
            "grids": self.grids(),
            "planes": moments(self.path),
        }

    def grids(self) -> list[int]:
        """The steps of which there is a grid of the fixed z."""
        names = (path.stem[5:] for path in (self.path / "samples").glob("step-*.png"))
        return sorted(int(name) for name in names if name.isdecimal() and len(name) < 16)

    def grid(self, step: int) -> Any:
        """The grid of a step as Pillow's image.

        Raises:
            FileNotFoundError: there is none. ValueError: it is damaged, or leads out of the run.
        """
        place = self.path / "samples" / f"step-{step:06}.png"
        if not place.resolve().is_relative_to(self.path.resolve()):
            raise ValueError(f"grid: that of step {step} is a link that leads out of the run")
        return open_image(place)

    def plane(self, step: int) -> dict[str, Any]:
        """Points of the plane at a step, see `read_moment`, as the page is sent them."""
        return sent(read_moment(self.path, step))

    def _read_on(self) -> None:
        try:
            log = regular(self.path / "log.jsonl")
            size = log.stat().st_size
            if size < self._offset:  # a training that went on from an older checkpoint cut it
                self._begin()
            with log.open("rb") as file:
                file.seek(self._offset)
                read = file.read(MOST_AT_ONCE)
        except (OSError, ValueError):
            return
        self._offset += len(read)
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        """One line of the log; one that is damaged is passed over."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(record, dict) or type(record.get("step")) is not int:
            return
        step = record["step"]
        if step <= self._last.get("step", -1):  # steps that were done again
            for steps, values in self._columns.values():
                while steps and steps[-1] >= step:
                    steps.pop()
                    values.pop()
        self._last = record
        for name, value in record.items():
            if name not in ("step", "seconds") and type(value) in (int, float) and math.isfinite(value):
                steps, values = self._columns.setdefault(name, ([], []))
                steps.append(step)
                values.append(float(value))

    def _changed(self) -> dict[str, Any]:
        """The settings other than the defaults, with data, model and steps; read again when their file is another."""
        try:
            written = (self.path / "config.toml").stat().st_mtime
            if written != self._settings[0]:
                opened = open_run(self.path)
                found = {name: opened.settings.get(name) for name in ("data", "model", "steps")}
                found |= opened.changed_settings()
                self._settings = written, {name: _plain(value) for name, value in found.items()}
        except (OSError, ValueError, TypeError, NotRegistered):
            return self._settings[1]
        return self._settings[1]


def _plain(value: Any) -> Any:
    """A setting as JSON has it: numbers as they are, all else as text."""
    finite = type(value) in (int, bool) or (type(value) is float and math.isfinite(value))
    return value if finite else str(value)


def thinned(steps: list[float], values: list[float]) -> list[list[float]]:
    """A curve as at most `POINTS` points."""
    if len(steps) <= POINTS:
        return [list(steps), list(values)]
    parts = np.array_split(np.arange(len(steps)), POINTS)
    x, y = np.asarray(steps, float), np.asarray(values, float)
    return [[float(axis[part].mean()) for part in parts] for axis in (x, y)]


def watched_runs(paths: list[Path]) -> list[Watched]:
    """The folders that the page looks at: each run, of one of several stages each of them."""
    return [Watched(folder) for path in paths for folder in (stage_folders(path) if has_stages(path) else [path])]
