"""Numbers that are not finite stop a training before they spread.

On the host each vector is looked at in one pass; only where that finds something it is looked for by layer
(`gan_np.vectors.not_finite`).
Gradients are checked before the update, so the weights at the time of the error are still good. On a GPU nobody waits for
the answer: it goes into a flag on the device, which makes all later updates leave θ alone, and is read some steps later.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from gan_np import ops
from gan_np.arrays import Array, device_of, zeros
from gan_np.checks import NonFiniteError as NonFiniteError  # known by this name too
from gan_np.vectors import Layout, not_finite


def check_loss(player: str, value: Array, step: int) -> None:
    """Refuse a loss that is not finite."""
    if not math.isfinite(value):
        raise NonFiniteError(f"step {step}: the loss of {player} is {float(value)}; {_ADVICE}")


def check_vector(what: str, player: str, layout: Layout, values: Array, step: int) -> None:
    """Refuse a gradient or weights with entries that are not finite; `what` says which of the two it is."""
    flag = zeros((), np.int32, device_of(values))
    ops.flag_non_finite(values, flag, 1)
    if flag and (found := not_finite(layout, values)):
        raise NonFiniteError(f"step {step}: the {what} of {player} in layer {found}; {_ADVICE}")


class Watch(Protocol):
    """Who looks at the numbers of a step, and what becomes of updates after a bad one."""

    @property
    def skip(self) -> Array | None:
        """A flag on the device that makes updates leave everything as it is (`Optimizer.step`); None on the host."""

    def loss(self, player: str, value: Array, step: int) -> None:
        """Look at the loss of a player."""

    def vector(self, what: str, player: str, layout: Layout, values: Array, step: int) -> None:
        """Look at a player's gradient or weights; `what` says which."""


class HostWatch:
    """Looks at once, and raises `NonFiniteError`."""

    skip = None

    def loss(self, player: str, value: Array, step: int) -> None:
        """Check a loss at once, as `check_loss` does."""
        check_loss(player, value, step)

    def vector(self, what: str, player: str, layout: Layout, values: Array, step: int) -> None:
        """Check a vector at once, as `check_vector` does."""
        check_vector(what, player, layout, values, step)


class DeviceWatch:
    """A flag on the device: 0 until something is not finite, then for ever the number of what was so first."""

    def __init__(self, device: str) -> None:
        self.flag = zeros((), np.int32, device)
        self._names: list[str] = []

    @property
    def skip(self) -> Array:
        """The flag: once it is up, updates are left out."""
        return self.flag

    def loss(self, player: str, value: Array, step: int) -> None:
        """Raise the flag if it is not finite; the step is known when the flag is read."""
        self._look(f"the loss of {player}", value)

    def vector(self, what: str, player: str, layout: Layout, values: Array, step: int) -> None:
        """Raise the flag if an entry is not finite; where it is can not be told afterwards."""
        self._look(f"the {what} of {player}", values)

    def _look(self, what: str, values: Array) -> None:
        if what not in self._names:
            self._names.append(what)
        ops.flag_non_finite(values, self.flag, self._names.index(what) + 1)

    def failure(self, flag: int, step: int) -> NonFiniteError:
        """The error for a flag that was read with the numbers of this step."""
        return NonFiniteError(
            f"step {step}: {self._names[flag - 1]} has values that are NaN or infinite; this update and all later ones were "
            f"left out; {_ADVICE}"
        )


_ADVICE = "a lower learning rate or clip_norm may help"
