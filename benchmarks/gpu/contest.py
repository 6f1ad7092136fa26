"""What `python -m benchmarks gpu_step` found for one preset at one precision."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks import floors
from benchmarks.agreement import Agreement
from benchmarks.roofline import Peaks
from benchmarks.setups import Setup
from benchmarks.timing import Timing

from .launches import Launches

GRAPH, LAUNCHED = "gan_np, graph", "gan_np, launch by launch"
"""Ours, captured and not."""


class Contest(NamedTuple):
    """One preset at one precision."""

    preset: str
    setup: Setup
    precision: str
    agreements: list[Agreement]
    same_bits: bool
    """Whether captured steps gave the weights of launched ones."""
    graph_reason: str | None
    """Why the step was not captured."""
    launches: Launches | None
    peaks: Peaks
    work: floors.Work
    device: dict[str, Timing]
    """From synchronised to synchronised."""
    host: dict[str, Timing]
    """Until the calls of one step return."""

    @property
    def holds(self) -> bool:
        """Whether all numbers agree."""
        return self.same_bits and all(found.holds for found in self.agreements)

    @property
    def floor(self) -> float:
        """Seconds: the larger of operations over the measured rate and bytes over the measured bandwidth."""
        return self.peaks.bound(*self.work)

    @property
    def fastest_peer(self) -> str | None:
        """The opponent whose median is lowest."""
        others = (name for name in self.device if name not in (GRAPH, LAUNCHED))
        return min(others, key=lambda name: self.device[name].spread.median, default=None)

    def rows(self) -> list[dict[str, Any]]:
        """For JSON; `speed_of_gan_np`: the candidate's time divided by ours, captured, round by round."""
        return [
            {
                "candidate": name,
                "fastest_peer": name == self.fastest_peer,
                "milliseconds": timing.spread.scaled(1e3).numbers(),
                "host_microseconds": self.host[name].spread.scaled(1e6).numbers(),
                "share_of_floor": self.floor / timing.spread.median,
                "rounds": len(timing.seconds),
                "speed_of_gan_np": self.device[GRAPH].speed_against(timing).numbers(),
            }
            for name, timing in self.device.items()
        ]

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "preset": self.preset,
            "setup": self.setup._asdict(),
            "precision": self.precision,
            "agreements": [found.numbers() for found in self.agreements],
            "captured_and_launched_have_the_same_bits": self.same_bits,
            "graph_reason": self.graph_reason,
            "launches": None if self.launches is None else self.launches.numbers(),
            "peaks": self.peaks.numbers(),
            "work": self.work._asdict(),
            "floor_milliseconds": self.floor * 1e3,
            "rows": self.rows(),
        }
