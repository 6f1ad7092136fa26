"""Samples as an image: a grid of images; of vectors points of the plane, histograms or curves, over real ones."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_np.arrays import Array, generator
from gan_np.data.images import save_grid
from gan_np.files import write_atomically
from gan_np.printable import printable
from gan_np.training.sources import Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 2000
"""At most so many points are drawn of the samples, and of the real data."""
MOST_HISTOGRAMS = 16
CURVES = 12
_REAL, _MADE = "0.6", "tab:blue"


def draw(samples: Array, real: Array | None, path: Path, columns: Sequence[str] | None = None) -> Path | None:
    """Samples as a PNG: images (N, H, W, C) as a grid, vectors (N, m) as `draw_vectors`.

    real: real data to draw vectors over. None where vectors cannot be drawn, since matplotlib is not installed.
    """
    if samples.ndim == 4:
        return save_grid(samples, path)
    drawn = draw_vectors(samples, real, columns)
    return None if drawn is None else write_atomically(path, drawn.getvalue())


def real_to_draw(source: Source) -> Array:
    """The real vectors that samples are drawn over."""
    return source.some(POINTS, generator(0, 3)).images


def draw_vectors(samples: Array, real: Array | None, columns: Sequence[str] | None = None) -> io.BytesIO | None:
    """A PNG of vectors (N, m) in blue, over real ones in grey; None where matplotlib is not installed.

    m = 2: points of the plane. m up to 16: a histogram for each column. More: the first vectors as curves over their index.
    The axes are those of the real data, so that plots of one training can be compared.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = samples.shape[1]
    names = [printable(name) for name in columns] if columns is not None else [f"x{k + 1}" for k in range(size)]
    samples = samples[:POINTS]
    if real is not None:
        real = real[np.sort(generator(0, 3).permutation(len(real))[:POINTS])]
    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    if size == 2:
        _points(figure.subplots(), samples, real, names)
    elif size <= MOST_HISTOGRAMS:
        _histograms(figure, samples, real, names)
    else:
        _curves(figure, samples, real)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100, format="png")
    return drawn


def _points(axes: Axes, samples: Array, real: Array | None, names: Sequence[str]) -> None:
    if real is not None:
        axes.scatter(real[:, 0], real[:, 1], s=4, color=_REAL, linewidths=0, label="real")
        axes.set_xlim(*_limits(real[:, 0]))
        axes.set_ylim(*_limits(real[:, 1]))
    axes.scatter(samples[:, 0], samples[:, 1], s=4, color=_MADE, linewidths=0, label="generated")
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, markerscale=3)


def _histograms(figure: Figure, samples: Array, real: Array | None, names: Sequence[str]) -> None:
    across = math.ceil(math.sqrt(len(names)))
    down = math.ceil(len(names) / across)
    figure.set_size_inches(2.2 * across, 1.8 * down)
    places = figure.subplots(down, across, squeeze=False).ravel()
    for column, (axes, name) in enumerate(zip(places, names, strict=False)):
        edges = np.linspace(*_limits(samples[:, column] if real is None else real[:, column]), 41)
        if real is not None:
            axes.hist(real[:, column], edges, color=_REAL, weights=np.full(len(real), 1 / len(real)))
        # Shares of all samples: none may lie where the real data do.
        axes.hist(
            samples[:, column], edges, color=_MADE, weights=np.full(len(samples), 1 / len(samples)), histtype="step"
        )
        axes.set_title(name, fontsize=8)
        axes.set_yticks([])
        axes.tick_params(labelsize=6)
    for axes in places[len(names) :]:
        axes.set_visible(False)


def _curves(figure: Figure, samples: Array, real: Array | None) -> None:
    axes = figure.subplots()
    if real is not None:
        axes.plot(real[:CURVES].T, color=_REAL, linewidth=0.8)
        axes.set_ylim(*_limits(real))
    axes.plot(samples[:CURVES].T, color=_MADE, linewidth=0.8)
    axes.set_xlabel("index")
    axes.set_title("generated (blue), real (grey)", fontsize=9)


def _limits(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.1 * (high - low) or 1.0
    return low - room, high + room


def write_vectors(samples: Array, path: str | Path, columns: Sequence[str] | None = None) -> Path:
    """Vectors (N, m) as text, a row a line, as many digits as their dtype needs; the first line names the columns."""
    return write_atomically(path, text_of_vectors(samples, columns).encode())


def text_of_vectors(samples: Array, columns: Sequence[str] | None = None, *, header: bool = True) -> str:
    """The lines of `write_vectors`; header: the first of them, too."""
    names = columns or [f"x{k + 1}" for k in range(samples.shape[1])]
    digits = 1 + math.ceil((np.finfo(samples.dtype).nmant + 1) * math.log10(2))  # 9 and 17: the numbers come back
    written = io.StringIO()
    if header:
        written.write(",".join(_cell(name) for name in names) + "\n")
    np.savetxt(written, samples, f"%.{digits}g", delimiter=",")
    return written.getvalue()


def _cell(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'"{quoted}"' if any(mark in name for mark in ',"\n\r') else name
