"""One step of Algorithm 1 as `gn.train` runs it, against PyTorch's in the same process, turn by turn.

Both sides draw their own data and noise inside the timed step. Before anything is timed, one step of each on the same
images and the same noise must give the same losses, gradients and new weights, in float64 and in the dtype timed;
if not, the exit code is 1. Ours also looks for numbers that are not finite, as `gn.train` does; PyTorch's step does not.
`--preset all` runs every preset in turn. With --processor-time every side has one thread, and what is compared is the time
that the processor spent on it, which other programs on the machine hardly change.
"""

from __future__ import annotations

import argparse
import functools
import gc
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_np.training import Trainer

from . import agreement, machine, plots, report, setups
from .agreement import Agreement
from .setups import Setup
from .timing import Timing, alternate

if TYPE_CHECKING:
    from .peers.torch_gan import TorchGAN

OURS = "gan_np"
PAUSE, TURN = 0.05, 0.2
"""Seconds of rest before a turn, and of a turn: a short step alone, after a rest, is not what a training consists of."""


class Contest(NamedTuple):
    """One preset, measured."""

    preset: str
    setup: Setup
    agreements: list[Agreement]
    timings: dict[str, Timing]

    @property
    def fastest_peer(self) -> str | None:
        """The opponent whose median is lowest."""
        return fastest_peer(self.timings)

    def rows(self) -> list[dict[str, Any]]:
        """For JSON; `speed_of_gan_np`: PyTorch's time divided by ours, round by round."""
        return [
            {
                "candidate": name,
                "fastest_peer": name == self.fastest_peer,
                "milliseconds": timing.spread.scaled(1e3).numbers(),
                "least_milliseconds": timing.least * 1e3,
                "rounds": len(timing.seconds),
                "speed_of_gan_np": self.timings[OURS].speed_against(timing).numbers(),
            }
            for name, timing in self.timings.items()
        ]

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "preset": self.preset,
            "setup": self.setup._asdict(),
            "agreements": [found.numbers() for found in self.agreements],
            "rows": self.rows(),
        }


def main(arguments: Sequence[str]) -> int:
    """0: both sides agree (or there is only one); 1: they do not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    dtype = np.dtype(options.dtype)
    try:
        report.check_options(options)
        chosen = setups.chosen(options)
        for setup in chosen.values():
            setups.make_gan(setup, dtype)  # refuses its sizes now, not after the presets before it
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    threads = 1 if options.processor_time else options.threads or machine.default_threads(options.quick)
    contests = []
    with machine.threads(threads):
        found = machine.describe()
        for preset, setup in chosen.items():
            report.status(f"{preset}: comparing one step of each")
            contests.append(contest(preset, setup, options, threads))
            gc.collect()  # networks and their bound methods form cycles; the next preset should not pay for their memory
    report.status("")
    _print(contests, found, threads, options)
    if options.json:
        report.save_json(
            options.json,
            "train_step",
            arguments,
            found,
            dtype=options.dtype,
            threads=threads,
            runs=[measured.numbers() for measured in contests],
        )
    if options.plot:
        _plot(contests, found, options)
    return 0 if all(each.holds for measured in contests for each in measured.agreements) else 1


def contest(preset: str, setup: Setup, options: argparse.Namespace, threads: int) -> Contest:
    """Numbers, then times, of ours and its opponents on one setup; threads are held by the caller."""
    trainer = setups.make_trainer(setup, np.dtype(options.dtype))
    opponents, agreements = agreement.opponents(setup, trainer, options, threads)
    repeats = options.repeats or (2 if options.quick else 20)
    report.status(f"{preset}: timing {repeats} rounds of {1 + len(opponents)}")
    return Contest(
        preset,
        setup,
        agreements,
        timed(
            trainer,
            opponents,
            repeats,
            options.seconds,
            0.0 if options.quick else TURN,
            clock=time.process_time if options.processor_time else time.perf_counter,
        ),
    )


def timed(
    trainer: Trainer,
    opponents: dict[str, TorchGAN],
    repeats: int,
    seconds: float | None,
    turn: float = 0.0,
    pause: float = PAUSE,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Steps of all in turn, each drawing its own data and noise; turn, pause, clock: as in `timing.alternate`."""
    runs: dict[str, Callable[[], object]] = {OURS: trainer.step}
    runs |= {name: functools.partial(_draw_and_step, opponent) for name, opponent in opponents.items()}
    return alternate(runs, repeats=repeats, seconds=seconds, turn=turn, pause=pause, clock=clock)


def fastest_peer(timings: dict[str, Timing]) -> str | None:
    """The candidate other than ours whose median is lowest."""
    others = (name for name in timings if name != OURS)
    return min(others, key=lambda name: timings[name].spread.median, default=None)


def _draw_and_step(opponent: TorchGAN) -> None:
    opponent.step(opponent.draw())


def _print(contests: list[Contest], found: dict[str, Any], threads: int, options: argparse.Namespace) -> None:
    groups = []
    for measured in contests:
        lines = []
        for row in measured.rows():
            time, speed = row["milliseconds"], row["speed_of_gan_np"]
            lines.append(
                [
                    row["candidate"] + (" *" if row["fastest_peer"] else ""),
                    f"{time['median']:.1f}" if time["median"] >= 10 else f"{time['median']:.3g}",
                    f"{report.short(time['low'])}–{report.short(time['high'])}",
                    "" if row["candidate"] == OURS else report.ratio(speed),
                ]
            )
        heading = setups.describe(measured.setup)
        groups.append(report.Group(f"{measured.preset}: {heading}" if len(contests) > 1 else "", lines))
    rounds = " or ".join(map(str, sorted({len(measured.timings[OURS].seconds) for measured in contests})))
    counted = ", processor time" if options.processor_time else ""
    caption = (
        f"{rounds} rounds, {threads} threads on every side, {options.dtype}{counted}; data and noise are drawn in the "
        "step.  × gan_np: its time divided by gan_np's of the same round, quartiles; above 1 gan_np is faster."
        f"{'  * the fastest of PyTorch.' if contests[0].fastest_peer else ''}\n{machine.one_line(found)}"
    )
    columns = (("", 35), ("ms a step", 9), ("quartiles", 14), ("× gan_np", 16))
    report.print_table(_title(contests), columns, groups, caption)
    for measured in contests:
        if len(contests) == 1:
            for each in measured.agreements:
                report.say(each.line())
        else:  # the furthest from each other in each dtype stand for all
            for dtype in dict.fromkeys(each.dtype for each in measured.agreements):
                own = [each for each in measured.agreements if each.dtype == dtype]
                report.say(f"{measured.preset}: {max(own, key=lambda each: (not each.holds, each.weights)).line()}")


def _title(contests: list[Contest]) -> str:
    return "one training step" + (f", {setups.describe(contests[0].setup)}" if len(contests) == 1 else "")


def _plot(contests: list[Contest], found: dict[str, Any], options: argparse.Namespace) -> None:
    dots = []
    for measured in contests:
        for row in measured.rows():
            name = row["candidate"]
            speed = f"gan_np is {row['speed_of_gan_np']['median']:.2f} times as fast" if row["fastest_peer"] else ""
            label = name if len(contests) == 1 else f"{measured.preset}\n{measured.setup.batch_size} images"
            dots.append(plots.Dot(label, name, measured.timings[name].spread.scaled(1e3), speed))
    plots.save_dots(options.plot, _title(contests).capitalize(), dots, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks train_step", description=__doc__)
    setups.add_options(parser, "mnist", several=True)
    parser.add_argument("--repeats", type=int, help="rounds (default 20)")
    parser.add_argument(
        "--seconds", type=float, default=120.0, help="no new round of a preset after this long (default 120)"
    )
    parser.add_argument("--processor-time", action="store_true", help="one thread each, and its processor time")
    report.add_contest_options(parser)
    report.add_options(parser)
    return parser
