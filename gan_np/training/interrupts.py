"""An interrupt in a notebook ends a step of one's own loop after it, not within: the trainer can go on.

Elsewhere Ctrl-C is Python's own, at once, since nobody goes on with the objects of a process that it ends.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from gan_np.notebook import in_notebook


class Stopped(KeyboardInterrupt):
    """A step was asked to stop by an interrupt, and did when it was done; a notebook shows two lines of it."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.steps = steps

    def __str__(self) -> str:
        """What happened, and how to go on."""
        return "\n".join(self._render_traceback_())

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in place of a traceback."""
        return [
            f"stopped after step {self.steps:,}, which is complete",
            "go on with the same loop: the trainer stands where that step left it",
        ]


class WholeStep:
    """Around a step: in a notebook the first interrupt waits for its end and is raised there as `Stopped`.

    A second one interrupts at once. Where another handler than Python's own is in force, as in `gan_np.train`, that one
    decides.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._asked = self._ours = False

    def __enter__(self) -> None:
        """Takes over, where there is something to take over."""
        self._asked = False
        self._ours = (
            in_notebook()
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._ours:
            signal.signal(signal.SIGINT, self._receive)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Gives back, and passes on what came meanwhile."""
        if not self._ours:
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._asked and kind is None:
            raise Stopped(self._trainer.steps)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
