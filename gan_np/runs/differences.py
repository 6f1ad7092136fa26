"""Runs side by side: the settings in which they differ, and what was measured of each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_np.checks import shown
from gan_np.notebook import html_table
from gan_np.registry import NotRegistered

from .overview import RunOverview, open_run
from .run_figures import RunFigure, facts_of, figures_of

MISSING = "–"
"""Shown where a run has no such setting (its model has none, say) or no such figure."""


@dataclass(frozen=True)
class Setting:
    """value: as config.toml has it; None stands for nothing. default: it does not stand there, so it is the default."""

    value: Any
    default: bool = False

    def __str__(self) -> str:
        text = written(self.value)
        return f"{text} (default)" if self.default else text


def written(value: Any) -> str:
    """A value of a setting in words; "none" stands for nothing.

    >>> written(True), written([]), written(["colour", "cutout"]), written(0.5)
    ('true', 'none', 'colour, cutout', '0.5')
    """
    if value is None or value in ("", []):
        return "none"
    if isinstance(value, list):
        return ", ".join(map(written, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class RunDifferences:
    """Runs side by side, see `diff`; a notebook shows it as a table.

    names: what the runs are called, in order: their paths, without the folder that they share.
    settings: for each setting that any run has, what it is in each; None where a run has no such setting.
    figures: for each figure that any run has, what it is in each. facts: on what figures were measured, likewise.
    """

    names: tuple[str, ...]
    settings: Mapping[str, tuple[Setting | None, ...]]
    figures: Mapping[str, tuple[RunFigure | None, ...]]
    facts: Mapping[str, tuple[str | None, ...]]

    @property
    def differing(self) -> dict[str, tuple[Setting | None, ...]]:
        """The settings that are not the same in all runs."""
        return {
            name: cells
            for name, cells in self.settings.items()
            if any((cell and cell.value) != (cells[0] and cells[0].value) for cell in cells)
            or len({cell is None for cell in cells}) > 1
        }

    def rows(self, *, all_settings: bool = False) -> dict[str, list[tuple[str, ...]]]:
        """Two tables as texts, "settings" and "figures": a row begins with its name and has a cell for each run.

        all_settings: also the settings that are the same in all runs.
        """
        facts = {name: cells for name, cells in self.facts.items() if len(set(cells) - {None}) > 1}
        settings = self.settings if all_settings else self.differing
        return {
            "settings": [(name, *_texts(cells)) for name, cells in settings.items()],
            "figures": [(name, *_texts(cells)) for name, cells in (*self.figures.items(), *facts.items())],
        }

    def to_mapping(self, *, all_settings: bool = False) -> dict[str, Any]:
        """For JSON: for each run its name, the settings that differ, which of them are defaults, and its figures.

        A setting or a figure that a run has not is left out.
        """
        settings = self.settings if all_settings else self.differing
        runs = []
        for number, name in enumerate(self.names):
            own = {key: cells[number] for key, cells in settings.items()}
            figures = {key: cells[number] for key, cells in self.figures.items()}
            runs.append(
                {
                    "run": name,
                    "settings": {key: cell.value for key, cell in own.items() if cell is not None},
                    "defaults": [key for key, cell in own.items() if cell is not None and cell.default],
                    "figures": {key: figure.to_mapping() for key, figure in figures.items() if figure is not None},
                    "measured_on": {
                        key: cells[number] for key, cells in self.facts.items() if cells[number] is not None
                    },
                }
            )
        return {"runs": runs}

    def _repr_html_(self) -> str:
        rows = [row for part in self.rows().values() for row in part]
        return html_table(("", *self.names), rows, numbers=tuple(range(1, len(self.names) + 1)))


def _texts(cells: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(MISSING if cell is None else str(cell) for cell in cells)


def diff(*runs: str | Path) -> RunDifferences:
    """In which settings runs differ, and what was measured of each.

    Settings are those of their config.toml, read as a run that goes on reads them: what an older version wrote counts as
    what it means now, and what does not stand there is its default. See `figures_of` of `gan_np.runs.run_figures` for the
    figures.

    runs: folders of two runs or more.

    >>> import gan_np as gn, numpy as np, tempfile
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for rate in (1e-3, 2e-3):
    ...         gan = gn.models.mlp((8, 8, 1), 4, hidden=8)
    ...         out = f"{folder}/rate-{rate}"
    ...         _ = gn.train(gan, images, steps=2, batch_size=8, g_learning_rate=rate, out=out, progress=False)
    ...     found = gn.runs.diff(f"{folder}/rate-0.001", f"{folder}/rate-0.002")
    >>> found.names, found.rows()["settings"]
    (('rate-0.001', 'rate-0.002'), [('g_learning_rate', '0.001', '0.002')])
    >>> found.rows()["figures"][0]
    ('steps done', '2 of 2', '2 of 2')

    Raises:
        ValueError: fewer than two runs, or one of them twice; a config.toml was damaged.
        FileNotFoundError: not a run folder. TypeError: not a path.
    """
    for run in runs:
        if not isinstance(run, str | os.PathLike):
            raise TypeError(f"runs: expected the folders one after another, as in diff('a', 'b'), got {shown(run)}")
    places = [Path(run) for run in runs]
    if len(places) < 2:
        raise ValueError(f"runs: expected two run folders or more, got {shown([str(place) for place in places])}")
    opened = [open_run(place) for place in places]
    resolved = [place.resolve() for place in places]
    twice = next((str(place) for place, real in zip(places, resolved, strict=True) if resolved.count(real) > 1), None)
    if twice is not None:
        raise ValueError(f"runs: {twice} is given twice; expected different runs")
    settings = [_settings_of(run) for run in opened]
    figures = [figures_of(run) for run in opened]
    facts = [facts_of(run) for run in opened]
    return RunDifferences(tuple(_names(places)), _beside(settings), _beside(figures), _beside(facts))


def _settings_of(run: RunOverview) -> dict[str, Setting]:
    """All settings of a run; where one names something that is not registered here, those that stand in the file."""
    given = {name: value for name, value in run.settings.items() if name != "format"}
    try:
        config = run.config
    except NotRegistered:
        return {name: Setting(value) for name, value in given.items()}
    names = [*config.settings(), *config.options]
    return {name: Setting(config.value(name), name not in given) for name in names}


def _beside(parts: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """For each name that one of them has, in the order in which they have them, what each has under it."""
    names: list[str] = []
    for part in parts:
        place = 0
        for name in part:  # a name that others have not stands behind the one before it
            if name in names:
                place = names.index(name) + 1
            else:
                names.insert(place, name)
                place += 1
    return {name: tuple(part.get(name) for part in parts) for name in names}


def _names(places: list[Path]) -> list[str]:
    """Paths without the folder in which all of them lie, if they differ without it."""
    full = [os.path.normpath(place) for place in places]
    parents = {os.path.dirname(place) for place in full}
    short = [os.path.basename(place) for place in full]
    return short if len(parents) == 1 and len(set(short)) == len(short) and "" not in short else full
