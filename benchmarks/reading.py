"""Training on data whose items take time to read: read in the step, read ahead in a thread, and an array in memory.

An item waits for as long as `--item` says before it is there, as a disk or a network lets one wait. A thread that reads
ahead waits while the step computes, so that a step takes as long as the slower of the two, and not as both. The three read
the same images in the same order, and must reach the same weights; if they do not, the exit code is 1.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array
from gan_np.training import as_source

from . import machine, plots, report, setups
from .timing import Timing, alternate

IN_MEMORY, IN_STEP, AHEAD = "array in memory", "read in the step", "read ahead"


class Slow:
    """Items that are there after a while."""

    def __init__(self, images: Array, seconds: float) -> None:
        self.images, self.seconds = images, seconds

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> Array:
        time.sleep(self.seconds)
        image: Array = self.images[number]
        return image


def main(arguments: Sequence[str]) -> int:
    """0: the same weights; 1: others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks reading", description=__doc__)
    setups.add_sizes(parser, "mnist")
    parser.add_argument("--batch-size", type=int, default=4, help="items in a batch (default 4)")
    parser.add_argument("--item", type=float, default=5.0, help="milliseconds until an item is there (default 5)")
    parser.add_argument("--prefetch", type=int, default=2, help="batches that are read ahead (default 2)")
    parser.add_argument("--repeats", type=int, help="steps of each (default 100)")
    report.add_options(parser)
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        (setup,) = setups.chosen(options).values()
        trainers = _trainers(setup, options)
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    found = machine.describe()
    steps: dict[str, Any] = {name: trainer.step for name, trainer in trainers.items()}
    # Each by itself: a thread would read ahead while another one's step is timed.
    repeats = options.repeats or (5 if options.quick else 100)
    timings = {name: alternate({name: step}, repeats=repeats, warmup=3)[name] for name, step in steps.items()}
    for trainer in trainers.values():
        trainer.stop_reading()
    weights = {trainer.gan.generator.parameters.values.tobytes() for trainer in trainers.values()}
    _print(setup, options, timings, found)
    if options.json:
        report.save_json(options.json, "reading", arguments, found, rows=_rows(timings), same=len(weights) == 1)
    if options.plot:
        dots = [plots.Dot("a step", name, timing.spread.scaled(1e3), "") for name, timing in timings.items()]
        plots.save_dots(options.plot, f"Items that take {options.item:g} ms to read", dots, found)
    return 0 if len(weights) == 1 else 1


def _trainers(setup: setups.Setup, options: argparse.Namespace) -> dict[str, gn.training.Trainer]:
    images = setups.some_images(setup)
    found = {}
    for name in (IN_MEMORY, IN_STEP, AHEAD):
        gan = setups.make_gan(setup, np.dtype(np.float32))
        data: Any = images if name == IN_MEMORY else Slow(images, options.item / 1e3)
        source = as_source(data, gan, prefetch=options.prefetch if name == AHEAD else 0)
        found[name] = gn.training.Trainer(gan, source, batch_size=options.batch_size)
    return found


def _rows(timings: dict[str, Timing]) -> list[dict[str, Any]]:
    ahead = timings[AHEAD].spread.median
    return [
        {
            "reading": name,
            "milliseconds": timing.spread.scaled(1e3).numbers(),
            "times_read_ahead": timing.spread.median / ahead,
        }
        for name, timing in timings.items()
    ]


def _print(setup: setups.Setup, options: argparse.Namespace, timings: dict[str, Timing], found: dict[str, Any]) -> None:
    lines = [
        [f"  {row['reading']}", f"{row['milliseconds']['median']:.1f}", f"{row['times_read_ahead']:.2f}"]
        for row in _rows(timings)
    ]
    caption = (
        f"{options.batch_size} items of {options.item:g} ms in a batch, {options.prefetch} batches ahead; × read ahead: "
        f"the median time divided by that of the line {AHEAD!r}.\n{machine.one_line(found)}"
    )
    columns = (("", 20), ("median ms", 9), ("× read ahead", 12))
    report.print_table(f"a step of {setup.model}, width {setup.width}", columns, [report.Group("", lines)], caption)
