"""The grid of a traversal: one factor across, another down, all else held (Goodfellow et al.'s Figure 1, and since)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.checks import ShapeError

from .decoding import Decoder
from .factors import Factor


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
    if start.ndim != 1:
        raise ShapeError(f"start: expected one point (k,), got {start.shape}")
    table = decoder.gan.labels
    if label is not None and table is None:
        raise ValueError("label: this model is not conditional, it takes none")
    begin = None if table is None else table.labels_of(np.array([0]) if label is None else table.asked([label]))
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
    together = None if table is None else np.concatenate([part for part in chosen if part is not None])
    return Traversal(decoder(np.concatenate(points), together), *places)
