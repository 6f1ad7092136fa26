"""Curves of a training."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gan_np.arrays import Array
from gan_np.files import write_atomically
from gan_np.metrics.registered import metric_of

from .records import columns_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def smooth(values: Array, window: int) -> Array:
    """Mean over the last `window` values (fewer at the start)."""
    total = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    mean: Array = (total[ends] - total[starts]) / (ends - starts)
    return mean


def plot_losses(records: list[dict[str, Any]], path: str | Path, blind_loss: float | None = None) -> Path:
    """Both players' losses above, D's accuracy on real and on fake below (where there is one), each faint and as a running
    mean.

    records: the lines of a log, at least one. blind_loss: of a D that gives all images one score, a line.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = columns_of(records)
    steps = columns["step"]
    window = max(1, len(steps) // 50)
    judged = "d_real_accuracy" in columns and "d_fake_accuracy" in columns
    figure = Figure(figsize=(8, 6 if judged else 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 if judged else 1, 1, sharex=True, squeeze=False)[:, 0]
    above, below = panels[0], panels[-1]
    curves = [(above, "d_loss", "D", "tab:blue"), (above, "g_loss", "G", "tab:orange")]
    if judged:
        curves.append((below, "d_real_accuracy", "real called real", "tab:green"))
        curves.append((below, "d_fake_accuracy", "generated called generated", "tab:red"))
    for axes, name, label, colour in curves:
        axes.plot(steps, columns[name], color=colour, alpha=0.2, linewidth=0.8)
        axes.plot(steps, smooth(columns[name], window), color=colour, label=label)
    if blind_loss is not None:
        label = f"{blind_loss:.3g}: where D cannot tell"
        above.axhline(blind_loss, color="black", linewidth=1, linestyle=":", label=label)
    above.set_ylabel("loss")
    if judged:
        below.set_ylabel("D's accuracy")
        below.set_ylim(-0.02, 1.02)
    below.set_xlabel(f"step (lines: mean over {window})")
    for axes in panels:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
        axes.grid(alpha=0.3)
    return write_atomically(path, _png(figure))


def plot_evaluations(records: Sequence[Mapping[str, Any]], path: str | Path | IO[bytes], prefix: str = "") -> bool:
    """One small plot for each figure over the steps, to a file or an open one; False where there is nothing to draw.

    records: a step and figures each, their names beginning with `prefix`; those without figures are passed over.
    """
    found = [record for record in records if any(_is_figure(name, prefix) for name in record)]
    if not found or importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in found[0] if _is_figure(name, prefix)]
    across = min(4, len(names))
    down = math.ceil(len(names) / across)
    figure = Figure(figsize=(3 * across, 2.1 * down), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(down, across, squeeze=False).ravel()
    steps = [record["step"] for record in found]
    for axes, name in zip(places, names, strict=False):
        axes.plot(steps, [record.get(name, math.nan) for record in found], marker=".", color="tab:blue")
        axes.set_title(metric_of(name.removeprefix(prefix)).short, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    for axes in places[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel("step", fontsize=9)
    if isinstance(path, str | Path):
        write_atomically(path, _png(figure))
    else:
        path.write(_png(figure))
    return True


def _png(figure: Figure) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=120, format="png")
    return drawn.getvalue()


def _is_figure(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name not in ("step", "seconds")
