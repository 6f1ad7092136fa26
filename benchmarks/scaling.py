"""How the time of a training step grows with the batch, the width, the side of the images and the threads.

One of them is changed at a time, all else stays as the preset says. At each point the step runs as in `train_step`, against
PyTorch in turn where it is installed, after one step of each was compared; exit code 1 if they differ. What is shown is the
time for each image, and the power law t = a·xᵖ fitted to it: p = 0 on the batch means that images cost the same in any
batch, p = 2 on the width or the side that the arithmetic is all there is, p = −1 on the threads that they share the work.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import agreement, machine, plots, report, setups, train_step
from .agreement import Agreement
from .powerlaw import PowerLaw, fit
from .setups import Setup
from .timing import Spread, Timing
from .train_step import OURS

PEER = "torch, fastest"
TURN = 0.1
"""Seconds that a turn fills: steps of small sizes are short."""


class Axis(NamedTuple):
    """The size that is changed along one axis of a plot."""

    quantity: str
    option: str
    """Where the command line says which."""
    values: tuple[int, ...]
    quick: tuple[int, ...]
    change: Callable[[Setup, int], Setup]


def _same(setup: Setup, value: int) -> Setup:
    return setup


def _thread_counts() -> tuple[int, ...]:
    """1, 2, 4, … and all cores."""
    cores = machine.cores()
    return (*(2**power for power in range(cores.bit_length()) if 2**power < cores), cores)


AXES = {
    "batch": Axis(
        "batch size", "batches", tuple(2**p for p in range(10)), (1, 2, 4), lambda s, v: s._replace(batch_size=v)
    ),
    "width": Axis("width", "widths", (8, 16, 32, 64, 128), (4, 8), lambda s, v: s._replace(width=v)),
    "side": Axis(
        "side of an image",
        "sides",
        (16, 32, 64, 128),
        (16, 24),
        lambda s, v: s._replace(image_shape=(v, v, s.image_shape[2])),
    ),
    "threads": Axis("threads", "thread_counts", _thread_counts(), (1,), _same),
}


class Point(NamedTuple):
    """One size, measured."""

    axis: str
    value: int
    setup: Setup
    threads: int
    timings: dict[str, Timing]
    agreements: list[Agreement]

    @property
    def fastest_peer(self) -> str | None:
        """Of the opponent's variants."""
        return train_step.fastest_peer(self.timings)

    def an_image(self, name: str) -> Spread:
        """Milliseconds for each image of a batch."""
        return self.timings[name].spread.scaled(1e3 / self.setup.batch_size)

    def series(self) -> dict[str, Spread]:
        """What is shown: ours, and of the opponent what is fastest here."""
        found = {OURS: self.an_image(OURS)}
        if self.fastest_peer:
            found[PEER] = self.an_image(self.fastest_peer)
        return found

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "axis": self.axis,
            "value": self.value,
            "setup": self.setup._asdict(),
            "threads": self.threads,
            "fastest_peer": self.fastest_peer,
            "milliseconds_an_image": {name: self.an_image(name).numbers() for name in self.timings},
            "rounds": len(self.timings[OURS].seconds),
            "speed_of_gan_np": {
                name: self.timings[OURS].speed_against(timing).numbers() for name, timing in self.timings.items()
            },
            "agreements": [found.numbers() for found in self.agreements],
        }


def main(arguments: Sequence[str]) -> int:
    """0: both sides agree at every point (or there is only one); 1: they do not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    dtype = np.dtype(options.dtype)
    try:
        report.check_options(options)
        (base,) = setups.chosen(options).values()
        plan = _plan(base, options)
        for _, _, setup, _ in plan:
            setups.make_gan(setup, dtype)  # refuses its sizes now, not after the points before it
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    found = machine.describe()
    points = []
    for number, (axis, value, setup, threads) in enumerate(plan, start=1):
        report.status(f"{number} of {len(plan)}: {AXES[axis].quantity} {value}")
        with machine.threads(threads):
            points.append(_measure(axis, value, setup, threads, options))
        gc.collect()
    report.status("")
    laws = {axis: _laws([point for point in points if point.axis == axis]) for axis in options.axes}
    _print(setups.describe(base), points, laws, found, options)
    if options.json:
        report.save_json(
            options.json,
            "scaling",
            arguments,
            found,
            base=base._asdict(),
            dtype=options.dtype,
            points=[point.numbers() for point in points],
            fits=[
                {"axis": axis, "candidate": name, **law._asdict()}
                for axis, own in laws.items()
                for name, law in own.items()
            ],
        )
    if options.plot:
        _plot(options, setups.describe(base), points, laws, found)
    return 0 if all(each.holds for point in points for each in point.agreements) else 1


def _plan(base: Setup, options: argparse.Namespace) -> list[tuple[str, int, Setup, int]]:
    """(axis, value, setup, threads) of every point.

    Raises:
        ValueError: the side of points in the plane, or sizes below 1.
    """
    usual = options.threads or machine.default_threads(options.quick)
    plan = []
    for name in options.axes:
        axis = AXES[name]
        if name == "side" and base.model == "points":
            raise ValueError("axes: points in the plane have no side; leave it out of --axes")
        for value in getattr(options, axis.option) or (axis.quick if options.quick else axis.values):
            if value < 1:
                raise ValueError(f"{axis.option.replace('_', '-')}: expected sizes of at least 1, got {value}")
            threads = value if name == "threads" else usual
            plan.append((name, value, axis.change(base, value), threads))
    return plan


def _measure(axis: str, value: int, setup: Setup, threads: int, options: argparse.Namespace) -> Point:
    """Numbers, then times; threads are held by the caller."""
    trainer = setups.make_trainer(setup, np.dtype(options.dtype))
    opponents, agreements = agreement.opponents(setup, trainer, options, threads)
    repeats = options.repeats or (1 if options.quick else 7)
    turn = 0.0 if options.quick else TURN
    pause = 0.0 if options.quick else train_step.PAUSE
    timings = train_step.timed(trainer, opponents, repeats, options.seconds, turn, pause)
    return Point(axis, value, setup, threads, timings, agreements)


def _laws(points: list[Point]) -> dict[str, PowerLaw]:
    """The fits of one axis, by candidate."""
    found = {}
    for name in points[0].series() if points else ():
        law = fit([point.value for point in points], [point.series()[name].median for point in points])
        if law:
            found[name] = law
    return found


def _print(
    what: str,
    points: list[Point],
    laws: dict[str, dict[str, PowerLaw]],
    found: dict[str, Any],
    options: argparse.Namespace,
) -> None:
    groups = []
    for axis, own_laws in laws.items():
        lines = []
        for point in (point for point in points if point.axis == axis):
            series, peer = point.series(), point.fastest_peer
            speed = report.ratio(point.timings[OURS].speed_against(point.timings[peer]).numbers()) if peer else ""
            step = point.timings[OURS].spread.median * 1e3
            cells = [f"{point.value:,}", report.short(step), report.short(series[OURS].median)]
            lines.append(
                [f"  {cells[0]}", *cells[1:], report.short(series[PEER].median) if peer else "", speed, peer or ""]
            )
        notes = [f"{name}: an image's time {law.text(axis)}" for name, law in own_laws.items()]
        groups.append(report.Group(AXES[axis].quantity, lines, notes))
    rounds = max(len(point.timings[OURS].seconds) for point in points)
    caption = (
        f"All else as in {what}; {options.dtype}; medians of up to {rounds} rounds, as many threads on both sides.  "
        "× gan_np: the time of PyTorch's fastest variant, named beside it, divided by gan_np's of the same round, quartiles"
        f"; above 1 gan_np is faster.  R² is of log t over log x.\n{machine.one_line(found)}"
    )
    columns = (
        ("", 10),
        ("ms a step", 9),
        ("ms an image", 12),
        ("PyTorch's", 9),
        ("× gan_np", 16),
        ("its fastest variant", 33),
    )
    report.print_table("how a training step's time grows", columns, groups, caption)
    report.say(_agreement(points))
    for point in points:
        for each in point.agreements:
            if not each.holds:
                report.say(f"{AXES[point.axis].quantity} {point.value}: {each.line()}")


def _agreement(points: list[Point]) -> str:
    """The furthest from each other, in each dtype, over all points."""
    every = [each for point in points for each in point.agreements]
    if not every:
        return "nothing to compare the numbers with"
    worst = {dtype: max(each.weights for each in every if each.dtype == dtype) for dtype in {e.dtype for e in every}}
    said = ", ".join(f"{off:.1e} in {dtype}" for dtype, off in sorted(worst.items()))
    verb = "agree" if all(each.holds for each in every) else "DISAGREE"
    return f"both sides {verb}: weights after a step to {said} of the update, at worst, over all points"


def _plot(
    options: argparse.Namespace,
    what: str,
    points: list[Point],
    laws: dict[str, dict[str, PowerLaw]],
    found: dict[str, Any],
) -> None:
    panels = []
    for axis, own_laws in laws.items():
        own = [point for point in points if point.axis == axis]
        lines = []
        for name in own[0].series():
            law = own_laws.get(name)
            spreads = [point.series()[name] for point in own]
            lines.append(plots.Line(name, [point.value for point in own], spreads, law.at if law else None))
        title = "\n".join(f"{name} {law.text(axis)}" for name, law in own_laws.items()) or AXES[axis].quantity
        panels.append(plots.Panel(title, AXES[axis].quantity, lines))
    plots.save_lines(
        options.plot,
        f"Time of a training step for each image; all else as in {what}",
        panels,
        found,
        quantity="milliseconds for each image",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scaling", description=__doc__)
    setups.add_options(parser, "mnist")
    parser.add_argument(
        "--axes",
        type=report.names_of(AXES),
        default=list(AXES),
        metavar="A,B",
        help=f"what to change (default {','.join(AXES)})",
    )
    for axis in AXES.values():
        usual = ",".join(map(str, axis.values))
        flag = f"--{axis.option.replace('_', '-')}"
        parser.add_argument(flag, type=setups.sizes, metavar="N,N", help=f"each {axis.quantity} (default {usual})")
    parser.add_argument("--repeats", type=int, help="rounds at each point (default 7)")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="no new round of a point after this long (default 10)"
    )
    report.add_contest_options(parser)
    report.add_options(parser)
    return parser
