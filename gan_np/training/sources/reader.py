"""A training's place in its data: the next batch, read ahead or not, and how many were used."""

from __future__ import annotations

from collections.abc import Iterator

from .ahead import Ahead
from .source import Batch, DataEndedError, Order, Source


class Reader:
    """`next()` gives a source's next batch and moves `order` on, which so stands where the batches stand that were used.

    What was read ahead is not counted: a checkpoint has the place of what was used. When `order` was moved by others
    (a checkpoint was restored), reading begins anew from there.

    per_step: batches in a step of training, for messages.
    """

    def __init__(self, source: Source, order: Order, per_step: int = 1) -> None:
        self.source, self.order, self._per_step = source, order, per_step
        self._batches: Iterator[Batch] | None = None
        self._expected = -1

    @property
    def begun(self) -> bool:
        """Whether it stands in batches of which some were used."""
        return self._batches is not None and self._expected == self.order.position

    def next(self) -> Batch:
        """Return the next batch.

        Raises:
            DataEndedError: there is none. Exception: what reading it raised; the next call reads it again where that can be
                done.
        """
        if self._batches is None or not self.begun:
            self.pause()
            batches = self.source.batches(self.order)
            self._batches = Ahead(batches, self.source.prefetch) if self.source.prefetch else batches
            self._expected = self.order.position
        try:
            batch = next(self._batches)
        except DataEndedError as error:
            step = self.order.position // self._per_step + 1
            raise DataEndedError(f"step {step:,}: {error}") from error
        except Exception:
            self._batches = None
            raise
        self._expected += 1
        self.order.seek(self._expected)
        return batch

    def pause(self) -> None:
        """Read nothing ahead until the next batch is asked for."""
        if isinstance(self._batches, Ahead):
            self._batches.pause()
