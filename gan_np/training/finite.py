"""Numbers that are not finite stop a training before they spread.

A sum of squares is one cheap pass; only where it is not finite are the entries looked at, segment by segment. Gradients are
checked before the update, so the weights at the time of the error are still good.
"""

from __future__ import annotations

import math

import numpy as np

from gan_np.arrays import Array, array_module
from gan_np.vectors import Layout


class NonFiniteError(ArithmeticError):
    """A loss, a gradient or a weight became NaN or infinite; the message names step, player and layer."""


def check_loss(player: str, value: Array, step: int) -> None:
    """Refuse a loss that is not finite."""
    if not math.isfinite(value):
        raise NonFiniteError(f"step {step}: the loss of {player} is {float(value)}; {_ADVICE}")


def check_vector(what: str, player: str, layout: Layout, values: Array, step: int) -> None:
    """Refuse a gradient or weights with entries that are not finite; `what` says which of the two it is."""
    xp = array_module(values)
    with np.errstate(over="ignore", invalid="ignore"):  # this is the question, not an accident
        squares = xp.dot(values, values)
    if xp.isfinite(squares):
        return
    for segment in layout.segments:
        bad = ~xp.isfinite(values[segment.start : segment.stop])
        if bad.any():
            raise NonFiniteError(
                f"step {step}: the {what} of {player} in layer {segment.name} {segment.shape}: "
                f"{int(bad.sum())} of {segment.size} values are NaN or infinite; {_ADVICE}"
            )


_ADVICE = "a lower learning rate or clip_norm may help"
