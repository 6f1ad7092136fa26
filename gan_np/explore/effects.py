"""This changes, that stays: what moving along a direction does to what can be read from an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_np.arrays import Array
from gan_np.latent import Direction, by_properties, by_property
from gan_np.metrics.appearance import appearance
from gan_np.metrics.disentanglement import effects

COUNT = 128
"""Points that a direction is measured at: a size is known to about 7 %."""
SHARE = 2 / 3
"""How far a point is moved each way, as a share of half the direction's usual range: by 2 of 3."""
SAMPLES = 2000
"""Samples that a class or a factor's direction is found from, as many as `gan_np.latent.Towards` takes."""


@dataclass(frozen=True)
class Ruler:
    """Reads factors (N, F) from images; source: where it comes from, in words; explained: how well it reads each factor."""

    read: Callable[[Array], Array]
    names: tuple[str, ...]
    source: str
    explained: tuple[float, ...] | None = None

    @property
    def of_classes(self) -> bool:
        """Whether what it reads is the class of an image."""
        return all(name.startswith("class=") for name in self.names)


def measure(
    decode: Callable[[Array], Array], z: Array, factors: Sequence[dict[str, Any]], ruler: Ruler | None
) -> dict[str, Any]:
    """What each direction does to the appearance of images, and to what the ruler reads, over points z (N, k).

    factors: as the page is told them, see `factors_of`. Returns "factors", the names of what was read, and by the id of each
    direction "sizes" and "shifts", see `gan_np.metrics.effects`; None stands for what is infinite or has no sign.
    """

    def read(images: Array) -> Array:
        values = appearance(images)[0]
        return values if ruler is None else np.concatenate([values, ruler.read(images)], axis=1)

    names = appearance(decode(z[:1]))[1]
    if ruler is not None:
        names += tuple(f"{name} (as the data name it)" if name in names else name for name in ruler.names)
    # `effects` moves each point by 2·u; a range other than ±3 is told by the length of u.
    vectors = {
        factor["id"]: np.asarray(factor["vector"]) * (SHARE * (factor["high"] - factor["low"]) / 2) / 2
        for factor in factors
    }
    found = effects(decode, z, vectors, read, names)
    return {
        "factors": list(found.factors),
        "directions": {
            name: {"sizes": _plain(found.sizes[row]), "shifts": _plain(found.shifts[row])}
            for row, name in enumerate(found.directions)
        },
    }


def directions_of(decode: Callable[[Array], Array], z: Array, ruler: Ruler) -> dict[str, list[Direction]]:
    """The directions of what a ruler reads, found from samples at points z (N, k).

    "class": towards each class, E[z | samples read as it] − E[z | the others], where some samples are and some are not.
    "factor": along each factor, the others held (`gan_np.latent.by_properties`).
    """
    values = ruler.read(decode(z))
    if ruler.of_classes:
        classes = values.argmax(axis=1)
        seen = [number for number in range(len(ruler.names)) if 0 < (classes == number).sum() < len(z)]
        names = {number: ruler.names[number].removeprefix("class=") for number in seen}
        return {"class": [by_property(f"class:{name}", z, classes == number) for number, name in names.items()]}
    varies = [column for column in range(values.shape[1]) if values[:, column].std() > 0]
    if not varies:
        return {}
    chosen = [f"factor:{ruler.names[column]}" for column in varies]
    return {"factor": list(by_properties(chosen, z, values[:, varies].astype(np.float64)).values())}


def _plain(values: Array) -> list[float | None]:
    return [round(float(value), 3) if math.isfinite(value) else None for value in values]
