"""Progress in a notebook: a line and the newest samples, each shown in one place that is drawn anew."""

from __future__ import annotations

import importlib
import time
from html import escape
from types import TracebackType
from typing import Any, Self

from gan_np.display import show
from gan_np.models import GAN

from .folder import VECTORS_DRAWN
from .progress import Following
from .sample_images import draw_vectors

EVERY = 0.5
"""Seconds between two states of the line, at least: a message to the browser takes some 2 ms."""
SHARE = 0.02
"""The largest share of the training's time that drawing samples may take."""
FIRST = 2.0
"""Seconds before samples are drawn for the first time."""
SEED = 0


class NotebookProgress(Following):
    """How far a training has come, and `count` samples of fixed z as they are now, without a line for every state.

    Samples are drawn by time: after one that took t seconds the next comes after t/`SHARE`. They draw from no generator of
    the training, whose bits stay the same.
    """

    def __init__(self, total: int, gan: GAN, *, done: int = 0, count: int = 16) -> None:
        super().__init__(total, done=done, every=EVERY)
        self._gan, self._count = gan, count
        self._state = _State(total)
        self._line: Any = None
        self._grid: Any = None
        self._due = 0.0
        self._drawn_at: int | None = None

    def __enter__(self) -> Self:
        """Starts the clock, and shows the line."""
        self._line = _display(self._state)
        self._due = time.monotonic() + FIRST
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leaves the last line, and where no error ended the training its last samples."""
        super().__exit__(kind, error, traceback)
        if kind is None and self._number > 0 and self._drawn_at != self._number:
            self._draw()

    def update(self, step: Any) -> None:
        """As in `Following`, and samples where they are due."""
        super().update(step)
        if time.monotonic() >= self._due and step.number < self.total:
            self._draw()

    def show(self, *parts: str) -> None:
        """Show the line of progress in the notebook."""
        self._state.done, self._state.parts = self._number, parts
        if self._line is not None:
            self._line.update(self._state)

    def say(self, text: str) -> None:
        """Show a text above the line of progress."""
        self._state.said.append(text)
        if self._line is not None:
            self._line.update(self._state)

    def _draw(self) -> None:
        started = time.monotonic()
        drawn = self._samples()
        if drawn is None:
            self._due = float("inf")
            return
        if self._grid is None:
            self._grid = _display(drawn)
        else:
            self._grid.update(drawn)
        self._drawn_at = self._number
        ended = time.monotonic()
        self._due = ended + (ended - started) / SHARE

    def _samples(self) -> Any:
        """Samples as an image: a grid, or vectors as they are drawn in a run folder; None where that needs matplotlib."""
        if len(self._gan.data_shape) == 3:
            return show(self._gan.sample(self._count, SEED))
        from PIL import Image

        columns = self._gan.encoding.columns
        drawn = draw_vectors(self._gan.sample(VECTORS_DRAWN, SEED), None, columns)
        return None if drawn is None else Image.open(drawn)


class _State:
    """The line, for a browser and as text."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.parts, self.said = total, 0, tuple[str, ...](), list[str]()

    def __repr__(self) -> str:
        return "\n".join([*self.said, "  ".join([f"step {self.done:,} of {self.total:,}", *self.parts])])

    def _repr_html_(self) -> str:
        said = "".join(f"<div>{escape(text)}</div>" for text in self.said)
        words = escape("   ".join([f"step {self.done:,} of {self.total:,}", *self.parts]))
        bar = f'<progress value="{self.done}" max="{self.total}" style="vertical-align: middle"></progress>'
        return f'{said}<div style="white-space: pre">{bar}  {words}</div>'


def _display(shown: object) -> Any:
    """Show something whose place can be drawn anew: what `update(other)` is called on."""
    return importlib.import_module("IPython.display").display(shown, display_id=True)
