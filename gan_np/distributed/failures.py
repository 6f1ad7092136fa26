"""An error in one process ends all that train together: the others wait for its messages, which would never come."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from gan_np.ranks import Ranks

POLITENESS = 4.0
"""Seconds that a rank other than 0 waits before it says what went wrong: where all met the same error, rank 0 says it once
and ends the others."""
FORWARDED = 1.0
"""Seconds between the message and the end of all: launchers pass on what a process printed, and drop what is under way."""


def end_all(ranks: Ranks, say: object, code: int) -> None:
    """Say what went wrong on this rank, with its number, and end the processes of all ranks with an exit code.

    say: called without arguments, prints the message. One process alone only says it.
    """
    if ranks.size > 1 and ranks.rank:
        time.sleep(POLITENESS)
    if ranks.size > 1:
        print(f"rank {ranks.rank} of {ranks.size}:", file=sys.stderr, flush=True)
    assert callable(say)
    say()
    sys.stdout.flush()
    sys.stderr.flush()
    if ranks.size > 1:
        time.sleep(FORWARDED)
    ranks.abort(code)


def end_all_on_errors(ranks: Ranks) -> None:
    """From now on an exception that nobody catches in this process ends those of all ranks, with exit code 1."""
    if ranks.size == 1:
        return
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        end_all(ranks, lambda: before(kind, error, traceback), 130 if issubclass(kind, KeyboardInterrupt) else 1)

    sys.excepthook = hook
