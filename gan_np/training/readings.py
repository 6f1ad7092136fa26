"""Numbers of a step that are read later: copied from the device while it goes on, looked at when they have arrived."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from gan_np.arrays import Array, array_module
from gan_np.replay import pinned

from .finite import DeviceWatch, NonFiniteError

SLOTS = 16
"""Steps whose numbers may be under way; before one more is started the host waits for the oldest."""


class Reading:
    """Numbers on their way to the host."""

    def __init__(self, step: int, slot: Array, event: Any, watch: DeviceWatch | None, norms: list[str]) -> None:
        self.step = step
        self._slot, self._event, self._watch, self._norms = slot, event, watch, norms
        self._values: list[float] | None = None

    @property
    def ready(self) -> bool:
        """Whether they have arrived; asking does not wait."""
        return self._values is not None or bool(self._event.done)

    def values(self) -> list[float]:
        """The numbers; the host waits if they have not arrived.

        Raises:
            NonFiniteError: in this step or before something was not finite.
        """
        if self._values is None:
            self._event.synchronize()
            self._values = [float(value) for value in self._slot]
        *numbers, flag = self._values
        if flag:
            assert self._watch is not None
            raise NonFiniteError(self._watch.explain(int(flag), self.step))
        return numbers[: len(numbers) - len(self._norms)]

    def norms(self) -> dict[str, float]:
        """The norms of layers that were measured in this step, by name."""
        self.values()
        assert self._values is not None
        first = len(self._values) - 1 - len(self._norms)
        return dict(zip(self._norms, self._values[first:-1], strict=True))


class Readings:
    """The readings of one training, oldest first."""

    def __init__(self, report: Array, watch: DeviceWatch | None) -> None:
        cupy: Any = array_module(report)
        self._cuda = cupy.cuda
        self._watch, self.length = watch, len(report)
        self._slots = [pinned(cupy, report.shape, report.dtype) for _ in range(SLOTS)]
        self._events = [cupy.cuda.Event(disable_timing=True) for _ in range(SLOTS)]
        self._under_way: deque[Reading] = deque()
        self._turn = 0

    def start(self, step: int, report: Array, norms: list[str]) -> Reading:
        """Begin to copy a step's report: its numbers, norms of these names, and the watch's flag last."""
        if len(self._under_way) == SLOTS:
            self._under_way.popleft().values()
        slot, event = self._slots[self._turn], self._events[self._turn]
        self._turn = (self._turn + 1) % SLOTS
        report.get(stream=self._cuda.get_current_stream(), out=slot, blocking=False)  # type: ignore[attr-defined]
        event.record()
        reading = Reading(step, slot, event, self._watch, norms)
        self._under_way.append(reading)
        return reading

    def arrived(self) -> None:
        """Look at what has arrived, without waiting.

        Raises:
            NonFiniteError: in one of those steps something was not finite.
        """
        while self._under_way and self._under_way[0].ready:
            self._under_way.popleft().values()

    def settle(self) -> None:
        """Wait for all.

        Raises:
            NonFiniteError: as `arrived`.
        """
        while self._under_way:
            self._under_way.popleft().values()


def stacked(numbers: list[Array]) -> Array:
    """0-d arrays on the device as one vector of float64.

    One by one: CuPy joins many arrays through a table of addresses that it sends there, which cannot be captured.
    """
    vector = array_module(numbers[0]).empty(len(numbers), np.float64)
    for place, number in enumerate(numbers):
        vector[place] = number
    return vector
