"""`gan-np profile`: where a step's time goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import resolve, with_config_flags


@with_config_flags
def profile(
    *,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file with any of the settings below by name."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Steps to measure, after three that do not count.")] = 10,
    **flags: Any,
) -> None:
    """Say where the time of a training step goes, by operation. Takes the settings of `train`; trains nothing."""
    from rich.console import Console
    from rich.table import Table

    from gan_np.training import build_gan, build_trainer, open_data
    from gan_np.training.build import chosen_kernels, tuned_kernels
    from gan_np.training.estimate import profile_steps

    chosen = resolve(config, flags)
    dataset = open_data(chosen)
    images = dataset.images
    trainer = build_trainer(build_gan(chosen, dataset.image_shape, dataset.classes), images, chosen, dataset.labels)
    with chosen_kernels(chosen, tuned_kernels(chosen)):
        step, lines = profile_steps(trainer, repeats)
    table = Table("operation", "kernel", "method", "calls", "ms", "share", title=f"{step * 1e3:.1f} ms a step")
    for column in table.columns[3:]:
        column.justify = "right"
    for line in lines:
        table.add_row(
            line.operation,
            line.implementation,
            line.method,
            f"{line.calls:g}" if line.calls else "",
            f"{line.seconds * 1e3:.2f}",
            f"{line.seconds / step:.1%}",
        )
    Console().print(table)
