"""Where rows become images rows: the order of a row's features, ours (H, W, C) and others' (C, H, W)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Order = np.ndarray[Any, np.dtype[np.intp]] | None
"""Entry j of another library's row is entry order[j] of ours; None: the same."""


def image_order(image: tuple[int, ...]) -> Order:
    """Where the entries of a row (C, H, W) are in a row (H, W, C)."""
    if len(image) != 3:
        return None
    return np.arange(math.prod(image)).reshape(image).transpose(2, 0, 1).reshape(-1)


def indices(order: Order, count: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The order spelled out."""
    return np.arange(count) if order is None else order
