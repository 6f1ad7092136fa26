"""The one thread that computes: games one step after another, and between steps what pages ask for.

So no two threads ever touch a network, and a page is answered within one step.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
LONGEST_WAIT = 60.0
"""Seconds that a question waits for its turn."""


class Task(Protocol):
    """What goes on by itself."""

    def wait(self, now: float) -> float | None:
        """Seconds until it wants its next turn; None while it rests."""

    def turn(self, now: float) -> None:
        """What it does in a turn, which is to be short."""


class Worker:
    """A thread for tasks that take turns and for questions, which go first. It begins with the first question.

    >>> worker = Worker()
    >>> worker.ask(lambda: 6 * 7)
    42
    >>> worker.close()
    """

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self._questions: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def ask(self, question: Callable[[], Result]) -> Result:
        """What `question` returns when it is called in the thread, between two turns.

        Raises:
            Exception: what it raised. TimeoutError: it had no answer within a minute.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gan-np play", daemon=True)
                self._thread.start()
        answer: Future[Result] = Future()
        self._questions.put((question, answer))
        try:
            return answer.result(LONGEST_WAIT)
        except TimeoutError:
            raise TimeoutError(f"the game has not answered within {LONGEST_WAIT:g} seconds") from None

    def close(self) -> None:
        """Let the thread end after what was asked so far."""
        with self._starting:
            if self._thread is not None:
                self._questions.put(None)
                self._thread.join(LONGEST_WAIT)
                self._thread = None

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            waits = [(wait, task) for task in list(self.tasks) if (wait := task.wait(now)) is not None]
            soonest = min((wait for wait, _ in waits), default=None)
            with contextlib.suppress(queue.Empty):
                while True:  # all questions first; when there is none, wait until a task is due
                    due = soonest is not None and soonest <= 0
                    asked = self._questions.get_nowait() if due else self._questions.get(timeout=soonest)
                    if asked is None:
                        return
                    _answer(*asked)
                    if not due:
                        break
            for wait, task in waits:
                if wait <= 0 and task in self.tasks:
                    self._turn(task)

    def _turn(self, task: Task) -> None:
        """One turn; a task that fails has no other, and all else goes on."""
        try:
            task.turn(time.monotonic())
        except Exception:
            traceback.print_exc()
            self.tasks = [one for one in self.tasks if one is not task]


def _answer(question: Callable[[], Any], answer: Future[Any]) -> None:
    try:
        answer.set_result(question())
    except Exception as error:
        answer.set_exception(error)
