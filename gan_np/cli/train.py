"""`gan-np train`."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_np.data.dataset import Dataset
from gan_np.models import LAPGAN
from gan_np.runs.config import CHANGEABLE, Config
from gan_np.training.hints import TrainingHint

from .flags import given, resolve, with_config_flags
from .output import console, say, say_all
from .usage import checking_options, wrong_option

if TYPE_CHECKING:
    from gan_np.training.algorithm import Trainer


@with_config_flags
def train(
    *,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file with any of the settings below by name."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to make [dim]\\[runs/DATA-MODEL-N][/dim].")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with this run; only --steps, --device, --precision, and --data where the data were moved, may be "
            "given beside it."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the settings, the networks and what it would cost, and stop.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(min=1, help="lapgan: levels that train at the same time [dim]\\[1][/dim].", show_default=False),
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    **flags: Any,
) -> None:
    """Train a GAN; with no options, a DCGAN on 5,000 handwritten digits, about a minute and a half on two cores.

    Leaves a run folder: sample grids over time, the final grid, a loss plot, a log, the settings and checkpoints.

    What counts: flags over the file given by --config over the defaults in brackets.
    """
    from gan_np.runs import build_gan, open_data
    from gan_np.runs import train as run_training
    from gan_np.runs.build import build_trainer
    from gan_np.runs.folder import RunFolder

    if quiet:
        warnings.simplefilter("ignore", TrainingHint)  # they are in the run folder, and `show` has them
    if resume is not None:
        _resume(resume, config, out, jobs, quiet, given(flags))
        return
    chosen = resolve(config, flags)
    dataset = open_data(chosen)
    images = dataset.images
    if not dry_run:
        say_all(dataset.decided, quiet=quiet)
    with checking_options(chosen.options):
        gan = build_gan(chosen, dataset.image_shape, dataset.classes)
    if isinstance(gan, LAPGAN):
        _train_lapgan(chosen, gan, dataset, out or RunFolder.free_name(chosen), jobs, quiet, dry_run)
        return
    if chosen.init_from:
        say(
            f"from {chosen.init_from}: weights, statistics and average of both networks are kept; optimisers, counts, noise "
            "and the order of the images start afresh",
            quiet=quiet,
        )
    shape, model = "×".join(map(str, gan.image_shape)), chosen.of(gan).model or "a GAN put together by hand"
    say(
        f"{model} on {len(images):,} images of {shape} from {chosen.data}: G {len(gan.generator.parameters):,} "
        f"and D {len(gan.discriminator.parameters):,} parameters, {gan.generator.dtype} on {gan.generator.device}"
        f"{_rounded(chosen)}",
        quiet=quiet,
    )
    _say_labels(gan.classes, dataset, quiet)
    if dry_run:
        _dry_run(chosen, dataset, gan.summary(), [("", chosen, build_trainer(gan, images, chosen, dataset.labels))])
        return
    folder = out or RunFolder.free_name(chosen)
    started = time.monotonic()
    run_training(
        gan,
        images,
        labels=dataset.labels,
        class_names=dataset.class_names,
        out=folder,
        config=chosen,
        progress=not quiet,
    )
    _report(folder, chosen.steps, time.monotonic() - started, quiet)


def _say_labels(classes: int | None, dataset: Dataset, quiet: bool) -> None:
    """What the classes of a conditional model are, where that is more than numbers from 0."""
    from gan_np.data.labels import LabelTable

    if classes is None or dataset.labels is None:
        return
    table = LabelTable.of(dataset.labels, dataset.class_names, classes)
    if not table.plain:
        say(f"labels: {table}", quiet=quiet)


def _rounded(config: Config) -> str:
    return "" if config.precision == "float32" else f", products in {config.precision}"


def _train_lapgan(
    config: Config, gan: LAPGAN, dataset: Dataset, folder: Path, jobs: int, quiet: bool, dry_run: bool
) -> None:
    from gan_np.runs import train_lapgan
    from gan_np.runs.levels import level_trainers

    sizes = " → ".join("×".join(map(str, player.image_shape[:2])) for player in gan.players)
    steps = config.options["coarsest_steps"]
    coarsest = "" if steps is None else f", the coarsest {steps:,}"
    say(
        f"lapgan {sizes} on {len(dataset):,} images from {config.data}, each level {config.steps:,} steps{coarsest}",
        quiet=quiet,
    )
    _say_labels(gan.classes, dataset, quiet)
    if dry_run:
        players = "\n\n".join(player.summary() for player in gan.players)
        _dry_run(config, dataset, players, level_trainers(gan, dataset.images, dataset.labels, config))
        return
    started = time.monotonic()
    train_lapgan(
        gan,
        dataset.images,
        dataset.labels,
        class_names=dataset.class_names,
        out=folder,
        config=config,
        progress=not quiet,
        jobs=jobs,
    )
    say(
        f"trained {len(gan.players)} levels in {time.monotonic() - started:.0f} s; look at {folder / 'samples.png'}",
        quiet=quiet,
    )
    say(f"  gan-np sample {folder} --count 8 --seed 1 --steps --out series.png", quiet=quiet)


def _resume(run: Path, config: Path | None, out: Path | None, jobs: int, quiet: bool, flags: dict[str, Any]) -> None:
    from gan_np.runs import build_gan, open_data
    from gan_np.runs import resume as run_again
    from gan_np.runs.folder import read_config
    from gan_np.runs.levels import CHANGEABLE as OF_LAPGAN
    from gan_np.runs.levels import is_lapgan

    layered = is_lapgan(run)
    changeable = OF_LAPGAN if layered else CHANGEABLE
    others = sorted(set(flags) - set(changeable)) + ["config"] * (config is not None) + ["out"] * (out is not None)
    allowed = ", --".join(changeable).replace("_", "-")
    if others:
        raise wrong_option(
            f"resume: a run keeps its settings, only --{allowed} may change; got "
            f"--{', --'.join(others).replace('_', '-')} too"
        )
    if layered:
        settings = dataclasses.replace(read_config(run), **flags)
        dataset = open_data(settings, None if "data" in flags else run)
        gan = build_gan(settings, dataset.image_shape, dataset.classes)
        _train_lapgan(settings, gan, dataset, run, jobs, quiet, False)
        return
    _say_ended(read_config(run), flags.get("steps"), quiet)
    started = time.monotonic()
    first: list[int] = []
    trainer = run_again(
        run, **flags, progress=not quiet, callbacks=[lambda _, step: None if first else first.append(step.number)]
    )
    if not first:
        say(f"nothing was trained: {run} is at step {trainer.steps:,} already; --steps N goes on to N", quiet=quiet)
        return
    say(f"went on from step {first[0] - 1:,}", quiet=quiet)
    _report(run, trainer.steps, time.monotonic() - started, quiet)


def _say_ended(config: Config, steps: int | None, quiet: bool) -> None:
    """Which schedules have come to their end in a training that goes on for longer."""
    if steps is None or steps <= config.steps:
        return
    for name in config.to_mapping():
        schedule = getattr(config, name)
        length = getattr(schedule, "updates", None)
        if callable(schedule) and length is not None and length < steps:
            say(
                f"{name}: {config.value(name)} ends at update {length:,} and stays at {schedule(length):g}", quiet=quiet
            )


def _report(folder: Path, steps: int, seconds: float, quiet: bool) -> None:
    say(f"trained to step {steps:,} in {seconds:.0f} s", quiet=quiet)
    for name in ("samples.png", "training.gif", "losses.png", "evaluation.png", "log.jsonl", "config.toml"):
        place = folder / name
        if place.exists():
            say(f"  {place}", quiet=quiet)
        elif name == "losses.png":
            say(f"  {place} was not drawn: matplotlib is not installed", quiet=quiet)
    say(f"look at {folder / 'samples.png'}, then try:", quiet=quiet)
    say(f"  gan-np sample {folder} --count 64 --seed 1 --out grid.png", quiet=quiet)
    say(f"  gan-np show {folder}", quiet=quiet)


def _dry_run(config: Config, dataset: Dataset, networks: str, trainers: Iterable[tuple[str, Config, Trainer]]) -> None:
    """The settings, what was decided about the data, the networks, and what each part of the training costs, measured on a
    few steps of it."""
    import tomli_w

    from gan_np.runs.build import chosen_kernels, tuned_kernels
    from gan_np.training.estimate import estimate

    out = console()
    out.print(tomli_w.dumps(config.to_mapping()))
    for text in (*dataset.decided, *dataset.warned):
        out.print(text)
    out.print(networks)
    for name, settings, trainer in trainers:
        with chosen_kernels(config, tuned_kernels(config)):
            cost = estimate(trainer)
        minutes = cost.seconds * settings.steps / 60
        out.print(
            f"\n{name and name + ': '}measured on {cost.steps} steps: {cost.seconds * 1e3:.0f} ms a step, so about "
            f"{minutes:.1f} minutes for {settings.steps:,} steps;\narrays of the library: {cost.resident / 1e6:.0f} MB "
            f"kept, {cost.peak / 1e6:.0f} MB at the peak of a step (images and libraries not counted)"
        )
