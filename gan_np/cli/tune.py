"""`gan-np tune`: which kernels are fastest on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gan_np.kernels import convolution_label
from gan_np.runs.tuning import Trial, Tuned, confirm, save_tuned
from gan_np.runs.tuning import tune as run_tuning

from .flags import resolve, with_config_flags
from .output import say


@with_config_flags
def tune(
    *,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file with any of the settings below by name."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As of train: settings that belong together.", show_default="none"),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write, for train --tuned.")] = Path("tuned.json"),
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each kernel; the median counts.")] = 7,
    **flags: Any,
) -> None:
    """Time every kernel on what a training step needs, and keep the fastest. Takes the settings of `train`; trains nothing.

    Use it with: gan-np train --tuned tuned.json. Without it a cost model chooses.
    """
    from gan_np.runs import build_gan, open_data
    from gan_np.runs.stages import stage_trainers

    chosen = resolve(config, flags, preset)
    if not out.parent.is_dir():
        raise FileNotFoundError(f"out: there is no folder {str(out.parent)!r}")
    dataset = open_data(chosen)
    gan = build_gan(chosen, dataset.data_shape, dataset.classes)
    found_out: dict[Any, Tuned] = {}
    trials: list[Trial] = []
    for _, _, trainer in stage_trainers(gan, dataset.data, dataset.labels, chosen.of(gan)):
        found, tried = confirm(trainer, run_tuning(trainer, rounds=rounds, known=found_out), rounds=rounds)
        for one in found:  # what comes up in several stages is chosen for the first
            found_out.setdefault((one.operation, one.problem), one)
        trials += tried
    results = list(found_out.values())
    shown = Console()
    shown.print(_problems(results))
    if trials:
        shown.print(_trials(trials))
    for result in results:
        for name, fault in result.faulty.items():
            say(f"kernel {name!r} of {result.operation!r} is left out: {fault}", style="red")
    changed = sum(result.chosen != result.by_cost for result in results)
    say(f"wrote {save_tuned(out, results)}: {len(results)} problems, {changed} of them not as the cost model has it")


def _problems(results: list[Tuned]) -> Table:
    table = Table("operation", "problem", "chosen", "kernels, ms", caption="* what the cost model chooses")
    for result in results:
        times = [
            f"{name}{'*' if name == result.by_cost else ''} {1e3 * seconds:.3g}"
            for name, seconds in sorted(result.seconds.items(), key=lambda pair: pair[1])
        ]
        times += [f"{name}{'*' if name == result.by_cost else ''} wrong" for name in result.faulty]
        table.add_row(result.operation, _shown(result.problem), result.chosen, ", ".join(times))
    return table


def _trials(trials: list[Trial]) -> Table:
    table = Table("tried in whole steps", "problems", "ms without", "ms with", "kept")
    for trial in trials:
        before, after = (f"{1e3 * seconds:.1f}" for seconds in (trial.without, trial.seconds))
        table.add_row(
            f"{trial.operation}={trial.kernel}", str(trial.problems), before, after, "yes" if trial.kept else "no"
        )
    return table


def _shown(problem: Any) -> str:
    shape = "×".join(map(str, problem.shape))
    if problem.geometry is None:
        return shape
    return convolution_label(problem.geometry)
