"""A progress bar: steps a second, time left, losses, D's accuracies."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .step import Step


class ProgressBar:
    """Shows the newest step; on a terminal as a bar, elsewhere as a line every `quiet_seconds`."""

    def __init__(
        self, total: int, *, console: Console | None = None, done: int = 0, quiet_seconds: float = 10.0
    ) -> None:
        self.console = console or Console(stderr=True)
        self.total, self.done, self.quiet_seconds = total, done, quiet_seconds
        self._first = done
        self._started = self._shown = time.monotonic()
        self._known: Step | None = None
        self._asked: Step | None = None
        self._bar: Progress | None = None
        if self.console.is_terminal:
            self._bar = Progress(
                MofNCompleteColumn(),
                BarColumn(bar_width=16),
                TextColumn("{task.fields[rate]}  {task.fields[left]}  {task.fields[numbers]}"),
                console=self.console,
                refresh_per_second=4,
            )
            self._task = self._bar.add_task("", total=total, completed=done, rate="", left="", numbers="")

    def __enter__(self) -> ProgressBar:
        """Starts the clock."""
        self._started = self._shown = time.monotonic()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leaves the last state on the screen."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: Step) -> None:
        """Show this step, at most a few times a second."""
        now = time.monotonic()
        last = step.number >= self.total
        if last or step.ready:
            self._known, self._asked = step, None
        elif self._asked is None:
            self._asked = step  # on a GPU numbers come later than their step, and nobody waits for them here
        elif self._asked.ready:
            self._known, self._asked = self._asked, None
        if now - self._shown < (0.2 if self._bar is not None else self.quiet_seconds) and not last:
            return
        if self._known is None:
            return
        self._shown = now
        rate = (step.number - self._first) / max(now - self._started, 1e-9)
        left = (self.total - step.number) / rate
        numbers = self._known.numbers()
        shown = (
            f"D {numbers['d_loss']:.2f}  G {numbers['g_loss']:.2f}  "
            f"real {numbers['d_real_accuracy']:.0%}  fake {numbers['d_fake_accuracy']:.0%}"
        )
        speed, remaining = f"{rate:.1f} steps/s", f"{_clock(left)} left"
        if self._bar is not None:
            self._bar.update(self._task, completed=step.number, rate=speed, left=remaining, numbers=shown)
        else:
            line = f"step {step.number}/{self.total}  {speed}  {remaining}  {shown}"
            self.console.print(line, highlight=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
