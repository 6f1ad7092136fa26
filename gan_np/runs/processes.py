"""Several trainings at the same time, each in a process of its own that never outlives the one that asked for it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from .imported import import_file, imported_files
from .signals import Interrupted, StopRequest

LOOK = 0.2
"""Seconds between two looks at whether a signal came."""


def run_in_processes(
    function: Callable[..., object], work: Mapping[str, tuple[Any, ...]], jobs: int, run: Path
) -> None:
    """function(*arguments) for each entry of `work`, `jobs` at a time, each in a new process.

    work: arguments by a name for errors, plain data and arrays. run: the folder of the whole run.
    Files that were imported here (`imported.py`) are imported there first. Each process has one BLAS thread: several that
    spin beside each other are far slower.
    Ctrl-C or SIGTERM here, or an error in one process, stops the others as SIGTERM would: a training saves a checkpoint
    and ends. A second Ctrl-C ends them at once. They stop as well if this process ends in any other way, by SIGKILL too:
    each listens at a pipe whose other end is here.

    Raises:
        Interrupted: after a signal.
        RuntimeError: a process ended without a word (it was killed).
        Exception: what the first process that failed raised.
    """
    waiting, running, outcomes = list(work), dict[Connection, _Running](), list[Any]()
    told = False
    with StopRequest() as stop, _one_blas_thread():
        try:
            while running or (waiting and not told):
                while waiting and len(running) < jobs and not told:
                    started = _Running(function, waiting[0], work[waiting.pop(0)])
                    running[started.done] = started
                for ready in wait(list(running), LOOK):
                    assert isinstance(ready, Connection)
                    outcomes.append(running.pop(ready).outcome())
                if not told and (stop.number is not None or any(outcome is not None for outcome in outcomes)):
                    told = True
                    for process in running.values():
                        process.stop()
        finally:
            for process in running.values():
                process.kill()
    failed = [outcome for outcome in outcomes if outcome is not None]
    errors = [error for error in failed if not isinstance(error, Interrupted | KeyboardInterrupt | _Lost)]
    if errors:
        raise errors[0]
    if stop.number is None:
        stopped = [error.number for error in failed if isinstance(error, Interrupted)]
        if failed and not stopped:
            raise failed[0]
        stop.number = stopped[0] if stopped else None
    if stop.number is not None and (failed or waiting):
        saved = "; ".join(error.what for error in failed if isinstance(error, Interrupted))
        raise Interrupted(stop.number, saved or f"stopped by {signal.Signals(stop.number).name}", run)


class _Lost(RuntimeError):
    """A process ended and said nothing."""


class _Running:
    """A process at work, and the pipes to and from it."""

    def __init__(self, function: Callable[..., object], name: str, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        told, self._tell = context.Pipe(duplex=False)
        self.done, say = context.Pipe(duplex=False)
        self._name = name
        self._process = context.Process(target=_work, args=(told, say, imported_files(), function, arguments))
        self._process.start()
        told.close()  # the other process has these ends now; what is held by one alone closes with it
        say.close()

    def stop(self) -> None:
        """Ask it to end as SIGTERM would."""
        with contextlib.suppress(OSError):  # it has just ended
            self._tell.send(None)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()

    def outcome(self) -> BaseException | None:
        """The error that it raised, or None; it has ended or is about to."""
        error: BaseException | None
        try:
            error, trace = self.done.recv()
            if error is not None:
                error.__cause__ = RuntimeError(f"in the process of {self._name}:\n{trace}")
        except (EOFError, OSError):
            self._process.join()
            error = _Lost(f"{self._name}: its process ended with exit code {self._process.exitcode} and no word")
        self._process.join()
        return error


def _work(
    told: Connection,
    say: Connection,
    files: tuple[str, ...],
    function: Callable[..., object],
    arguments: tuple[Any, ...],
) -> None:
    """Do the work in the new process and send back what it raised."""
    threading.Thread(target=_listen, args=(told,), daemon=True).start()
    outcome: BaseException | None = None
    told_of = ""
    try:
        for file in files:
            import_file(file)
        function(*arguments)
    except BaseException as error:
        outcome, told_of = _portable(error), traceback.format_exc()
    with contextlib.suppress(OSError):  # nobody is there any more
        say.send((outcome, told_of))


def _listen(told: Connection) -> None:
    """Wait for a word from the process that asked, or for its end."""
    with contextlib.suppress(EOFError, OSError):
        told.recv()
    signal.raise_signal(signal.SIGTERM)


def _portable(error: BaseException) -> BaseException:
    """An error that can be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error of a user's own that cannot be built again from its arguments
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@contextlib.contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Processes started inside have one BLAS thread each: several that spin beside each other are far slower."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
