"""Images of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_np.arrays import Array

from .recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """A figure of so many inches that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """As a file; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def scatter(means: Array, samples: Array, path: Path, title: str = "") -> None:
    """Samples in the plane, over crosses at the modes."""
    figure = new_figure(4, 4)
    axes = figure.add_subplot()
    limit = 1.3 * float(abs(means).max())
    axes.scatter(means[:, 0], means[:, 1], marker="x", color="tab:red", linewidths=1, zorder=1)
    axes.scatter(samples[:, 0], samples[:, 1], s=3, color="black", alpha=0.3, linewidths=0, zorder=2)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", title=title)
    save(figure, path)


def progress(recipe: Recipe, found: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Each measure over the updates of each run; a dot where a run was measured once."""
    figure = new_figure(4.5 * len(recipe.measures), 3.5)
    for place, (name, measure) in enumerate(recipe.measures.items()):
        axes = figure.add_subplot(1, len(recipe.measures), place + 1)
        for number, (case, records) in enumerate(found.items()):
            for index, record in enumerate(records):
                history = record.get("history") or [{"update": record["updates"], **record["values"]}]
                points = [
                    (each["update"], measure.factor * each[name]) for each in history if each.get(name) is not None
                ]
                if points:
                    label = recipe.cases[case] if index == 0 else None
                    axes.plot(*zip(*points, strict=True), marker=".", color=f"C{number}", label=label)
        axes.set(xlabel="updates", ylabel=measure.title)
    figure.axes[0].legend(fontsize="small")
    figure.suptitle(recipe.title)
    save(figure, path)
