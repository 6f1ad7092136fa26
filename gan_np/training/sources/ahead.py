"""Reading ahead: a thread takes the next values from an iterator while the training computes."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

LOOK = 0.5
"""Seconds after which a wait looks again, so that an interrupt is heard on every system."""
PATIENCE = 5.0
"""Seconds that `pause` waits for a value that is being read."""


class _Failed:
    """An exception that the iterator raised in place of a value, on its way to the other thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Shared(Generic[T]):
    """What both threads know. No reference goes back to the `Ahead`, so that one that is forgotten ends its thread."""

    def __init__(self, values: Iterator[T], depth: int) -> None:
        self.values, self.depth = values, depth
        self.changed = threading.Condition()
        self.read: deque[T | _Failed] = deque()
        self.stopped = False

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def run(self) -> None:
        """In the thread: read until told to stop, or until nothing comes any more."""
        while True:
            with self.changed:
                while len(self.read) >= self.depth and not self.stopped:
                    self.changed.wait()
                if self.stopped:
                    return
            found: T | _Failed
            try:
                found = next(self.values)
            except BaseException as error:  # it is raised where the value was asked for
                found = _Failed(error)
            with self.changed:
                self.read.append(found)
                self.changed.notify_all()
            if isinstance(found, _Failed):
                return


class Ahead(Iterator[T]):
    """The values of an iterator, of which up to `depth` are read ahead in a thread, in the same order.

    What the iterator raises is raised here by the call that would have given the value, with its own traceback. The thread
    begins with the first value that is asked for, and ends with `pause`, with an error, or when this object is forgotten.

    >>> ahead = Ahead(iter("abc"), 2)
    >>> next(ahead), next(ahead)
    ('a', 'b')
    >>> ahead.pause()
    >>> list(ahead)
    ['c']
    """

    def __init__(self, values: Iterator[T], depth: int) -> None:
        self._shared = _Shared(values, depth)
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._shared.stop)

    @property
    def running(self) -> bool:
        """Return whether the reading thread is running."""
        return self._thread is not None and self._thread.is_alive()

    def __next__(self) -> T:
        shared = self._shared
        with shared.changed:
            while not shared.read:
                self._begin()
                shared.changed.wait(LOOK)
            found = shared.read.popleft()
            if not isinstance(found, _Failed):
                self._begin()
            shared.changed.notify_all()
        if isinstance(found, _Failed):
            raise found.error
        return found

    def pause(self) -> None:
        """End the thread when the value that it reads is there; what was read is kept, and the next value begins it anew."""
        self._shared.stop()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _begin(self) -> None:
        """Start the thread where none runs."""
        self._shared.stopped = False
        if not self.running and not any(isinstance(found, _Failed) for found in self._shared.read):
            self._thread = threading.Thread(target=self._shared.run, name="gan_np reads ahead", daemon=True)
            self._thread.start()
