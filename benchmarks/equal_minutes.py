"""DCGAN against R3GAN, or any presets and models, at equal minutes: how good the samples are as training time passes.

A step of each is timed first, on this machine, and steps are chosen so that each trains for the minutes given (schedules are
as long as that); then each is trained seed by seed and measured with a classifier of the data's labels after each fifth of
the time. One JSON file a run, kept in --out; runs that are there are not made again, so that it can go on after a stop.

    python -m benchmarks equal_minutes --data mnist-5k --minutes 10 --seeds 0,1,2 --out results/digits

On a machine that others use too, minutes on the clock are not equal. With --processor-time one thread's processor time is
counted instead; two threads take about half of it:

    GAN_NP_NUM_THREADS=1 python -m benchmarks equal_minutes --processor-time --minutes 20 --out results/digits
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gan_np as gn
from gan_np import kernels
from gan_np.evaluation import evaluate
from gan_np.files import write_atomically
from gan_np.models import Classifier
from gan_np.runs import PRESETS, Config, build_gan, build_trainer, preset
from gan_np.training.estimate import estimate

from . import machine, plots, report
from .timing import Spread

POINTS = 5
"""Measurements of a run, after equal shares of its time."""
PLOTTED = {"frechet_distance": "Fréchet distance", "precision": "precision", "coverage": "coverage"}
FIGURES = ("recognised", "frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")


def main(arguments: Sequence[str]) -> int:
    """0 done, 2 a wrong command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        report.check_options(options)
        if options.processor_time and kernels.threads.count() != 1:
            raise ValueError(
                "--processor-time: expected one thread, whose processor time is the time that a step takes, got "
                f"{kernels.threads.count()}; set GAN_NP_NUM_THREADS=1"
            )
        data = gn.data.open(options.data, split="train")
        if data.labels is None:
            raise ValueError(
                f"data: expected labelled images, which a classifier can be trained on, got {options.data}"
            )
        configs = {name: _config(name, options, 1000) for name in options.contestants}
    except (OSError, ValueError, TypeError) as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    reader = _classifier(data, options)
    records = []
    for name in configs:
        seconds = _step_seconds(name, data, options)
        steps = max(POINTS, round(options.minutes * 60 / seconds))
        for seed in options.seeds:
            records.append(_run(name, seed, steps, seconds, data, reader, options))
    _print(records, options)
    if options.plot:
        _plot(records, options)
    return 0


def _config(name: str, options: argparse.Namespace, steps: int, seed: int = 0) -> Config:
    """A preset, or a model with the defaults of training."""
    settings: dict[str, Any] = preset(name, steps=steps) if name in PRESETS else {"model": name, "steps": steps}
    return Config.from_mapping(
        settings | {"data": options.data, "seed": seed} | ({"flip": True} if options.flip else {})
    )


def _classifier(data: Any, options: argparse.Namespace) -> Classifier:
    """That of the data's labels, trained once and kept."""
    file = options.out / "classifier.safetensors"
    if not file.exists():
        report.status("training the classifier")
        steps = 20 if options.quick else 1500
        made = gn.train_classifier(data.images, data.labels, steps=steps, progress=False)
        gn.runs.save_classifier(file, made)
    found: Classifier = gn.load_classifier(file)
    return found


def _step_seconds(name: str, data: Any, options: argparse.Namespace) -> float:
    """The time of a step, which is measured once and kept, so that seeds made later train for as many steps."""
    file = options.out / f"{name}-step.json"
    if not file.exists():
        report.status(f"{name}: timing a step")
        config = _config(name, options, 1000)
        trainer = build_trainer(build_gan(config, data.image_shape), data.images, config)
        cost = estimate(trainer, 3 if options.quick else 30, clock=_clock(options))
        found = {"seconds": cost.seconds, "machine": machine.describe()}
        write_atomically(file, json.dumps(found, indent=1).encode())
    return float(json.loads(file.read_text(encoding="utf-8"))["seconds"])


def _run(
    name: str, seed: int, steps: int, seconds: float, data: Any, reader: Classifier, options: argparse.Namespace
) -> dict[str, Any]:
    file = options.out / f"{name}-{seed}.json"
    if file.exists():
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if record["steps"] != steps:
            report.say(f"{name}, seed {seed}: there, of {record['steps']:,} steps")
        return record
    config = _config(name, options, steps, seed)
    trainer = build_trainer(build_gan(config, data.image_shape), data.images, config)
    history, spent, points = [], 0.0, _points(options)
    clock = _clock(options)
    for point in range(1, points + 1):
        until = math.ceil(steps * point / points)
        report.status(f"{name}, seed {seed}: step {trainer.steps:,} of {steps:,}")
        started = clock()
        while trainer.steps < until:
            trainer.step()
        trainer.settle()
        spent += clock() - started
        found = _measured(trainer.gan, data, reader, options)
        history.append({"step": trainer.steps, "minutes_here": spent / 60, **found})
    record = {
        "contestant": name,
        "seed": seed,
        "data": options.data,
        "minutes": options.minutes,
        "processor_time": options.processor_time,
        "steps": steps,
        "step_seconds": seconds,
        "count": options.count,
        "machine": machine.describe(),
        "history": history,
        "config": config.to_mapping(),
    }
    write_atomically(file, json.dumps(record, indent=1).encode())
    gn.save_grid(trainer.gan.sample(64, seed=1), options.out / f"{name}-{seed}.png")
    return record


def _clock(options: argparse.Namespace) -> Callable[[], float]:
    """What minutes are counted with."""
    return time.process_time if options.processor_time else time.perf_counter


def _points(options: argparse.Namespace) -> int:
    return 2 if options.quick else POINTS


def _measured(gan: gn.GAN, data: Any, reader: Classifier, options: argparse.Namespace) -> dict[str, float]:
    report_of = evaluate(gan, data.images, classifier=reader, count=min(options.count, len(data)))
    found = report_of.to_mapping()["figures"]
    return {name: float(found[name]["value"]) for name in FIGURES if name in found}


class Point(NamedTuple):
    """What was measured of one contestant after the same share of its time, a row for each seed."""

    minutes: float
    rows: Sequence[dict[str, Any]]


def _by_contestant(records: list[dict[str, Any]], minutes: float) -> dict[str, list[Point]]:
    """Each contestant's measurements in order of time."""
    found = {}
    for name in dict.fromkeys(record["contestant"] for record in records):
        moments = list(zip(*(record["history"] for record in records if record["contestant"] == name), strict=True))
        found[name] = [Point(minutes * number / len(moments), rows) for number, rows in enumerate(moments, start=1)]
    return found


def _print(records: list[dict[str, Any]], options: argparse.Namespace) -> None:
    groups = []
    for name, points in _by_contestant(records, options.minutes).items():
        lines = []
        for minutes, rows in points:
            cells = [_spread([row[figure] for row in rows if figure in row]) for figure in FIGURES]
            lines.append([f"{minutes:.1f} min, step {rows[0]['step']:,}", *cells])
        groups.append(report.Group(name, lines))
    columns = [("", 24), *((figure.replace("_", " "), 11) for figure in FIGURES)]
    caption = f"mean ± standard error over seeds {options.seeds}; {options.count:,} samples"
    if options.processor_time:
        caption += "; minutes of one thread's processor time"
    caption += f"\n{machine.one_line(machine.describe())}"
    report.print_table(f"equal minutes on {options.data}", columns, groups, caption)


def _plot(records: list[dict[str, Any]], options: argparse.Namespace) -> None:
    panels, measured = [], _by_contestant(records, options.minutes)
    for figure, title in PLOTTED.items():
        lines = []
        for name, points in measured.items():
            values = [Spread.of([row[figure] for row in point.rows]) for point in points]
            lines.append(plots.Line(name, [point.minutes for point in points], values))
        panels.append(plots.Panel(title, "minutes of training", lines))
    reading = f"Medians over seeds {options.seeds}, bars the middle half; precision and coverage: higher is better."
    title = f"Equal minutes on {options.title or options.data}"
    plots.save_lines(options.plot, title, panels, machine.describe(), quantity="distance or share", reading=reading)


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.3g}" + (f" ± {error:.2g}" if len(values) > 1 else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks equal_minutes", description=__doc__)
    parser.add_argument("--data", default="mnist-5k", help="labelled images: a name or a path (default mnist-5k)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, for each run (default 10)")
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument(
        "--contestants",
        type=lambda text: text.split(","),
        default=["dcgan", "r3gan-digits"],
        help="presets, or models with the defaults of training (default dcgan,r3gan-digits)",
    )
    parser.add_argument("--count", type=int, default=2000, help="samples that are measured, and as many real images")
    parser.add_argument("--flip", action="store_true", help="mirror real images at random, for all")
    parser.add_argument(
        "--processor-time", action="store_true", help="count processor time; with GAN_NP_NUM_THREADS=1 only"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder where runs are kept")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the curves (needs matplotlib)")
    parser.add_argument("--title", help="what the plot calls the data (default: what --data says)")
    parser.add_argument(
        "--quick", action="store_true", help="a short training of the classifier, few steps timed, measured twice"
    )
    return parser
