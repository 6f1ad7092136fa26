"""Progress: steps a second, time left, losses, D's accuracies, and a word while kernels are being compiled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gan_np import kernels
from gan_np.printable import printable_lines
from gan_np.training.step import Step

WIDEST_BAR, NARROWEST_BAR = 16, 4
SPACES = 2
"""Between count, bar and text: one each."""
COMPILING = "compiling kernels, once on this machine"


class Following:
    """Follows a training and shows its newest step, at most every `every` seconds; what shows it is a subclass's matter.

    The speed is that of steps in which nothing was compiled; until there is one, no time left is given.
    """

    def __init__(self, total: int, *, done: int = 0, every: float) -> None:
        self.total, self.done, self.every = total, done, every
        self._first = self._number = done
        self._measured_from = self._shown = time.monotonic()
        self._compiled = True  # the first step brings modules and caches, and is no measure of those that follow
        self._known: Step | None = None
        self._asked: Step | None = None
        self._watching = ExitStack()

    def __enter__(self) -> Self:
        """Start the clock."""
        self._measured_from = self._shown = time.monotonic()
        self._watching.enter_context(when_compiling(self.compiling))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leaves the last state where it can be seen."""
        self._watching.close()

    def compiling(self) -> None:
        """A kernel is being compiled: said, and the step that waits for it is not measured."""
        self._compiled = True
        count = kernels.cpu.compilations()
        self.show(f"{COMPILING}: {count} so far" if count else COMPILING)

    def show(self, *parts: str) -> None:
        """Show these parts of the state, the most important first."""
        raise NotImplementedError(f"{type(self).__name__} has no show")

    def say(self, text: str) -> None:
        """Show a line that stays."""
        raise NotImplementedError(f"{type(self).__name__} has no say")

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
        self._number = step.number
        if self._compiled:
            self._compiled, self._first, self._measured_from = False, step.number, now
        if now - self._shown < self.every and not last:
            return
        if self._known is None:
            return
        self._shown = now
        parts = []
        if step.number > self._first:
            rate = (step.number - self._first) / max(now - self._measured_from, 1e-9)
            parts = [f"{rate:.1f} steps/s", f"{_clock((self.total - step.number) / rate)} left"]
        elif last:
            parts = [f"{_clock(0)} left"]
        numbers = self._known.numbers()
        parts.append(f"D {numbers['d_loss']:.2f}  G {numbers['g_loss']:.2f}")
        if "d_real_accuracy" in numbers:
            parts.append(f"real {numbers['d_real_accuracy']:.0%}  fake {numbers['d_fake_accuracy']:.0%}")
        self.show(*parts)


class ProgressBar(Following):
    """On a terminal a bar that fits in a line, elsewhere a line every `quiet_seconds`."""

    def __init__(
        self, total: int, *, console: Console | None = None, done: int = 0, quiet_seconds: float = 10.0
    ) -> None:
        self.console = console or Console(stderr=True)
        super().__init__(total, done=done, every=0.2 if self.console.is_terminal else quiet_seconds)
        self._said_compiling = False
        self._bar: Progress | None = None
        if self.console.is_terminal:
            self._line = BarColumn(bar_width=WIDEST_BAR)
            self._bar = Progress(
                MofNCompleteColumn(),
                self._line,
                TextColumn("{task.fields[text]}"),
                console=self.console,
                refresh_per_second=4,
            )
            self._task = self._bar.add_task("", total=total, completed=done, text="")

    def __enter__(self) -> Self:
        """Starts the clock, and draws."""
        if self._bar is not None:
            self._bar.start()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leaves the last state on the screen."""
        super().__exit__(kind, error, traceback)
        if self._bar is not None:
            self._bar.stop()

    def compiling(self) -> None:
        """As in `Following`; without a bar it is said once."""
        if self._bar is not None or not self._said_compiling:
            super().compiling()
        self._compiled = self._said_compiling = True

    def say(self, text: str) -> None:
        """A line above the bar."""
        self.console.print(printable_lines(text), highlight=False, markup=False, soft_wrap=self._bar is None)

    def show(self, *parts: str) -> None:
        """The state, in the width that the terminal has now."""
        if self._bar is None:
            line = f"step {self._number}/{self.total}  {'  '.join(parts)}"
            self.console.print(line, highlight=False, soft_wrap=True)
            return
        room = self.console.width - len(f"{self.total}/{self.total}") - SPACES
        self._line.bar_width, text = fitted(room, parts)
        self._bar.update(self._task, completed=self._number, text=text)


def fitted(room: int, parts: tuple[str, ...]) -> tuple[int, str]:
    """How wide a bar may be and the text beside it, both together in `room` columns.

    The bar is shortened first; then parts are left out from the end, since the time left stands at the beginning.

    >>> fitted(30, ("9.5 steps/s", "0:10 left", "D 0.69  G 0.69"))
    (8, '9.5 steps/s  0:10 left')
    """
    for count in range(len(parts), -1, -1):
        text = "  ".join(parts[:count])
        if room - len(text) >= NARROWEST_BAR:
            return min(WIDEST_BAR, room - len(text)), text
    return NARROWEST_BAR, ""


@contextmanager
def when_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` whenever Numba compiles something meanwhile, and not when it finds it compiled."""
    try:
        from numba.core.event import Event, Listener, install_listener
    except ImportError:  # without Numba nothing is compiled
        yield
        return

    class Compiling(Listener):
        def on_start(self, event: Event) -> None:
            tell()

        def on_end(self, event: Event) -> None:
            pass

    with install_listener("numba:run_pass", Compiling()):
        yield


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
