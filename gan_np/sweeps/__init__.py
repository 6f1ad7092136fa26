"""Sweeps over settings: every combination is trained in a run folder of its own, measured, and sorted by what was measured.

Stands above `runs`, which trains, and `evaluation`, which measures.
"""

from .performing import SweepInterrupted, read_plan, resume_sweep, sweep
from .plan import Plan, SweepRun
from .results import Combination, RunResult, Spread, SweepResults

__all__ = [
    "Combination",
    "Plan",
    "RunResult",
    "Spread",
    "SweepInterrupted",
    "SweepResults",
    "SweepRun",
    "read_plan",
    "resume_sweep",
    "sweep",
]
