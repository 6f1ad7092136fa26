"""That a call depends on its arguments alone: on no other call before it, between its parts or beside it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, TypeVar

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels.proxy import Proxy

from .kernel_results import KernelError, on_host, same_bits

Value = TypeVar("Value")
Run = Callable[[], dict[str, Array]]

MAY_BE_GIVEN = {"bias_activation": {"dz", "dz without bias"}}
"""Operation → results that may be one of the arrays that were handed in."""
LEAST, MOST = 3, 100
"""Times that both threads run at once."""
STOPS = 60
"""Lines of a kernel at which a thread is halted."""
PATIENCE = 0.25
"""Seconds that a halted thread waits for the other one, which may wait for a lock that the halted one holds."""


def check_repeated(operation: str, run: Run) -> None:
    """The same input gives the same bits, three times; and no result is handed out a second time.

    Raises:
        KernelError: it does not.
    """
    first = run()
    kept = on_host(first)
    for _ in range(2):
        again = run()
        same_bits("the first call with the same input", on_host(again), kept)
        for key, array in first.items():
            if key not in MAY_BE_GIVEN.get(operation, ()) and _overlap(array, again[key]):
                raise KernelError(
                    f"{key} lies in the same memory as {key} of the call before: one buffer is handed out twice"
                )


def check_memory(operation: str, names: list[str], arrays: list[Array], results: dict[str, Array]) -> None:
    """Each result has memory of its own: not that of another result, and not that of an array that was handed in.

    Raises:
        KernelError: two share some.
    """
    found = [(key, array) for key, array in results.items() if key not in MAY_BE_GIVEN.get(operation, ())]
    for index, (key, array) in enumerate(found):
        for other, second in found[:index]:
            if _overlap(array, second):
                raise KernelError(f"{key} and {other} lie in the same memory")
        for name, given in zip(names, arrays, strict=True):
            if _overlap(array, given):
                raise KernelError(f"{key} lies in the memory of {name}, which was only handed in")


def check_between(case: kernels.Case, kernel: Any, arrays: list[Array], others: list[Run]) -> None:
    """Other work of the same kernel before each of its methods changes nothing: two plans alive, two passes under way.

    Raises:
        KernelError: something changed.
    """
    alone = on_host(case.run(kernel, *arrays))
    calls: list[str] = []

    def disturbed(method: str, call: Callable[[], Any], arguments: Any, options: Any) -> Any:
        calls.append(method)
        for other in others:
            other()
        return call()

    found = case.run(Proxy(kernel, disturbed), *arrays)
    for other in 4 * others:
        other()
    methods = ", ".join(dict.fromkeys(calls))
    what = f"that without other work of the same kernel, on other arrays, before and after each of {methods}"
    same_bits(what, on_host(found), alone)


def check_threads(mine: Run, other: Run, seconds: float) -> None:
    """Two threads that run the same kernel on different arrays get what each gets alone.

    First at once, again and again for some seconds; then one is halted at lines of the kernel's Python code while the other
    runs from its beginning to its end, so that what they share is seen without luck.

    Raises:
        KernelError: a result differs, or a call fails beside another one.
    """
    runs = (mine, other)
    started = time.perf_counter()
    alone = [on_host(run()) for run in runs]
    rounds = min(max(round(seconds / (time.perf_counter() - started)), LEAST), MOST)
    for turns, right in zip(_at_once(runs, rounds), alone, strict=True):
        for turn in turns:
            same_bits("that of one thread, with two at once", turn, right)
    lines = _halted(mine, other, None)[2]
    for stop in sorted({round(at) for at in np.linspace(1, lines, min(lines, STOPS))} - {0}):
        found, beside, _, free = _halted(mine, other, stop)
        if beside is None:  # fewer lines than before, since something is remembered by now
            break
        same_bits("that of one thread, with another that runs in the middle of it", found, alone[0])
        same_bits("that of one thread, which runs in the middle of another", beside, alone[1])
        if not free:  # a lock: at other lines it would be the same
            return


@contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _at_once(runs: tuple[Run, Run], rounds: int) -> list[list[dict[str, Array]]]:
    barrier = threading.Barrier(len(runs))

    def repeated(run: Run) -> Callable[[], list[dict[str, Array]]]:
        def begin() -> list[dict[str, Array]]:
            barrier.wait()
            return [on_host(run()) for _ in range(rounds)]

        return begin

    with _quick_switches():
        threads = [_Thread(repeated(run)) for run in runs]
        for thread in threads:
            thread.start()
        return [thread.result() for thread in threads]


class _Thread(threading.Thread, Generic[Value]):
    """Runs a function and keeps what it gives, or why it failed."""

    def __init__(self, function: Callable[[], Value]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self._found: list[Value] = []
        self._error: Exception | None = None

    def run(self) -> None:
        """Run the call in this thread, and keep what it gives or raises."""
        try:
            with np.errstate(all="ignore"):
                self._found.append(self._function())
        except Exception as error:
            self._error = error

    def result(self) -> Value:
        """Wait until the call has ended, and return what it gave.

        Raises:
            KernelError: it failed.
        """
        self.join()
        if self._error is not None:
            what = f"{type(self._error).__name__}: {self._error}"
            raise KernelError(f"fails where another thread runs the same kernel: {what}") from self._error
        return self._found[0]


def _halted(mine: Run, other: Run, stop: int | None) -> tuple[dict[str, Array], dict[str, Array] | None, int, bool]:
    """What both give if the first is halted before its line number `stop` until the second is at its end.

    Also how many lines the first went through, and whether the second could end at all before the first went on.
    """
    second, count, free = _Thread(lambda: on_host(other())), 0, True

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count, free
        if event == "line":
            count += 1
            if count == stop:
                second.start()
                second.join(PATIENCE)
                free = not second.is_alive()
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        module = str(frame.f_globals.get("__name__", ""))
        return None if module.startswith(_OTHERS) else line

    def traced() -> dict[str, Array]:
        sys.settrace(call)
        try:
            return on_host(mine())
        finally:
            sys.settrace(None)

    first = _Thread(traced)
    first.start()
    found = first.result()
    return found, second.result() if second.ident else None, count, free


_OTHERS = (
    "numpy",
    "numba",
    "llvmlite",
    "threading",
    "importlib",
    "contextlib",
    "gan_np.testing",
    "gan_np.kernels.cases",
)
"""Modules at whose lines nobody halts."""


def _overlap(array: Array, other: Array) -> bool:
    """Whether memory is shared, as far as the host knows."""
    if not (isinstance(array, np.ndarray) and isinstance(other, np.ndarray) and array.size and other.size):
        return False
    return bool(np.may_share_memory(array, other)) and bool(np.shares_memory(array, other))
