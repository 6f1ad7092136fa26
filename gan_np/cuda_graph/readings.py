"""Numbers of a step that are read later: copied from the device while it goes on, looked at when they have arrived."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from gan_np.arrays import Array, array_module, device_of, to_device
from gan_np.devices import scope

from .tape import pinned

SLOTS = 16
"""Steps whose numbers may be under way; before one more is started the host waits for the oldest."""


Failure: TypeAlias = Callable[[int, int], Exception]
"""(flag, step) → the exception for a flag that is not 0 in the report of this step."""


class Reading:
    """Numbers on their way to the host.

    report: the same on the device; outcome, norms of these names, and last a flag that is 0 while all is well.
    """

    def __init__(
        self,
        step: int,
        slot: Array,
        event: Any,
        failure: Failure,
        norms: list[str],
        report: Array,
        device: str,
    ) -> None:
        self.step = step
        self._slot, self._event, self._failure, self._norms = slot, event, failure, norms
        self._report: Array | None = report
        self._device = device
        self._values: list[float] | None = None

    @property
    def ready(self) -> bool:
        """Return whether the numbers have arrived on the host; it does not wait for them."""
        return self._values is not None or bool(self._event.done)

    def check(self) -> None:
        """Take the numbers from the slot, so that others may use it; the host waits if they have not arrived.

        Raises:
            Exception: the failure of this step, if its flag is up.
        """
        flag = self._arrived()[-1]
        if flag:
            raise self._failure(int(flag), self.step)

    def values(self) -> list[float]:
        """The numbers of the outcome; the host waits if they have not arrived.

        Raises:
            Exception: as `check`.
        """
        self.check()
        return self._arrived()[: self._outcomes]

    def norms(self) -> dict[str, float]:
        """The norms of layers that were measured in this step, by name."""
        self.check()
        return dict(zip(self._norms, self._arrived()[self._outcomes : -1], strict=True))

    def outcome(self) -> list[Array]:
        """The numbers of the outcome as 0-d arrays on the device, whose memory no later step writes to.

        Made from the report as long as it holds them, without a wait. Afterwards from the host's numbers: it waits for
        those (the next step has been launched by then) and sends them.
        """
        with scope(self._device):
            if self._report is not None:
                vector: Array = self._report.copy()
            else:
                vector = to_device(np.array(self._arrived()), self._device)
        return [vector[index] for index in range(self._outcomes)]

    def overwritten(self) -> None:
        """The next step writes to the report."""
        self._report = None

    @property
    def _outcomes(self) -> int:
        return len(self._slot) - len(self._norms) - 1

    def _arrived(self) -> list[float]:
        if self._values is None:
            self._event.synchronize()
            self._values = self._slot.tolist()
        return self._values


class Readings:
    """The readings of one training, oldest first."""

    def __init__(self, report: Array, failure: Failure) -> None:
        cupy: Any = array_module(report)
        self._cuda = cupy.cuda
        self._failure, self.length, self._device = failure, len(report), device_of(report)
        self._slots = [pinned(cupy, report.shape, report.dtype) for _ in range(SLOTS)]
        self._events = [cupy.cuda.Event(disable_timing=True) for _ in range(SLOTS)]
        self._under_way: deque[Reading] = deque()
        self._turn = 0
        self._fleeting: Reading | None = None

    def start(self, step: int, report: Array, norms: list[str], *, lasting: bool) -> Reading:
        """Begin to copy a step's report: its numbers, norms of these names, and the flag last.

        lasting: False where the next step writes to the report; then `overwritten` must be called before it is launched.
        (In the stream its work comes behind the copy to the host.)
        """
        if len(self._under_way) == SLOTS:
            self._under_way.popleft().check()
        slot, event = self._slots[self._turn], self._events[self._turn]
        self._turn = (self._turn + 1) % SLOTS
        stream = self._cuda.get_current_stream()
        report.get(stream=stream, out=slot, blocking=False)  # type: ignore[attr-defined]
        event.record(stream)
        reading = Reading(step, slot, event, self._failure, norms, report, self._device)
        self._under_way.append(reading)
        self._fleeting = None if lasting else reading
        return reading

    def overwritten(self) -> None:
        """Another step is about to be launched."""
        if self._fleeting is not None:
            self._fleeting.overwritten()

    def arrived(self) -> None:
        """Look at what has arrived, without waiting.

        Raises:
            Exception: the failure of one of those steps.
        """
        while self._under_way and self._under_way[0].ready:
            self._under_way.popleft().check()

    def settle(self) -> None:
        """Wait until all numbers have arrived.

        Raises:
            Exception: as `arrived`.
        """
        while self._under_way:
            self._under_way.popleft().check()
