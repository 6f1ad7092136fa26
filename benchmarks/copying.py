"""How often the test for copies errs: what it calls generators whose truth is known, at several sizes of data.

Samples are made of real images, newly drawn for each seed. Memorisers give training images, as they are or altered: any
verdict but "copies" is a miss. Honest ones give images that training has not seen: "copies" is a false alarm, "near" says
what is true of blurred ones. In the last group samples are honest and the held-out images are of another kind: any verdict
but "other source" is wrong. Each setting is a way to call `gan_np.metrics.copying_test`: without moves, as it is by
default (moves by one pixel), and with mirroring too, as for a run that was trained with flips.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import gan_np as gn
from gan_np.arrays import Array
from gan_np.metrics import Copying, copying_test

from . import machine, plots, report
from .timing import Spread

SETTINGS: dict[str, dict[str, Any]] = {
    "no moves": {"shift": 0},
    "default": {},
    "mirrored too": {"mirror": True},
}
VERDICTS = ("copies", "near", "no sign", "too few", "other source")
NORMAL = 1.96
"""The 97.5 % point of the normal distribution."""


class Sizes(NamedTuple):
    """How many images there are of each kind."""

    training: int
    held_out: int
    samples: int

    def __str__(self) -> str:
        return f"{self.training:,} / {self.held_out:,} / {self.samples:,}"


class Parts(NamedTuple):
    """What one seed draws: disjoint sets of real images, and the training images that a memoriser gives."""

    training: Array
    held_out: Array
    unseen: Array
    chosen: Array


class Kind(NamedTuple):
    """Samples whose truth is known."""

    group: str
    right: tuple[str, ...]
    """The verdicts that would be right."""
    samples: Callable[[Parts, np.random.Generator], Array]
    held_out: Callable[[Array], Array] = lambda images: images


def moved(images: Array, rng: np.random.Generator) -> Array:
    """Each image up or down by one pixel; what comes in at an edge repeats it."""
    padded = np.pad(images, ((0, 0), (1, 1), (0, 0), (0, 0)), mode="edge")
    return np.where(rng.random(len(images))[:, None, None, None] < 0.5, padded[:, 2:], padded[:, :-2])


def blurred(images: Array) -> Array:
    """Means of 3×3 pixels with weights [1, 2, 1]ᵀ[1, 2, 1]/16, a deviation of 0.7 pixels."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype(np.float32)
    down = padded[:, :height] + 2 * padded[:, 1 : height + 1] + padded[:, 2:]
    across = down[:, :, :width] + 2 * down[:, :, 1 : width + 1] + down[:, :, 2:]
    return as_bytes(across / 16)


def noisy(images: Array, rng: np.random.Generator, deviation: float = 16) -> Array:
    """Return the images with Gaussian noise added."""
    return as_bytes(images + rng.normal(0, deviation, images.shape))


def as_bytes(values: Array) -> Array:
    """Rounded and cut to 0…255."""
    found: Array = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return found


def _half(parts: Parts, rng: np.random.Generator) -> Array:
    middle = len(parts.chosen) // 2
    return np.concatenate([parts.chosen[:middle], parts.unseen[middle:]])


COPIES, HONEST, OTHER = "memorisers", "honest generators", "honest, the held-out images of another kind"
CLEAN = "no sign", "near", "too few"
KINDS = {
    "as they are": Kind(COPIES, ("copies",), lambda parts, rng: parts.chosen),
    "moved by one pixel up or down": Kind(COPIES, ("copies",), lambda parts, rng: moved(parts.chosen, rng)),
    "mirrored": Kind(COPIES, ("copies",), lambda parts, rng: np.ascontiguousarray(parts.chosen[:, :, ::-1])),
    "noise of deviation 16": Kind(COPIES, ("copies",), lambda parts, rng: noisy(parts.chosen, rng)),
    "blurred": Kind(COPIES, ("copies",), lambda parts, rng: blurred(parts.chosen)),
    "brightness × 0.7": Kind(COPIES, ("copies",), lambda parts, rng: as_bytes(0.7 * parts.chosen)),
    "half of the samples": Kind(COPIES, ("copies",), _half),
    "real images": Kind(HONEST, CLEAN, lambda parts, rng: parts.unseen),
    "real images with noise": Kind(HONEST, CLEAN, lambda parts, rng: noisy(parts.unseen, rng)),
    "real images, blurred": Kind(HONEST, CLEAN, lambda parts, rng: blurred(parts.unseen)),
    "five real images again and again, with noise": Kind(
        HONEST, CLEAN, lambda parts, rng: noisy(parts.unseen[np.arange(len(parts.unseen)) % 5], rng, 8)
    ),
    "upside down": Kind(
        OTHER, ("other source",), lambda parts, rng: parts.unseen, lambda h: np.ascontiguousarray(h[:, ::-1])
    ),
    "inverted": Kind(OTHER, ("other source",), lambda parts, rng: parts.unseen, lambda h: 255 - h),
    "brightness × 0.8 of those held out": Kind(
        OTHER, ("other source",), lambda parts, rng: parts.unseen, lambda h: as_bytes(0.8 * h)
    ),
}


class Row(NamedTuple):
    """The verdicts of all seeds on one kind of samples."""

    kind: str
    sizes: Sizes
    setting: str
    verdicts: Counter[str]

    @property
    def wrong(self) -> int:
        """Misses of a memoriser, false alarms of an honest generator."""
        return sum(count for verdict, count in self.verdicts.items() if verdict not in KINDS[self.kind].right)

    @property
    def seeds(self) -> int:
        """Return the number of seeds."""
        return self.verdicts.total()

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "group": KINDS[self.kind].group,
            "kind": self.kind,
            **self.sizes._asdict(),
            "setting": self.setting,
            "seeds": self.seeds,
            "wrong": self.wrong,
            "verdicts": {verdict: self.verdicts[verdict] for verdict in VERDICTS if self.verdicts[verdict]},
        }


def main(arguments: Sequence[str]) -> int:
    """0: measured."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        images = gn.data.open(options.data).images
        sizes = options.sizes or (
            [Sizes(300, 60, 60)] if options.quick else [Sizes(1000, 200, 200), Sizes(3000, 500, 500)]
        )
        for each in sizes:
            if each.training + each.held_out + each.samples > len(images):
                raise ValueError(f"sizes: {each} are more images than {options.data} has, {len(images):,}")
    except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
        parser.error(str(error))
    seeds = options.seeds or (2 if options.quick else 20)
    found = machine.describe()
    rows = []
    for each in sizes:
        rows += measured(images, each, options.settings, seeds)
    report.status("")
    _print(rows, options.data, found)
    if options.json:
        content = {"data": str(options.data), "rows": [row.numbers() for row in rows]}
        report.save_json(options.json, "copying", arguments, found, **content)
    if options.plot:
        _plot(options, rows, found)
    return 0


def measured(images: Array, sizes: Sizes, settings: Sequence[str], seeds: int) -> list[Row]:
    """Every kind in every setting."""
    verdicts: dict[tuple[str, str], Counter[str]] = {(kind, name): Counter() for kind in KINDS for name in settings}
    for seed in range(seeds):
        for kind in KINDS:
            report.status(f"{sizes}: seed {seed + 1} of {seeds}, {kind}")
            for name in settings:
                verdicts[kind, name][tested(images, sizes, kind, name, seed).verdict] += 1
    return [Row(kind, sizes, name, counts) for (kind, name), counts in verdicts.items()]


def tested(images: Array, sizes: Sizes, kind: str, setting: str, seed: int) -> Copying:
    """One test: sets drawn from a seed, the same for every kind."""
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(len(images))[: sum(sizes)]
    ends = np.cumsum(sizes)
    training, held_out, unseen = (images[np.sort(part)] for part in np.split(mixed, ends[:-1]))
    chosen = training[rng.permutation(len(training))[: sizes.samples]]
    samples = KINDS[kind].samples(Parts(training, held_out, unseen, chosen), rng)
    return copying_test(training, KINDS[kind].held_out(held_out), samples, seed=seed, **SETTINGS[setting])


def _print(rows: list[Row], data: str, found: dict[str, Any]) -> None:
    columns = list(dict.fromkeys((row.sizes, row.setting) for row in rows))
    groups = []
    for group in dict.fromkeys(kind.group for kind in KINDS.values()):
        own = [row for row in rows if KINDS[row.kind].group == group]
        lines = [
            [f"  {kind}", *(_cell(row) for row in own if row.kind == kind)]
            for kind in dict.fromkeys(row.kind for row in own)
        ]
        wrong, total = sum(row.wrong for row in own), sum(row.seeds for row in own)
        low, high = interval(wrong, total)
        note = f"wrong: {wrong} of {total} ({wrong / total:.1%}, 95 % interval {low:.1%} to {high:.1%})"
        groups.append(report.Group(group, lines, [note]))
    heads = [(f"{sizes}, {setting}", 26) for sizes, setting in columns]
    caption = (
        f"{data}; training / held-out images / samples; verdicts of all seeds. Wrong is a memoriser not called “copies”, an "
        f"honest generator called “copies”, held-out images of another kind not noticed.\n{machine.one_line(found)}"
    )
    report.print_table("how often the test for copies errs", [("", 46), *heads], groups, caption)


def _cell(row: Row) -> str:
    return ", ".join(f"{row.verdicts[verdict]} {verdict}" for verdict in VERDICTS if row.verdicts[verdict])


def interval(count: int, total: int) -> tuple[float, float]:
    """95 % of a share, after Wilson (1927): has a width where the share is 0 or 1 too."""
    share, z2 = count / total, NORMAL**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = NORMAL * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def _plot(options: argparse.Namespace, rows: list[Row], found: dict[str, Any]) -> None:
    dots = []
    for row in rows:
        low, high = interval(row.wrong, row.seeds)
        value = Spread(100 * low, 100 * row.wrong / row.seeds, 100 * high)
        dots.append(plots.Dot(f"{KINDS[row.kind].group}: {row.kind}", f"{row.sizes}, {row.setting}", value))
    plots.save_dots(
        options.plot,
        f"How often the test for copies errs; {options.data}, training / held-out images / samples",
        dots,
        found,
        quantity="per cent of seeds with a wrong verdict",
        unit="%",
        reading="Dots are shares of seeds, bars their 95 % intervals; left is better.",
    )


def _sizes(text: str) -> Sizes:
    try:
        return Sizes(*map(int, text.split(",")))
    except (ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"expected TRAINING,HELD_OUT,SAMPLES, got {text!r}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks copying", description=__doc__)
    parser.add_argument("--data", default="mnist-5k", help="real images, a name or path (default mnist-5k)")
    parser.add_argument(
        "--sizes",
        type=_sizes,
        nargs="+",
        metavar="T,H,S",
        help="training images, held-out images, samples (default 1000,200,200 and 3000,500,500)",
    )
    parser.add_argument("--seeds", type=int, help="draws of the sets (default 20)")
    parser.add_argument(
        "--settings",
        type=report.names_of(SETTINGS),
        default=list(SETTINGS),
        metavar="A,B",
        help=f"some of {', '.join(SETTINGS)} (default all)",
    )
    report.add_options(parser)
    return parser
