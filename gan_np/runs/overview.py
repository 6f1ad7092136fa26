"""A run folder, looked at: what it is, how far it got, its hints, curves and newest grid. A notebook shows it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_np.arrays import Array
from gan_np.display import png_of
from gan_np.files import open_image
from gan_np.notebook import html_table
from gan_np.registry import NotRegistered
from gan_np.training.algorithm import learning_rate_for

from . import checkpoint
from .about import read_about
from .config import Config
from .folder import read_config, read_settings
from .hints_file import read_hints
from .records import columns_of, read_records
from .stage_folders import has_stages, stage_folders

if TYPE_CHECKING:
    from PIL.Image import Image

CURVES = {
    "d_loss": "loss of D",
    "g_loss": "loss of G",
    "d_real_accuracy": "real called real",
    "d_fake_accuracy": "generated called generated",
    "auxiliary": "codes read back (loss)",
    "sample_spread": "spread of samples (real: 1)",
}
"""What a log may have for every step, or every so often, and how it is called where it is drawn."""
WIDTH, HEIGHT = 320, 48


def open_run(path: str | Path) -> RunOverview:
    """A run folder to look at, trained to its end or not; in a notebook it shows itself.

    >>> import gan_np as gn, numpy as np, tempfile
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = folder + "/run"
    ...     _ = gn.train(gn.models.mlp((8, 8, 1), 4, hidden=8), images, steps=2, batch_size=8, out=out, progress=False)
    ...     run = gn.open_run(out)
    ...     run.done, run.config.steps, run.hints, len(run.records)
    (2, 2, [], 2)

    A run that was trained with something of the user's own can be looked at without it; only `config` needs it registered.

    Raises:
        FileNotFoundError: not a run folder.
        ValueError, TypeError: its config.toml was damaged.
    """
    place = Path(path)
    found = RunOverview(place, read_settings(place))
    with contextlib.suppress(NotRegistered):
        _ = found.config
    return found


@dataclass(frozen=True)
class RunOverview:
    """What a run folder says of its training; what is in files is read when it is first asked for.

    path: the folder. settings: what its config.toml says, as it stands there.
    """

    path: Path
    settings: Mapping[str, Any]

    @cached_property
    def config(self) -> Config:
        """The settings as a training has them.

        Raises:
            NotRegistered: something of the user's own is named there whose module was not imported.
        """
        return read_config(self.path)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return read_records(self.path / "log.jsonl")

    @cached_property
    def hints(self) -> list[dict[str, Any]]:
        """What went wrong: "step", "hint" and "text" each."""
        return read_hints(self.path)

    @cached_property
    def stages(self) -> dict[str, RunOverview | None]:
        """Of a run of several stages, those by name, in their order, None for one that has not begun; empty for another."""
        if not has_stages(self.path):
            return {}
        return {
            folder.name: open_run(folder) if (folder / "config.toml").exists() else None
            for folder in stage_folders(self.path)
        }

    @property
    def done(self) -> int:
        """The last step in the log."""
        return int(self.records[-1]["step"]) if self.records else 0

    @property
    def checkpoints(self) -> list[Path]:
        """Files of checkpoints by step, oldest first."""
        return checkpoint.all_of(self.path)

    @property
    def title(self) -> str:
        """The folder, what was trained on what, how far."""
        model = self.settings.get("model") or "a GAN put together by hand"
        data = self.settings.get("data") or "an array"
        if self.stages:
            begun = sum(stage is not None for stage in self.stages.values())
            return f"{self.path}: {model} on {data}, {begun} of {len(self.stages)} stages begun"
        return f"{self.path}: {model} on {data}, step {self.done:,} of {self._steps:,}"

    @property
    def not_registered(self) -> str | None:
        """What the settings name first that is not registered here, as "objective 'mine'"; None where there is nothing."""
        try:
            _ = self.config
        except NotRegistered as error:
            name = str(error).removeprefix(f"{self.path / 'config.toml'}: ").partition(":")[0]
            return f"{name} {self.settings.get(name)!r}"
        return None

    @property
    def _steps(self) -> int:
        """The number of steps that were asked for."""
        try:
            return self.config.steps
        except NotRegistered:
            said = self.settings.get("steps", Config.steps)
            return said if isinstance(said, int) else self.done

    def changed_settings(self) -> dict[str, Any]:
        """Settings other than the defaults, by name, but for data and model.

        Where one names something that is not registered here: those that stand in the file with another value than the
        library's default, and all options of what it names.
        """
        try:
            config = self.config
        except NotRegistered:
            return self._changed_in_file()
        first, usual = Config(), Config(model=config.model, objective=config.objective, optimizer=config.optimizer)
        usual = dataclasses.replace(usual, **self._usual_rates())
        names = [name for name in config.to_mapping() if name not in ("data", "model")]
        return {
            name: config.value(name)
            for name in names
            if config.value(name) != (first if name in ("objective", "optimizer") else usual).value(name)
        }

    def _usual_rates(self) -> dict[str, Any]:
        """The learning rates that data of this shape have by default."""
        shape = tuple((read_about(self.path) or {}).get("data", {}).get("shape", (1, 1, 1)))
        return {f"{player}_learning_rate": learning_rate_for(shape, player) for player in ("g", "d")}

    def _changed_in_file(self) -> dict[str, Any]:
        usual = {"format": self.settings.get("format"), **Config().to_mapping(), **self._usual_rates()}
        return {
            name: value
            for name, value in self.settings.items()
            if name not in ("data", "model") and not (name in usual and usual[name] == value)
        }

    def curves(self) -> dict[str, tuple[Array, Array]]:
        """(steps, values) of each curve that the log has, under the name by which it is shown."""
        found = {}
        for name, title in CURVES.items():
            records = [record for record in self.records if name in record]
            if records:
                columns = columns_of([{"step": record["step"], name: record[name]} for record in records])
                found[title] = columns["step"], columns[name]
        return found

    def grid(self) -> Image | None:
        """The newest grid of samples; None where there is none.

        Raises:
            ValueError: its file is damaged.
        """
        place = self.path / "samples.png"
        if not place.exists():
            return None
        image: Image = open_image(place)
        return image

    def __repr__(self) -> str:
        return f"<Run {self.title}>"

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self.title)}</b></p>"]
        changed = ", ".join(f"{name}={value!r}" for name, value in self.changed_settings().items())
        parts.append(f"<p>settings other than the defaults: {escape(changed or 'none')}</p>")
        parts += [f"<p>hint, step {hint['step']:,}: {escape(hint['text'])}</p>" for hint in self.hints]
        rows = [(title, f"{values[-1]:.3g}", *_ends(values)) for title, (_, values) in self.curves().items()]
        if rows:
            drawn = [_svg(steps, values) for steps, values in self.curves().values()]
            table = html_table(("", "last", "least", "greatest"), rows, numbers=(1, 2, 3))
            parts.append(_beside(table, drawn))
        parts += [stage._repr_html_() for stage in self.stages.values() if stage is not None]
        try:
            image = self.grid()
        except ValueError as error:
            parts.append(f"<p>grid: {escape(str(error))}</p>")
        else:
            if image is not None:
                data = base64.b64encode(png_of(image)).decode()
                parts.append(f'<img alt="newest samples" style="max-width: 32rem" src="data:image/png;base64,{data}">')
        return "".join(parts)


def _ends(values: Array) -> tuple[str, str]:
    finite = values[np.isfinite(values)]
    return (f"{finite.min():.3g}", f"{finite.max():.3g}") if len(finite) else ("?", "?")


def _beside(table: str, drawn: list[str]) -> str:
    """A table with a drawing as the last cell of each row."""
    head, *rows = table.split("<tr>")
    heading, *lines = rows
    heading = heading.replace("</tr>", "<th></th></tr>", 1)
    lines = [line.replace("</tr>", f"<td>{svg}</td></tr>", 1) for line, svg in zip(lines, drawn, strict=True)]
    return "<tr>".join([head, heading, *lines])


def _svg(steps: Array, values: Array) -> str:
    """A curve over the steps, means of many as one point each."""
    parts = min(len(values), WIDTH // 2)
    x = np.array([part.mean() for part in np.array_split(steps, parts)])
    y = np.array([part.mean() for part in np.array_split(values, parts)])
    shown = np.isfinite(y)
    x, y = x[shown], y[shown]
    if not len(y):
        return ""
    across = 4 + (WIDTH - 8) * (x - steps[0]) / max(steps[-1] - steps[0], 1)
    down = HEIGHT - 4 - (HEIGHT - 8) * (y - y.min()) / (np.ptp(y) or 1)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}"><polyline fill="none" stroke="#2b6cb0" stroke-width="1.5" '
        f'points="{points}"/></svg>'
    )
