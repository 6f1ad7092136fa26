"""The order of the features of a vector that is a map laid flat: channels last here, channels first in PyTorch.

An order is a tuple of parts, one after the other: (n,) are n features of a vector, (height, width, channels) those of a map.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from gan_np.arrays import Array, Shape

Order: TypeAlias = "tuple[Shape, ...]"
Orders: TypeAlias = Any
"""An order for each vector, None for a map; a tuple where there are several (nested where structures are)."""


def plain(shape: Any) -> Orders:
    """The orders of values of these shapes that are in this library's order."""
    if shape and isinstance(shape[0], tuple):
        return tuple(map(plain, shape))
    return (tuple(shape),) if len(shape) == 1 else None


def agrees(part: Shape) -> bool:
    """Whether both orders of a part are the same."""
    return len(part) == 1 or part[-1] == 1 or math.prod(part[:-1]) == 1


def is_plain(order: Orders) -> bool:
    """Whether every vector is in this library's order."""
    if order is None:
        return True
    return all(agrees(one) if isinstance(one[0], int) else is_plain(one) for one in order if one)


def places(order: Order) -> Array:
    """For each feature in PyTorch's order, which one of this library's it is: theirs = ours[places]."""
    found, start = [], 0
    for part in order:
        count = math.prod(part)
        found.append(start + np.moveaxis(np.arange(count).reshape(part), -1, 0).ravel())
        start += count
    together: Array = np.concatenate(found)
    return together
