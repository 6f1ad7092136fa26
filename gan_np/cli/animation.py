"""What commands that write animations have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from gan_np.arrays import Array

if TYPE_CHECKING:
    from gan_np.latent import Points
    from gan_np.models import GAN, Model

MOST_FRAMES = 100_000
SIDE = 256
"""Frames are enlarged to about so many pixels."""

Fps = Annotated[float, typer.Option(metavar="N", help="Frames a second of an animation.")]
Loop = Annotated[bool, typer.Option("--loop/--no-loop", help="Come back to the beginning and go round, or end.")]
Zoom = Annotated[
    int | None,
    typer.Option(
        min=1, max=64, help="Draw each pixel as N × N (default: some 256 pixels a frame).", show_default=False
    ),
]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Start at the z of this file of gan-np invert.", show_default=False),
]


def sheets(frames: Iterable[Array], zoom: int | None, columns: int | None = None) -> Iterator[Array]:
    """Images (N, H, W, C) of each frame as one image: one alone without a frame around it, several as a grid."""
    from gan_np.data.images import as_bytes, enlarged, grid

    for images in frames:
        alone = len(images) == 1 and images.shape[3] in (1, 3, 4)
        sheet = as_bytes(images)[0] if alone else grid(images, columns)
        yield enlarged(sheet, zoom or max(1, SIDE // max(sheet.shape[:2])))


def points_from(path: Path, gan: GAN) -> Points:
    """The points of a file for --from."""
    from gan_np.latent import read_points

    return read_points(path, gan.prior.dim, np.dtype(gan.generator.dtype), "from")


def label_asked(model: Model, text: str | None, name: str = "label") -> int | None:
    """The label that an option names; None where it was not given.

    Raises:
        ValueError: the model takes none, or has no such class; the message says which there are.
    """
    if text is None:
        return None
    table = model.labels
    if table is None:
        raise ValueError(f"{name}: this model is not conditional, it takes none")
    try:
        return int(table.labels_of(table.asked([text]))[0])
    except ValueError as error:
        raise ValueError(f"{name}{str(error).removeprefix('labels')}") from None
