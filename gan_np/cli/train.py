"""`gan-np train`."""

from __future__ import annotations

import dataclasses
import time
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gan_np.checks import ShapeError
from gan_np.data.dataset import Dataset
from gan_np.data.hold_out import rows_held_out
from gan_np.data.resize import size_of
from gan_np.distributed import chosen_ranks, device_of_rank
from gan_np.models import GAN, Model
from gan_np.networks.network import parameter_limit
from gan_np.ranks import Ranks
from gan_np.runs.config import CHANGEABLE, Config
from gan_np.runs.presets import PRESETS
from gan_np.runs.presets import preset as find_preset
from gan_np.training.hints import TrainingHint

from .flags import given, resolve, with_config_flags
from .output import console, say, say_all
from .usage import checking_options, wrong_option

CHANGED = ", ".join(f"--{name}" for name in CHANGEABLE if name not in ("data", "labels"))


@with_config_flags
def train(
    *,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file with any of the settings below by name."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Settings that belong together; any may be given otherwise beside it. One of: {', '.join(PRESETS)}.",
        ),
    ] = None,
    list_presets: Annotated[
        bool, typer.Option("--list-presets", help="Print the presets, with what each sets, and stop.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The run folder to make [dim]\\[runs/DATA-MODEL-N][/dim].")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help=f"Go on with this run; only {CHANGED}, and --data and --labels where these were moved, may be given beside "
            "it (and what a model allows: lapgan --coarsest-steps)."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the settings, the networks and what it would cost, and stop.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Of a model of several stages (lapgan), how many train at the same time [dim]\\[1][/dim].",
            show_default=False,
        ),
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    ranks: Annotated[
        Literal["auto", "off"],
        typer.Option(
            metavar="NAME",
            help="auto: processes that mpiexec or Slurm started together train one model; off: each alone "
            "[dim]\\[auto][/dim].",
            show_default=False,
        ),
    ] = "auto",
    **flags: Any,
) -> None:
    """Train a GAN; with no options, a DCGAN on 5,000 handwritten digits, about a minute and a half on two cores.

    Leaves a run folder: sample grids over time, the final grid, a loss plot, a log, the settings and checkpoints.

    What counts: flags over the file given by --config over the preset over the defaults in brackets.
    """
    from gan_np.runs import build_gan, open_data
    from gan_np.runs import train as run_training
    from gan_np.runs.folder import RunFolder, refuse_full

    if list_presets:
        _list_presets()
        return
    together = chosen_ranks(ranks)
    quiet = quiet or together.rank > 0  # rank 0 speaks for all
    if quiet:
        warnings.simplefilter("ignore", TrainingHint)  # they are in the run folder, and `show` has them
    if resume is not None:
        if preset is not None:
            raise wrong_option("preset: a run keeps its settings; leave it out beside --resume")
        _resume(resume, config, out, jobs, quiet, given(flags), together)
        return
    if flags.get("init_from") and flags.get("model"):
        raise wrong_option("model: the networks come from --init-from as they are; leave it out")
    chosen = resolve(config, flags, preset)
    if out is not None and not dry_run and not together.rank:  # before data are read, which may take long
        refuse_full(out)
    _check_size(chosen)
    chosen = dataclasses.replace(chosen, device=device_of_rank(chosen.device, together))
    dataset = together.first_here(lambda: open_data(chosen))
    if not dry_run:
        say_all(dataset.decided, quiet=quiet)
    with checking_options(chosen.options):
        gan = build_gan(chosen, dataset.data_shape, dataset.classes)
    if chosen.init_from:
        say(
            f"from {chosen.init_from}: weights, statistics and average of both networks are kept; optimisers, counts, noise "
            "and the order of the images start afresh",
            quiet=quiet,
        )
    chosen = chosen.of(gan)
    _introduce(gan, chosen, dataset, quiet)
    _say_ranks(chosen, together, quiet)
    if dry_run:
        _dry_run(chosen, dataset, gan)
        return
    folder = out or together.from_first(lambda: RunFolder.free_name(chosen))
    started = time.monotonic()
    run_training(
        gan,
        dataset,
        out=folder,
        config=chosen,
        progress=not quiet,
        jobs=jobs,
        ranks=together,
    )
    if not together.rank:
        _report(folder, gan, time.monotonic() - started, quiet)


def _check_size(config: Config) -> None:
    """Refuse a size of images that the model cannot be made for, before the images are decoded, which may take long."""
    from gan_np.runs import build_gan

    if config.image_size is None or config.init_from:
        return
    height, width = size_of("image_size", config.image_size)
    try:
        with parameter_limit(0):  # so that no network is made: shapes come first
            build_gan(config, (height, width, config.channels or 1), 2)
    except ShapeError as error:
        raise wrong_option(f"image_size: {str(error).removeprefix('image_shape: ')}") from error
    except ValueError:
        pass  # the limit; or what depends on the data, which are read next


def _list_presets() -> None:
    """Each preset with its settings as a file for --config has them."""
    import tomli_w

    out = console()
    for name, found in PRESETS.items():
        out.print(f"# {name}: {found.title}")
        out.print(tomli_w.dumps(find_preset(name)), markup=False)


def _introduce(gan: Model, config: Config, dataset: Dataset, quiet: bool) -> None:
    """What is trained on what: the model, the data, each stage."""
    begin = f"{config.model or 'a GAN put together by hand'} on {dataset.counted} from {config.data}"
    if config.hold_out:
        begin += f", {len(rows_held_out(len(dataset), config.hold_out, dataset.labels)):,} of them held out"
    if len(gan.stages) == 1:
        say(f"{begin}: {_sizes(gan.stages[0], config)}", quiet=quiet)
    else:
        say(f"{begin}, in {len(gan.stages)} stages", quiet=quiet)
        for number, stage in enumerate(gan.stages):
            of_stage = config.of_stage(number)
            say(f"  {gan.stage_name(number)}, {of_stage.steps:,} steps: {_sizes(stage, of_stage)}", quiet=quiet)
    _say_labels(gan.classes, dataset, quiet)


def _sizes(gan: GAN, config: Config) -> str:
    return (
        f"G {len(gan.generator.parameters):,} and D {len(gan.discriminator.parameters):,} parameters, "
        f"{gan.generator.dtype} on {gan.generator.device}{_rounded(config)}"
    )


def _say_labels(classes: int | None, dataset: Dataset, quiet: bool) -> None:
    """What the classes of a conditional model are, where that is more than numbers from 0."""
    from gan_np.data.labels import LabelTable

    if classes is None or dataset.labels is None:
        return
    table = LabelTable.of(dataset.labels, dataset.class_names, classes)
    if not table.plain:
        say(f"labels: {table.shortened()}", quiet=quiet)


def _rounded(config: Config) -> str:
    return "" if config.precision == "float32" else f", products in {config.precision}"


def _say_ranks(config: Config, ranks: Ranks, quiet: bool) -> None:
    """Who trains together."""
    from gan_np.kernels import threads

    if ranks.size > 1:
        say(
            f"{ranks.size} processes train together, {ranks.local_size} of them on this machine: "
            f"{config.batch_size // ranks.size} examples of each batch and {threads.count()} threads each",
            quiet=quiet,
        )


def _resume(
    run: Path,
    config: Path | None,
    out: Path | None,
    jobs: int,
    quiet: bool,
    flags: dict[str, Any],
    ranks: Ranks,
) -> None:
    from gan_np.runs import load_gan
    from gan_np.runs import resume as run_again
    from gan_np.runs.folder import read_config
    from gan_np.runs.opened import steps_done

    changeable = read_config(run).changeable() if (run / "config.toml").is_file() else CHANGEABLE
    others = sorted(set(flags) - set(changeable)) + ["config"] * (config is not None) + ["out"] * (out is not None)
    allowed = ", --".join(changeable).replace("_", "-")
    if others:
        raise wrong_option(
            f"resume: a run keeps its settings, only --{allowed} may change; got "
            f"--{', --'.join(others).replace('_', '-')} too"
        )
    _say_ended(read_config(run), flags.get("steps"), quiet)
    started = time.monotonic()
    before = steps_done(run)
    ranks.barrier()  # all have read before one writes
    run_again(run, **flags, progress=not quiet, jobs=jobs, ranks=ranks)
    if ranks.rank:
        return
    after = steps_done(run)
    for name, steps in before.items():
        if after[name] > steps:
            say(f"{'' if len(after) == 1 else f'{name}: '}went on from step {steps:,}", quiet=quiet)
    if before == after:
        reached = ", ".join(f"{run if len(after) == 1 else name} is at step {steps:,}" for name, steps in after.items())
        say(f"nothing was trained: {reached} already; --steps N goes on to N", quiet=quiet)
        return
    _report(run, load_gan(run), time.monotonic() - started, quiet)


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


def _report(run: Path, gan: Model, seconds: float, quiet: bool) -> None:
    """What was trained and where it is, and what to do with it."""
    from gan_np.runs.opened import steps_done

    done = steps_done(run)
    if len(done) == 1:
        say(f"trained to step {next(iter(done.values())):,} in {seconds:.0f} s", quiet=quiet)
    else:
        reached = ", ".join(f"{name} to step {steps:,}" for name, steps in done.items())
        say(f"trained {reached} in {seconds:.0f} s", quiet=quiet)
    names = (
        "samples.png",
        "samples.csv",
        "training.gif",
        "drawing.gif",
        "losses.png",
        "evaluation.png",
        "log.jsonl",
        "config.toml",
    )
    for name in (*(done if len(done) > 1 else ()), *names):
        place = run / name
        if place.exists():
            say(f"  {place}", quiet=quiet)
        elif (name == "losses.png" and len(done) == 1) or name == "samples.png":
            say(f"  {place} was not drawn: matplotlib is not installed", quiet=quiet)
    say(f"look at {run / 'samples.png'}, then go on with:", quiet=quiet)
    for command in _to_go_on_with(run, gan):
        say(f"  {command}", quiet=quiet)


def _to_go_on_with(run: Path, gan: Model) -> list[str]:
    """Three commands for what a run is for: its samples, what they say of z, how good they are."""
    if len(gan.data_shape) == 1:
        return [f"gan-np sample {run} --count 1000 --out rows.csv", f"gan-np show {run}", f"gan-np evaluate {run}"]
    if gan.draw_steps > 1:
        look = f"gan-np sample {run} --count 8 --steps --out series.png"
    elif gan.classes is not None:
        look = f"gan-np traverse {run} --across label"
    else:
        look = f"gan-np walk {run} --out walk.gif"
    return [f"gan-np sample {run} --count 64 --out grid.png", look, f"gan-np evaluate {run}"]


def _dry_run(config: Config, dataset: Dataset, gan: Model) -> None:
    """The settings, what was decided about the data, the networks, hints that are known before the first step, and what each
    stage of the training costs, measured on a few steps of it."""
    import tomli_w

    from gan_np.durations import time_in_words
    from gan_np.runs.build import chosen_kernels, tuned_kernels
    from gan_np.runs.hinting import Adviser
    from gan_np.runs.stages import stage_trainers
    from gan_np.training.estimate import estimate

    out = console()
    out.print(tomli_w.dumps(config.to_mapping()))
    for text in (*dataset.decided, *dataset.warned):
        out.print(text)
    out.print(gan.summary())
    for name, settings, trainer in stage_trainers(gan, dataset.data, dataset.labels, config):
        Adviser(trainer, say=out.print)
        with chosen_kernels(config, tuned_kernels(config)):
            cost = estimate(trainer)
        whole = time_in_words(cost.seconds * settings.steps, estimated=True)
        out.print(
            f"\n{name and name + ': '}measured on {cost.steps} steps: {cost.seconds * 1e3:.0f} ms a step, so "
            f"{whole} for {settings.steps:,} steps;\narrays of the library: {cost.resident / 1e6:.0f} MB "
            f"kept, {cost.peak / 1e6:.0f} MB at the peak of a step (images and libraries not counted)"
        )
