"""Images of measurements, readable without the text: what was measured, in which unit, on which machine."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .machine import one_line
from .report import short
from .roofs import Rates
from .timing import Spread

MUCH = 20
"""A plot whose values differ by more than this factor has a logarithmic axis."""

LEGEND = 120
"""Letters of a legend that has room for four entries in a line."""

READING = "Dots are medians, bars the middle half of the rounds; left is faster."


class Dot(NamedTuple):
    """One measurement in a plot of dots: a line of its own, coloured by series."""

    label: str
    series: str
    value: Spread
    note: str = ""


class Line(NamedTuple):
    """Measurements that a quantity orders."""

    name: str
    places: Sequence[float]
    values: Sequence[Spread]
    fit: Callable[[float], float] | None = None
    """A law through them, drawn as a dashed line."""


class Panel(NamedTuple):
    """One pair of logarithmic axes."""

    title: str
    quantity: str
    lines: Sequence[Line]


def save_dots(
    path: Path,
    title: str,
    dots: Sequence[Dot],
    machine: dict[str, Any],
    *,
    quantity: str = "milliseconds",
    unit: str = "ms",
    reading: str = READING,
) -> None:
    """Medians as dots with their quartiles, one row for each label; the axis is logarithmic where values differ by much."""
    labels, series = (list(dict.fromkeys(getattr(dot, name) for dot in dots)) for name in ("label", "series"))
    beside = {label: [dot.series for dot in dots if dot.label == label] for label in labels}
    foot = _foot(f"{reading} {one_line(machine)}", 185)
    each = max(len(found) for found in beside.values())
    lines = len(labels) * max(1.0, 0.45 * each)
    figure = _figure(10, 1.4 + 0.34 * lines + 0.17 * len(foot))
    axes = figure.add_subplot()
    for index, name in enumerate(series):
        own = [dot for dot in dots if dot.series == name]
        places = []
        for dot in own:
            others = beside[dot.label]
            places.append(labels.index(dot.label) + (others.index(name) - (len(others) - 1) / 2) * 0.7 / each)
        values = [dot.value for dot in own]
        errors = [[v.median - v.low for v in values], [v.high - v.median for v in values]]
        colour = f"C{index % 10}"
        axes.errorbar(
            [v.median for v in values], places, xerr=errors, fmt="o", markersize=5, capsize=2, color=colour, label=name
        )
        for place, dot in zip(places, own, strict=True):
            axes.annotate(
                f"{short(dot.value.median)} {unit}{'  ' + dot.note if dot.note else ''}",
                (dot.value.high, place),
                xytext=(7, 0),
                textcoords="offset points",
                fontsize=7.5,
                va="center",
                color=colour,
            )
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    low, high = min(d.value.low for d in dots), max(d.value.high for d in dots)
    room = 1 + 0.012 * max(len(dot.note) for dot in dots)
    logarithmic = high > MUCH * low > 0
    if logarithmic:
        margin = (high / low) ** 0.1 * 1.1
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlim(low / margin, high * margin ** (2.5 * room))  # room for the labels
    else:
        axes.set_xlim(0, (0.25 + room) * high)
    axes.set_xlabel(f"{quantity}{' (logarithmic)' if logarithmic else ''}")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(axis="x", which="both", alpha=0.25)
    for place in range(1, len(labels)):
        axes.axhline(place - 0.5, color="0.85", linewidth=0.7)
    if len(dots) > len(labels):
        columns = 4 if sum(map(len, series)) < LEGEND else 2
        figure.legend(loc="outside upper right", ncols=min(len(series), columns), fontsize=8)
    _save(figure, path, foot)


def save_lines(
    path: Path,
    title: str,
    panels: Sequence[Panel],
    machine: dict[str, Any],
    *,
    quantity: str,
    reading: str | None = None,
) -> None:
    """Panels side by side, both axes logarithmic: a power law is a straight line.

    reading: how to read them; None: as measured times, and power laws where lines have a fit."""
    from matplotlib.ticker import LogLocator

    fitted = any(line.fit is not None for panel in panels for line in panel.lines)
    if reading is None:
        laws = ", dashed lines power laws fitted to them" if fitted else ""
        reading = f"Dots are medians, bars the middle half of the rounds{laws}; lower is faster."
    foot = _foot(f"{reading} {one_line(machine)}", 60 * max(2, len(panels)))
    figure = _figure(max(7.0, 3.6 * len(panels)), 4.6 + 0.17 * len(foot))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    for axes, panel in zip(grid, panels, strict=True):
        for line in panel.lines:
            colour = f"C{names.index(line.name) % 10}"
            errors = [[v.median - v.low for v in line.values], [v.high - v.median for v in line.values]]
            axes.errorbar(
                line.places,
                [v.median for v in line.values],
                yerr=errors,
                fmt="o" if fitted else "o-",
                linewidth=1,
                markersize=4,
                capsize=2,
                color=colour,
                label=line.name,
            )
            if line.fit is not None:
                ends = min(line.places), max(line.places)
                axes.plot(ends, [line.fit(end) for end in ends], "--", color=colour, linewidth=1)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.tick_params(axis="y", which="both", labelsize=7)
        axes.grid(which="both", alpha=0.25)
        axes.set_title(panel.title, loc="left", fontsize=9)
        axes.set_xlabel(f"{panel.quantity} (logarithmic)")
    grid[0].set_ylabel(f"{quantity} (logarithmic)")
    handles, labels = grid[0].get_legend_handles_labels()
    if len(title) + sum(map(len, names)) < TOP * len(panels):
        figure.legend(handles, labels, loc="outside upper right", ncols=min(len(names), 5), fontsize=8)
    else:
        grid[0].legend(handles, labels, loc="upper left", fontsize=8)
    _save(figure, path, foot)


TOP = 40
"""Characters of title and legend that have room over a panel of `save_lines`; with more the legend stands in the first."""


NAME = 0.05
"""How much of an axis the name of a roof takes."""


def save_roofline(
    path: Path,
    title: str,
    points: Sequence[tuple[str, str, float, float]],
    streams: Sequence[tuple[str, str, float]],
    rates: Rates,
    machine: dict[str, Any],
) -> None:
    """Arithmetic under its roof to the left, work that only moves memory as bars to the right; what there is none of is
    left out.

    points: (label, series, FLOP/byte, GFLOP/s).
    streams: (label, series, GB/s).
    rates: `roofs.Rates`.
    """
    foot = _foot(
        "GFLOP/s and bytes are those of what was really done, every array once. Roofs are the highest of the run, by "
        "compiled "
        "loops on as many threads; a line for each level of memory. " + one_line(machine),
        200,
    )
    key = list(dict.fromkeys(point[0] for point in points))
    shown = {"points": 1.5, "key": 0.45, "streams": 1.0}
    for name, lacking in (("points", not points), ("key", not points), ("streams", not streams and bool(points))):
        if lacking:
            del shown[name]
    height = max(6.0, 2.2 + 0.19 * max(len(streams), len(key))) if points else 2.6 + 0.19 * len(streams)
    figure = _figure(13 if len(shown) > 1 else 9, height + 0.17 * len(foot))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    drawn = figure.subplots(1, len(shown), width_ratios=list(shown.values()), squeeze=False)[0]
    panels = dict(zip(shown, drawn, strict=True))
    series = list(dict.fromkeys([point[1] for point in points] + [stream[1] for stream in streams]))
    colours = {name: f"C{index % 10}" for index, name in enumerate(series)}
    if points:
        _roof(panels["points"], points, key, colours, rates)
        panels["key"].axis("off")
        text = "\n".join(f"{number}  {label}" for number, label in enumerate(key, start=1))
        place = panels["key"].transAxes
        panels["key"].text(0, 1, text, transform=place, ha="left", va="top", fontsize=6.5, color="0.25")
    if "streams" in panels:
        _bars(panels["streams"], streams, colours, rates)
    handles = [drawn[0].plot([], [], "o", color=colours[name], label=name)[0] for name in series]
    figure.legend(handles=handles, loc="outside upper right", ncols=6, fontsize=8)
    _save(figure, path, foot)


def _roof(
    axes: Any,
    points: Sequence[tuple[str, str, float, float]],
    key: Sequence[str],
    colours: dict[str, str],
    rates: Rates,
) -> None:
    """The peak as a level line, each level of memory as a slope that ends in it; labels of points that would meet are
    spread."""
    top = (rates.flops or 0.0) / 1e9 or max((point[3] for point in points), default=1.0)
    widths = {name: rate / 1e9 for name, rate in rates.bandwidth.items()}
    ridges = [top / width for width in widths.values()] or [1.0]
    intensities = [point[2] for point in points]
    low, high = min(min(ridges) / 4, *intensities, 1e9) / 2, max(max(ridges) * 4, *intensities, 0.0) * 2
    axes.plot([min(ridges), high], [top, top], color="0.2", linewidth=1.5)
    axes.annotate(
        f"{short(top)} GFLOP/s in registers",
        (high, top),
        xytext=(-4, 14),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    bottom = min([top / 30, *(point[3] / 2 for point in points)])
    ends: list[float] = []
    for name, width in sorted(widths.items(), key=lambda item: -item[1]):
        axes.plot([max(low, bottom / width), top / width], [max(low * width, bottom), top], color="0.45", linewidth=1)
        # The end of the name before is where the next may begin; one that would lie on it goes above.
        ends = [end for end in ends if np.log10(top / width) - end < NAME * np.log10(high / low)]
        place = (-3, 3 + 9 * len(ends))
        ends.append(float(np.log10(top / width)))
        axes.annotate(
            name, (top / width, top), xytext=place, textcoords="offset points", ha="center", fontsize=7, color="0.3"
        )
    placed: list[tuple[float, float]] = []
    for label, name, intensity, gigaflops in sorted(points, key=lambda point: -point[3]):
        axes.plot(intensity, gigaflops, "o", color=colours[name], markersize=5)
        # A label is about 0.06 of a decade high: one that would lie on another goes below it.
        place = np.log10(gigaflops)
        while any(abs(place - y) < 0.05 and abs(np.log10(intensity) - x) < 0.12 for x, y in placed):
            place -= 0.05
        placed.append((float(np.log10(intensity)), float(place)))
        axes.annotate(
            str(key.index(label) + 1),
            (intensity, gigaflops),
            xytext=(intensity * 1.08, 10**place),
            fontsize=7,
            va="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.3, "color": "0.6"},
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top * 1.6)
    axes.set_xlabel("floating-point operations for each byte (logarithmic)")
    axes.set_ylabel("GFLOP/s (logarithmic)")
    axes.set_title("bound by arithmetic: higher is faster, lines are bounds", loc="left", fontsize=9)
    axes.grid(which="both", alpha=0.2)


def _bars(axes: Any, streams: Sequence[tuple[str, str, float]], colours: dict[str, str], rates: Rates) -> None:
    from matplotlib.ticker import LogLocator

    places = range(len(streams))
    axes.barh(places, [stream[2] for stream in streams], color=[colours[stream[1]] for stream in streams], height=0.7)
    for number, (name, rate) in enumerate(rates.bandwidth.items()):
        axes.axvline(rate / 1e9, color="0.3", linewidth=1)
        axes.annotate(
            f"{name} {rate / 1e9:.0f}",
            (rate / 1e9, len(streams) + 0.03 * (number + 0.2) * (len(streams) + 8)),
            xytext=(-3, 0),
            textcoords="offset points",
            ha="right",
            fontsize=7,
        )
    axes.set_yticks(places, [stream[0] for stream in streams], fontsize=6.5)
    axes.set_ylim(len(streams) + 0.13 * (len(streams) + 8), -0.6)
    axes.set_xscale("log")
    shown = [stream[2] for stream in streams] + [rate / 1e9 for rate in rates.bandwidth.values()]
    axes.set_xlim(min(shown, default=1) / 4, max(shown, default=1) * 2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("GB/s (logarithmic)")
    axes.set_title("bound by memory: longer is faster, lines are bounds", loc="left", fontsize=9)
    axes.grid(axis="x", alpha=0.25)


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _foot(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width)


def _save(figure: Any, path: Path, foot: Sequence[str]) -> None:
    figure.supxlabel("\n".join(foot), fontsize=6.5, x=0.01, ha="left", color="0.35")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
