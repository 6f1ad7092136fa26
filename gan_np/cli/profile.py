"""`gan-np profile`: where a step's time goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gan_np.distributed import chosen_ranks

from .flags import resolve, with_config_flags

if TYPE_CHECKING:
    from rich.table import Table

    from gan_np.training.estimate import LayerLine, Line, Messages


@with_config_flags
def profile(
    *,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file with any of the settings below by name."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As of train: settings that belong together.", show_default="none"),
    ] = None,
    ranks: Annotated[
        Literal["auto", "off"],
        typer.Option(metavar="NAME", help="As of train: under mpiexec, what a step sends too.", show_default=False),
    ] = "auto",
    repeats: Annotated[int, typer.Option(min=1, help="Steps to measure, after three that do not count.")] = 10,
    **flags: Any,
) -> None:
    """Say where the time of a training step goes, by kernel and by layer. Takes the settings of `train`; trains nothing."""
    from rich.console import Console

    from gan_np.runs import build_gan, open_data
    from gan_np.runs.build import chosen_kernels, tuned_kernels
    from gan_np.runs.stages import stage_trainers
    from gan_np.training.estimate import messages, profile_steps

    chosen = resolve(config, flags, preset)
    together = chosen_ranks(ranks)
    data = together.first_here(lambda: open_data(chosen))
    gan = build_gan(chosen, data.data_shape, data.classes)
    for name, _, trainer in stage_trainers(gan, data.data, data.labels, chosen.of(gan), together):
        with chosen_kernels(chosen, tuned_kernels(chosen)):
            found = profile_steps(trainer, repeats)
            sent = messages(trainer, repeats)
        if together.rank:
            continue
        title = f"{name and name + ': '}{found.seconds * 1e3:.1f} ms a step"
        Console().print(_table(title, found.seconds, found.kernels))
        Console().print(_layers(found.seconds, found.layers))
        if sent:
            Console().print(_messages(together.size, sent))


def _messages(size: int, sent: list[Messages]) -> Table:
    from rich.table import Table

    table = Table("message", "a step", "bytes each", "bytes a step", "ms waited", title=f"rank 0 of {size} sends")
    for column in table.columns[1:]:
        column.justify = "right"
    for line in sent:
        each = line.sent / line.messages
        table.add_row(line.what, f"{line.messages:g}", f"{each:,.0f}", f"{line.sent:,.0f}", f"{line.seconds * 1e3:.2f}")
    return table


def _table(title: str, step: float, lines: list[Line]) -> Table:
    from rich.table import Table

    table = Table("operation", "kernel", "method", "calls", "ms", "share", title=title)
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
    return table


def _layers(step: float, lines: list[LayerLine]) -> Table:
    """The same time by the layers that called the kernels; what is missing is losses, optimisers and data."""
    from rich import box
    from rich.table import Table

    heads = ("player", "place", "layer", "calls", "forward\nms", "backward\nms", "share")
    table = Table(*heads, title="by layer", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[3:]:
        column.justify = "right"
    for column in table.columns:
        column.no_wrap = column.header != "layer"  # which alone gives way where there is little room
        column.overflow = "fold"
    for line in lines:
        table.add_row(
            line.player,
            line.place,
            line.layer,
            f"{line.calls:g}",
            f"{line.forward * 1e3:.2f}",
            f"{line.backward * 1e3:.2f}",
            f"{(line.forward + line.backward) / step:.1%}",
        )
    rest = step - sum(line.forward + line.backward for line in lines)
    table.add_row("", "", "losses, optimisers, data", "", f"{rest * 1e3:.2f}", "", f"{rest / step:.1%}")
    return table
