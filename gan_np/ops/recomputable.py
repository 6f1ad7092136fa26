"""Outputs that are computed again in the backward pass, so that they need not be kept for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from gan_np.arrays import Array


class Recomputable:
    """An operation's output that follows, bit for bit, from what the operation keeps anyway.

    Batch normalisation keeps its input x. Its output y is read in the backward pass by the layer that follows, for the
    gradient of its weights, and with some activations by batch normalisation itself, for the slope. They ask here and do not
    keep y, so that it is freed when forward is done with it. Where somebody keeps y all the same, nothing is computed again.

    array: the output. compute: makes it again, the same bits.
    twice: the operation will ask too, after the layer that follows; what was computed again is held until then.

    >>> import numpy as np
    >>> x = np.arange(3.0)
    >>> y = 2 * x
    >>> output = Recomputable(y, lambda: 2 * x)
    >>> output.is_of(y), output.get() is y
    (True, True)
    >>> del y
    >>> output.get()
    array([0., 2., 4.])
    """

    __slots__ = ("_compute", "_held", "_output", "_twice")

    def __init__(self, array: Array, compute: Callable[[], Array], *, twice: bool = True) -> None:
        self._output = weakref.ref(array)
        self._compute, self._twice = compute, twice
        self._held: Array | None = None

    def is_of(self, array: object) -> bool:
        """Whether this is about that very array."""
        return self._output() is array

    def get(self) -> Array:
        """The output; with `twice` it is held until `release` once it is computed again."""
        found: Array | None = self._output() if self._held is None else self._held
        if found is None:
            found = self._compute()
            if self._twice:
                self._held = found
        return found

    def release(self) -> None:
        """Free what was computed again."""
        self._held = None
