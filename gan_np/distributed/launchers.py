"""Whether this process is one of several that mpiexec or Slurm started, as the environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple


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
