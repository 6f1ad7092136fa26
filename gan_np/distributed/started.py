"""Whether this process is one of several that mpiexec or Slurm started, and the ranks that they are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from gan_np.checks import choice, shown
from gan_np.ranks import ALONE, Ranks

Choice: TypeAlias = Literal["auto", "off"]
"""Whether processes that were started together train together ("auto") or each alone ("off")."""

CHOICES = ("auto", "off")
"""The values of `Choice`."""


class Started(NamedTuple):
    """What the environment says: who started this process, how many there are, and which one this is."""

    launcher: str
    size: int
    rank: int


LAUNCHERS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "mpiexec of Open MPI"),
    ("PMI_SIZE", "PMI_RANK", "mpiexec of MPICH (or Slurm with --mpi=pmi2)"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun of Slurm"),
)
"""Variables that say how many processes were started together. Slurm sets others in a batch script itself, which is one."""


def started_by(environment: Mapping[str, str] | None = None) -> Started | None:
    """Who started this process with others; None where it is alone."""
    found = os.environ if environment is None else environment
    for size, rank, launcher in LAUNCHERS:
        text, own = found.get(size, ""), found.get(rank, "0")
        if text.isdecimal() and int(text) > 1 and own.isdecimal():
            return Started(launcher, int(text), int(own))
    return None


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
