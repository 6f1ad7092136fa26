"""Sampling: images from G in evaluation mode, against PyTorch (inference mode) and onnxruntime, turn by turn.

All get the same noise and must give the same images, compared with the reference kernels in float64 before anything is
timed; if one does not, the exit code is 1. "folded": batch normalisation is taken into the weights before it.
`generate()` is what `gan.sample` runs: chunks of a fixed size, so that an image does not depend on how many are asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.averaging import recompute_statistics

from . import generators, machine, plots, report, setups
from .generators import OURS, PEERS, Candidate
from .timing import Timing, alternate

PAUSE = 0.05
TURN = 0.1
TOLERANCE = 1e-4
"""Largest difference of a pixel from float64, relative to the largest pixel."""


class Row(NamedTuple):
    """One candidate at one batch size, measured."""

    batch: int
    name: str
    library: str
    error: float
    timing: Timing

    @property
    def wrong(self) -> bool:
        """Whether its images are others."""
        return not self.error <= TOLERANCE


def main(arguments: Sequence[str]) -> int:
    """0: all give the same images; 1: one does not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        (setup,) = setups.chosen(options).values()
        gan = setups.make_gan(setup, np.dtype(np.float32))
        if min(options.batches) < 1:
            raise ValueError(f"batches: expected sizes of at least 1, got {options.batches}")
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    batches = [1, 3] if options.quick and options.batches == BATCHES else options.batches
    threads = options.threads or machine.default_threads(options.quick)
    rows: list[Row] = []
    with machine.threads(threads):
        found = machine.describe()
        rng = np.random.default_rng(0)
        # Statistics of its own: those of a fresh network would leave nothing for batch normalisation to do.
        recompute_statistics(gan.generator, [gan.prior.draw(rng, 64, np.dtype(np.float32))])
        exact = gan.generator.astype(np.float64)
        networks = generators.variants(gan.generator)
        others = generators.others(networks, options.peers, threads)
        for batch in batches:
            z = gan.prior.draw(rng, batch, np.dtype(np.float32))
            report.status(f"batch {batch}: comparing images")
            with kernels.use_kernels(**dict.fromkeys(kernels.OPERATIONS, "reference")):
                expected = exact(z.astype(np.float64))
            candidates = [*generators.ours(gan, networks, z), *(candidate for make in others for candidate in make(z))]
            errors = [_error(candidate, expected) for candidate in candidates]
            report.status(f"batch {batch}: timing {len(candidates)} candidates")
            repeats = options.repeats or (2 if options.quick else 20)
            timings = alternate(
                {candidate.name: candidate.run for candidate in candidates},
                repeats=repeats,
                seconds=options.seconds,
                turn=0.0 if options.quick else TURN,
                pause=PAUSE,
            )
            for candidate, off in zip(candidates, errors, strict=True):
                rows.append(Row(batch, candidate.name, candidate.library, off, timings[candidate.name]))
    report.status("")
    what = f"{setup.model} {'×'.join(map(str, setup.image_shape))}, width {setup.width}, latent {setup.latent_dim}"
    _print(what, rows, found, threads)
    if options.json:
        sizes = {name: value for name, value in setup._asdict().items() if name in SIZES}
        report.save_json(
            options.json, "generate", arguments, found, setup=sizes, threads=threads, rows=list(_numbers(rows))
        )
    if options.plot:
        _plot(options, what, rows, found)
    return 1 if any(row.wrong for row in rows) else 0


def _error(candidate: Candidate, expected: Array) -> float:
    images = candidate.images(candidate.run())
    if images.shape != expected.shape:
        return np.inf
    return float(np.abs(images.astype(np.float64) - expected).max() / np.abs(expected).max())


def _fastest_peer(rows: Sequence[Row]) -> Row | None:
    """Of the rows of one batch size."""
    return min((row for row in rows if row.library != OURS), key=lambda row: row.timing.spread.median, default=None)


def _by_batch(rows: Sequence[Row]) -> list[list[Row]]:
    return [[row for row in rows if row.batch == batch] for batch in dict.fromkeys(row.batch for row in rows)]


def _numbers(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """For JSON; `speed_of_gan_np`: its time divided by that of the row "gan_np", round by round."""
    for own in _by_batch(rows):
        ours, fastest = own[0], _fastest_peer(own)
        for row in own:
            yield {
                "batch": row.batch,
                "candidate": row.name,
                "library": row.library,
                "fastest_peer": row is fastest,
                "agrees": not row.wrong,
                "error": row.error,
                "milliseconds": row.timing.spread.scaled(1e3).numbers(),
                "least_milliseconds": row.timing.least * 1e3,
                "rounds": len(row.timing.seconds),
                "calls": row.timing.calls,
                "images_per_second": row.batch / row.timing.spread.median,
                "speed_of_gan_np": ours.timing.speed_against(row.timing).numbers(),
            }


def _print(what: str, rows: list[Row], found: dict[str, Any], threads: int) -> None:
    groups = []
    numbers = iter(list(_numbers(rows)))
    for own in _by_batch(rows):
        lines = []
        for row, number in zip(own, numbers, strict=False):
            lines.append(
                [
                    f"  {row.name}{' *' if number['fastest_peer'] else ''}",
                    f"{number['milliseconds']['median']:.3f}",
                    report.short(number["images_per_second"]),
                    "" if row.name == OURS else report.ratio(number["speed_of_gan_np"]),
                    "[red]wrong[/red]" if row.wrong else f"{row.error:.1e}",
                ]
            )
        groups.append(report.Group(f"batch {own[0].batch}", lines))
    caption = (
        f"{threads} threads on every side, float32, evaluation mode.  × gan_np: its time divided by that of the line gan_np "
        "in the same rounds, quartiles; above 1 gan_np is faster.  * the fastest of the others.  error: against the "
        f"reference in float64, relative to the largest pixel.\n{machine.one_line(found)}"
    )
    columns = (("", 30), ("median ms", 9), ("images/s", 10), ("× gan_np", 16), ("error", 8))
    report.print_table(f"generating, {what}", columns, groups, caption)
    for row in rows:
        if row.wrong:
            report.say(f"DISAGREES: {row.name} at batch {row.batch}: pixels off by {row.error:.2g}")


def _plot(options: argparse.Namespace, what: str, rows: list[Row], found: dict[str, Any]) -> None:
    dots = [
        plots.Dot(
            f"batch {number['batch']}",
            number["candidate"],
            row.timing.spread.scaled(1e3),
            f"gan_np is {number['speed_of_gan_np']['median']:.2f} times as fast" if number["fastest_peer"] else "",
        )
        for row, number in zip(rows, _numbers(rows), strict=True)
    ]
    plots.save_dots(options.plot, f"Generating a batch, {what}", dots, found)


BATCHES = [1, 16, 64]
SIZES = ("model", "image_shape", "latent_dim", "width")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks generate", description=__doc__)
    setups.add_sizes(parser, "dcgan64")
    parser.add_argument(
        "--batches",
        type=lambda text: list(setups.sizes(text)),
        metavar="N,N",
        default=BATCHES,
        help="batch sizes (default 1,16,64)",
    )
    parser.add_argument("--repeats", type=int, help="rounds (default 20)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="no new round of a batch after this long (default 60)"
    )
    report.add_threads(parser)
    parser.add_argument(
        "--peers",
        type=report.names_of(PEERS, or_none=True),
        metavar="A,B",
        default=list(PEERS),
        help="the opponents, if installed: torch, onnxruntime, or none (default both)",
    )
    report.add_options(parser)
    return parser
