"""A command line that mpiexec or Slurm starts several times: done together, or by the first process alone."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gan_np.distributed import started_by

from .output import hush

if TYPE_CHECKING:
    from gan_np.ranks import Ranks

TOGETHER = ("train", "profile", "sample", "evaluate", "neighbours")
"""Commands that processes which were started together do together; others are done by the first of them."""
ALONE = ("sweep",)
"""Commands that refuse to be started several times."""


def ranks_of_command() -> Ranks:
    """The processes that do this command together, of which the first alone prints; this one where it is alone.

    Raises:
        ModuleNotFoundError, RuntimeError: see `chosen_ranks`.
    """
    from gan_np.distributed import chosen_ranks

    ranks = chosen_ranks()
    if ranks.rank:
        hush()
    return ranks


def is_for_another(words: Sequence[str]) -> bool:
    """Whether the first of several processes does what this command line asks for, so that this one has nothing to do."""
    started = started_by()
    if started is None or not started.rank:
        return False
    return command_of(words) not in TOGETHER or "--help" in words


def command_of(words: Sequence[str]) -> str:
    """The name of the command in a command line; empty if there is none."""
    return next((word for word in words if not word.startswith("-")), "")


@contextmanager
def said_once(kind: type[Exception]) -> Iterator[None]:
    """Around the reading of a command line: of several processes the first says what is wrong with it, and ends the others
    before they do; one that finds fault alone says so itself.

    Where MPI cannot be had, so that nobody ends the others, the first alone says it: it finds the same fault, or else that
    there is no MPI.

    kind: the exceptions that say so.

    Raises:
        SystemExit: with exit code 2, of another than the first where there is no MPI.
    """
    try:
        yield
    except kind:
        started, ranks = started_by(), None
        if started is not None and command_of(sys.argv[1:]) in TOGETHER:
            from gan_np.distributed import chosen_ranks
            from gan_np.distributed.failures import POLITENESS

            with contextlib.suppress(ModuleNotFoundError, RuntimeError):
                ranks = chosen_ranks()
            if ranks is None and started.rank:
                sys.exit(2)
        if ranks is not None and ranks.rank:
            time.sleep(POLITENESS)
            print(f"rank {ranks.rank} of {ranks.size}:", file=sys.stderr, flush=True)
            hush(False)
        raise
