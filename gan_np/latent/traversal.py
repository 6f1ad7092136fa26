"""The grid of a traversal: one factor across, another down, all else held (Goodfellow et al.'s Figure 1, and since)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError, as_array, integer

from .decoding import Decoder
from .factors import Factor, check_factor
from .walks import AT_ONCE, places_of


@dataclass(frozen=True)
class Traversal:
    """images: uint8 (rows·columns, H, W, C), row after row; across, down: the places of columns and rows."""

    images: Array
    across: list[Any]
    down: list[Any]


def traverse(
    decoder: Decoder,
    start: Array,
    across: Factor,
    down: Factor | None = None,
    *,
    columns: int = 7,
    rows: int = 5,
    label: int | str | None = None,
) -> Traversal:
    """Images of one starting point with a factor changed along each axis.

    start: z (k,) of the sample to start from. down: None for one row. label: of a conditional model, that of the start
    as in `sample` (default: that of its first class).

    The two changes add up: row i, column j shows z + s_i·v + t_j·u for directions, whichever is applied first.

    >>> import gan_np as gn
    >>> gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    >>> decoder = gn.latent.Decoder(gan)
    >>> wide, high = (gn.latent.Along(gn.latent.axis(index, 4)) for index in (0, 1))
    >>> gn.latent.traverse(decoder, decoder.points(1, seed=0)[0], wide, high).images.shape
    (35, 8, 8, 1)
    """
    start = _checked(start, across, down)
    begin = _labels_at(decoder, start, label)
    places = across.places(columns), [None] if down is None else down.places(rows)
    points, chosen = [], []
    for low in places[1]:
        for right in places[0]:
            z, labels = start[None], begin
            if down is not None:
                z, labels = down.apply(z, labels, low)
            z, labels = across.apply(z, labels, right)
            points.append(z)
            chosen.append(labels)
    return Traversal(decoder(np.concatenate(points), _together(chosen)), *places)


def traversal_frames(
    decoder: Decoder,
    start: Array,
    across: Factor,
    down: Factor | None = None,
    *,
    frames: int = 48,
    rows: int = 5,
    label: int | str | None = None,
    closed: bool = True,
) -> Iterator[Array]:
    """The same as an animation: what `traverse` draws across changes from frame to frame, down stays down.

    Returns an iterator of uint8 (rows, H, W, C), one for each frame; without `down` (1, H, W, C). closed: a direction goes
    there and back, see `along`.

    >>> import gan_np as gn
    >>> decoder = gn.latent.Decoder(gn.models.dcgan((8, 8, 1), 4, width=2))
    >>> wide = gn.latent.Along(gn.latent.axis(0, 4))
    >>> len(list(gn.latent.traversal_frames(decoder, decoder.points(1, seed=0)[0], wide, frames=6)))
    6
    """
    start = _checked(start, across, down)
    begin, moves = _labels_at(decoder, start, label), places_of(across, integer("frames", frames, 1), closed=closed)
    held = [None] if down is None else down.places(rows)
    first = [(start[None], begin) if down is None else down.apply(start[None], begin, low) for low in held]

    def images() -> Iterator[Array]:
        together = max(1, AT_ONCE // len(held))
        for number in range(0, frames, together):
            part = [across.apply(z, labels, move) for move in moves[number : number + together] for z, labels in first]
            made = decoder(np.concatenate([z for z, _ in part]), _together([labels for _, labels in part]))
            yield from made.reshape(-1, len(held), *made.shape[1:])

    return images()


def _checked(start: Array, across: Factor, down: Factor | None) -> Array:
    """The start as an array; what is across and down must be factors."""
    check_factor("across", across)
    if down is not None:
        check_factor("down", down)
    found: Array = as_array("start", start)
    return found


def _labels_at(decoder: Decoder, start: Array, label: int | str | None) -> Array | None:
    """The label of the start of a conditional model, (1,)."""
    if start.ndim != 1:
        raise ShapeError(f"start: expected one point (k,), got {start.shape}")
    table = decoder.gan.labels
    if table is None:
        if label is not None:
            raise ValueError("label: this model is not conditional, it takes none")
        return None
    return table.labels_of(np.array([0]) if label is None else table.asked([label]))


def _together(labels: list[Array | None]) -> Array | None:
    known = [part for part in labels if part is not None]
    return np.concatenate(known) if known else None
