"""The ranks that processes are which mpiexec or Slurm started together."""

from __future__ import annotations

from typing import Literal, TypeAlias

from gan_np.checks import choice, shown
from gan_np.ranks import ALONE, Ranks

from .launchers import started_by

Choice: TypeAlias = Literal["auto", "off"]
"""Whether processes that were started together train together ("auto") or each alone ("off")."""

CHOICES = ("auto", "off")
"""The values of `Choice`."""


_world: Ranks | None = None


def current() -> Ranks:
    """The ranks that this process has become one of so far; itself alone if it was not asked to."""
    return _world or ALONE


def chosen_ranks(ranks: Ranks | Choice | None = None) -> Ranks:
    """The processes that a training is for.

    ranks: "auto" (or None): those that mpiexec or Slurm started together, of which this is one; this process alone where
        nobody did. "off": this process alone. Ranks: these.

    Raises:
        ModuleNotFoundError: several were started together, and mpi4py is not installed.
        RuntimeError: several were started together, and their MPI does not know of each other.
    """
    global _world
    if isinstance(ranks, Ranks):
        return ranks
    if ranks is not None and not isinstance(ranks, str):
        raise TypeError(f"ranks: expected 'auto', 'off' or gan_np.ranks.Ranks, got {shown(ranks)}")
    if ranks is not None and choice("ranks", ranks, CHOICES) == "off":
        return ALONE
    started = started_by()
    if started is None:
        return ALONE
    if _world is None:
        from .mpi import world

        _world = world(started.launcher, started.size)
    return _world
