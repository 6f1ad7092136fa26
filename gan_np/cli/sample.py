"""`gan-np sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import say


def sample(
    run: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same pictures, whatever the count.")] = 0,
    out: Annotated[Path, typer.Option(help="The picture file to write.")] = Path("grid.png"),
    columns: Annotated[int | None, typer.Option(min=1, help="Pictures in a row (default: nearly square).")] = None,
    average: Annotated[
        bool, typer.Option(help="Sample from the average of G's weights, or from the last ones.")
    ] = True,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Draw pictures from a trained run as a grid."""
    from gan_np.data import save_grid
    from gan_np.training import load_gan

    gan = load_gan(run, device=device)
    path = save_grid(gan.sample(count, seed, average=average), out, columns=columns)
    say(f"wrote {path}")
