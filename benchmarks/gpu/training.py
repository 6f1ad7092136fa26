"""Trainings of the GPU report: digits at each precision, and presets for as long as a stage may take."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import gan_np as gn
from gan_np import kernels
from gan_np.data.dataset import Dataset
from gan_np.data.images import save_grid
from gan_np.runs.presets import PRESETS
from gan_np.training import Trainer

from .settings import Settings

STEPS = 5000
TIMED = 40
"""Steps whose time says how many there will be: the first are launched one by one, and the rest as a graph."""
RESERVED = 0.2
"""Of a stage's time: importing, compiling, timing and sampling."""


def digits(settings: Settings, precision: str) -> dict[str, Any]:
    """A DCGAN on 5,000 digits: how fast, whether as a graph, how near its samples come to the data."""
    names = [entry.name for entry in kernels.entries("dense")]
    wanted = kernels.cuda.PRECISIONS[precision]
    if precision != "float32" and wanted not in names:
        return {"state": "skipped", "summary": f"there is no kernel {wanted!r}"}
    data = gn.data.load("mnist-5k")
    steps, width, batch = (8, 2, 8) if settings.quick else (STEPS, 64, 64)
    config = gn.runs.Config(
        steps=steps, batch_size=batch, width=width, device=settings.device, precision=precision, latent_dim=64
    )
    gan = gn.runs.build_gan(config, data.shape[1:])
    trainer = gn.runs.build_trainer(gan, data, config)
    found = _train(trainer, config, steps, 0.8 * settings.limit)
    samples = gan.sample(256, seed=1)
    save_grid(samples[:64], settings.out / f"digits-{precision}.png")
    score = gn.metrics.sliced_wasserstein(samples, data[:256])
    found["summary"] += f"; sliced Wasserstein {score:.4f}"
    return {"state": "passed", **found, "sliced_wasserstein": score}


def preset(settings: Settings, name: str, data: str, *, precision: str, conditional: bool = False) -> dict[str, Any]:
    """A preset, or a model with the defaults of training, on the data that `--data` names so, for the stage's time.

    How many steps that is, is measured first, since schedules are as long as the training. OUT has a grid of samples, and
    the networks in a file that `gan_np.load` opens on any device.
    """
    if data not in settings.data:
        return {"state": "skipped", "summary": f"no data: give --data {data}=PLACE"}
    opened = gn.data.open(settings.data[data])
    if conditional and opened.labels is None:
        return {"state": "failed", "summary": f"{settings.data[data]} has no labels"}
    started = time.perf_counter()
    config, trainer = _prepared(settings, name, 1000, opened, precision, conditional)
    steps = 4
    if not settings.quick:
        _train(trainer, config, TIMED, settings.limit)
        first = time.perf_counter()
        _train(trainer, config, 2 * TIMED, settings.limit)
        each = (time.perf_counter() - first) / TIMED
        left = (1 - RESERVED) * settings.limit - (time.perf_counter() - started)
        steps = max(TIMED, int(left / each))
        config, trainer = _prepared(settings, name, steps, opened, precision, conditional)
    found = _train(trainer, config, steps, settings.limit)
    label = f"{name}-{data}" + ("-conditional" if conditional else "")
    save_grid(trainer.gan.sample(64, seed=1), settings.out / f"{label}.png")
    model = gn.save(trainer.gan, settings.out / f"{label}.safetensors")
    return {"state": "passed", **found, "model": model.name, "config": config.to_mapping()}


def _prepared(
    settings: Settings, name: str, steps: int, opened: Dataset, precision: str, conditional: bool
) -> tuple[gn.runs.Config, Trainer]:
    """A training of so many steps that has not begun."""
    chosen = gn.runs.preset(name, steps=steps) if name in PRESETS else {"model": name, "steps": steps, "width": 64}
    small = {"width": 2, "batch_size": 4} if settings.quick else {}
    own = {"device": settings.device, "precision": precision, "conditional": conditional}
    config = gn.runs.Config.from_mapping(chosen | own | small)
    classes = int(np.max(opened.labels)) + 1 if conditional and opened.labels is not None else None
    gan = gn.runs.build_gan(config, opened.image_shape, classes)
    labels = opened.labels if conditional else None
    return config, gn.runs.build_trainer(gan, opened.images, config, labels)


def _train(trainer: Trainer, config: gn.runs.Config, steps: int, seconds: float) -> dict[str, Any]:
    """Train to this step, or for so long: steps a second without the first quarter, in which kernels are compiled."""
    started, marks = time.perf_counter(), []
    with gn.runs.build.chosen_kernels(config, {}):
        before = trainer.steps
        quarter = max(1, (steps - before) // 4)
        while trainer.steps < steps and time.perf_counter() - started < seconds:
            for _ in range(min(quarter, steps - trainer.steps)):
                step = trainer.step()
            trainer.settle()
            marks.append((trainer.steps, time.perf_counter() - started))
        last = step.numbers()
    (first_step, first), (last_step, end) = marks[0], marks[-1]
    rate = (last_step - first_step) / (end - first) if last_step > first_step else float("nan")
    graph = "as a CUDA graph" if trainer.captured else f"launch by launch ({trainer.graph_reason})"
    return {
        "summary": f"{trainer.steps:,} steps, {rate:,.0f} a second, {graph}",
        "steps": trainer.steps,
        "steps_per_second": rate,
        "seconds_of_training": end,
        "warm_up_seconds": first,
        "captured": trainer.captured,
        **{name: value for name, value in last.items() if name != "step"},
    }
