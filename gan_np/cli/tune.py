"""`gan-np tune`: which kernels are fastest on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import resolve, with_config_flags
from .output import say


@with_config_flags
def tune(
    *,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file with any of the settings below by name."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write, for train --tuned.")] = Path("tuned.json"),
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each kernel; the median counts.")] = 7,
    **flags: Any,
) -> None:
    """Time every kernel on what a training step needs, and keep the fastest. Takes the settings of `train`; trains nothing.

    Use it with: gan-np train --tuned tuned.json. Without it a cost model chooses.
    """
    from rich.console import Console
    from rich.table import Table

    from gan_np.training import build_gan, build_trainer, open_data
    from gan_np.training.tuning import save_tuned
    from gan_np.training.tuning import tune as run_tuning

    chosen = resolve(config, flags)
    if not out.parent.is_dir():
        raise FileNotFoundError(f"out: there is no folder {str(out.parent)!r}")
    dataset = open_data(chosen)
    images = dataset.images
    gan = build_gan(chosen, dataset.image_shape, dataset.classes)
    trainer = build_trainer(gan, images, chosen, dataset.labels)
    table = Table("operation", "problem", "chosen", "ms", "cost model", "ms", "times", "others, ms")
    results = []
    for found in run_tuning(trainer, rounds=rounds):
        results.append(found)
        others = [
            f"{name} {1e3 * seconds:.3g}"
            for name, seconds in found.seconds.items()
            if name not in (found.chosen, found.by_cost)
        ]
        others += [f"{name} is wrong" for name in found.faulty]
        own, theirs = found.seconds[found.chosen], found.seconds.get(found.by_cost)
        table.add_row(
            found.operation,
            _shown(found.problem),
            found.chosen,
            f"{1e3 * own:.3g}",
            found.by_cost,
            "wrong" if theirs is None else f"{1e3 * theirs:.3g}",
            "" if theirs is None else f"{theirs / own:.2f}",
            ", ".join(others),
        )
        for name, fault in found.faulty.items():
            say(f"kernel {name!r} is left out: {fault}", style="red")
    Console().print(table)
    changed = sum(found.chosen != found.by_cost for found in results)
    say(f"wrote {save_tuned(out, results)}: {len(results)} problems, {changed} of them not as the cost model has it")


def _shown(problem: Any) -> str:
    shape = "×".join(map(str, problem.shape))
    if problem.geometry is None:
        return shape
    geometry = problem.geometry
    kernel, stride = ("×".join(map(str, sizes)) for sizes in (geometry.kernel, geometry.stride))
    small = "×".join(map(str, geometry.small))
    return f"{shape} ↔ {small}, {kernel} by {stride}"
