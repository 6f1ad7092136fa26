"""Ctrl-C and SIGTERM end a training after the step that is running, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any


class Interrupted(Exception):
    """A training was asked to stop by a signal, and did, with a checkpoint.

    number: of the signal. run: the folder with which to go on; a run of several stages gives its own and not a stage's.
    data: the place of its data that its configuration names; empty for data that were given in Python.
    """

    def __init__(self, number: int, what: str, run: Path, data: str = "unknown") -> None:
        super().__init__(number, what, run, data)
        self.number, self.what, self.run, self.data = number, what, run, data

    def __str__(self) -> str:
        """A sentence that says what happened, and how to go on."""
        needed = needs_data(self.run, self.data)
        return f"{self.what}; {needed and needed + '; '}go on with: gan-np train --resume {self.run}"

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook prints in place of a traceback."""
        return [self.what, f"go on with: gan_np.resume({str(self.run)!r})"]


class NothingTrained(Interrupted):
    """A training was asked to stop before its first step was done: there is nothing to go on with."""

    def __init__(self, number: int, run: Path) -> None:
        super().__init__(number, f"stopped by {signal.Signals(number).name} before the first step: {NOTHING}", run)

    def __reduce__(self) -> tuple[Any, ...]:
        """As its own arguments say, so that it can come from another process."""
        return type(self), (self.number, self.run)

    def __str__(self) -> str:
        """What happened."""
        return self.what

    def _render_traceback_(self) -> list[str]:
        """The line that a notebook prints in place of a traceback."""
        return [self.what]


NOTHING = "nothing was trained"
"""What is said of a training that ended before its first step was done."""


def needs_data(run: Path | None, data: str) -> str:
    """Words for what a run needs beside its folder to go on: its data, where they were given in Python; empty if nothing."""
    return (
        ""
        if data
        else f"its data were given in Python: gan_np.resume({str(run)!r}, images=…), or --data PLACE beside --resume"
    )


class StopRequest:
    """Inside a `with` block the first SIGINT or SIGTERM only sets `number`; a second SIGINT interrupts at once.

    Of two blocks, one inside the other, both know of a signal: one that came before the inner block began, or when what is
    in it was as good as done, is not lost.
    Signals can be caught in the main thread only; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
            if self._around is not None:
                self.number = self._around.number
        return self

    @property
    def inner(self) -> bool:
        """True if there is another block around this one, which knows of a signal too."""
        return self._around is not None

    @property
    def _around(self) -> StopRequest | None:
        owner = getattr(self._before.get(signal.SIGTERM), "__self__", None)
        return owner if isinstance(owner, StopRequest) else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The handlers that were there before are back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._around is not None:
            self._around.number = self.number

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
