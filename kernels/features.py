"""What a problem asks of a kernel beyond the simplest: features that a kernel declares, and without declaring is not given.

So a kernel that was written before a field was added to `Geometry` is never chosen for a problem that uses it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from .geometry import Geometry

FEATURES = {
    "float64": "arrays of float64 (float32 needs no declaration)",
    "gpu": "arrays on a GPU",
    "stride": "a stride other than 1",
    "padding": "padding of the large image",
    "groups": "a grouped convolution: channels that meet only those of their own group",
    "in_place": "bias_activation: writing y over z where the caller says so; without it the caller never does",
    "backward_in_place": "bias_activation, batch_norm: a method of this name, which writes dz, or dx, over dy",
    "across_ranks": "batch_norm: statistics, normalise, sums and pull as methods of their own, between which ranks add up",
    "recomputes": "batch_norm: normalise gives the bits that forward gave, and backward reads y only behind an activation",
    "slope_from_input": "batch_norm: backward reads y only behind tanh and sigmoid; behind the others f′ comes from x",
    "signs": "bias_activation: a method of this name, whose result backward takes in the place of y behind (leaky_)relu",
    "first": "normal, dropout: beginning behind so many blocks of random bits, for a part of a batch",
}
"""What each feature means, by its name."""

PLAIN = {"batch", "large", "small", "kernel"}
"""Fields of a geometry that every convolution kernel reads."""


def needed(device: str, dtype: np.dtype[Any], geometry: Geometry | None) -> tuple[str, ...]:
    """The features that a problem uses; for a dtype or a field of the geometry that has no name here, its own name."""
    found = [] if device == "cpu" else ["gpu"]
    if dtype != np.float32:
        found.append(str(dtype))
    if geometry is not None:
        simplest = {"stride": (1, 1), "padding": (0, 0), "groups": 1}
        found += [
            name
            for name, value in geometry._asdict().items()
            if name not in PLAIN and value != simplest.get(name, Ellipsis)
        ]
    return tuple(found)


def check(features: Collection[str]) -> frozenset[str]:
    """Refuse a name that is no feature.

    Raises:
        TypeError: a text instead of a collection of texts.
        ValueError: an unknown name.
    """
    if isinstance(features, str):
        raise TypeError(f"features: expected a collection of names, got the text {features!r}; write ({features!r},)")
    unknown = sorted(set(features) - set(FEATURES))
    if unknown:
        raise ValueError(f"features: expected some of {', '.join(FEATURES)}, got {', '.join(map(repr, unknown))}")
    return frozenset(features)
