"""One candidate on one case of `python -m benchmarks kernels`, and how near it comes to what the machine can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gan_np.kernels import Case

from .roofline import Peaks
from .timing import Spread, Timing


@dataclass
class Row:
    """One candidate on one case."""

    case: Case
    name: str
    kind: str
    """"kernel", or "peer" for another library."""
    error: float | None = None
    timing: Timing | None = None
    speed: Spread | None = None
    """How many times as fast as the reference."""
    peer_speed: Spread | None = None
    """How many times as fast as the other library's fastest variant, for kernels that have one beside them."""
    wrong: str = ""
    """Why its numbers cannot be trusted; empty if they agree."""
    notes: list[str] = field(default_factory=list)
    default: bool = False
    """Whether the table chooses it for this case when nobody forces another."""
    touched: int = 0
    """Bytes of the arrays handed in and given out."""

    @property
    def gigaflops(self) -> float | None:
        """Operations of the direct method, where arithmetic dominates, in 10⁹ a second."""
        return self.case.operations / self.timing.spread.median / 1e9 if self.timing and self.case.operations else None

    @property
    def gigabytes(self) -> float | None:
        """Bytes of the arrays touched, in 10⁹ a second."""
        return self.touched / self.timing.spread.median / 1e9 if self.timing else None

    @property
    def intensity(self) -> float:
        """Operations for each byte; 0 where the operations do not count."""
        return self.case.operations / self.touched if self.touched else 0.0

    @property
    def rate(self) -> tuple[float, str] | None:
        """GFLOP/s where arithmetic dominates, else GB/s."""
        if self.gigaflops is not None:
            return self.gigaflops, "GFLOP/s"
        return None if self.gigabytes is None else (self.gigabytes, "GB/s")

    def share(self, peaks: Peaks) -> float | None:
        """The fewest seconds that this machine could take, divided by the seconds taken: 1 is on the roof."""
        if self.timing is None:
            return None
        return peaks.bound(self.case.operations, self.touched) / self.timing.spread.median

    def numbers(self, peaks: Peaks) -> dict[str, Any]:
        """For JSON."""
        rate = self.rate
        bound = peaks.bound(self.case.operations, self.touched)
        arithmetic = self.case.operations / (peaks.gigaflops * 1e9) >= self.touched / (peaks.gigabytes * 1e9)
        return {
            "operation": self.case.operation,
            "case": self.case.label,
            "shape": list(self.case.shape),
            "candidate": self.name,
            "kind": self.kind,
            "default": self.default,
            "agrees": not self.wrong,
            "wrong": self.wrong,
            "error": self.error,
            "milliseconds": self.timing and self.timing.spread.scaled(1e3).numbers(),
            "least_milliseconds": self.timing and self.timing.least * 1e3,
            "rounds": self.timing and len(self.timing.seconds),
            "calls": self.timing and self.timing.calls,
            "speed_against_reference": self.speed and self.speed.numbers(),
            "speed_against_peer": self.peer_speed and self.peer_speed.numbers(),
            "rate": rate and rate[0],
            "rate_unit": rate and rate[1],
            "operations": self.case.operations,
            "bytes": self.touched,
            "gflops": self.gigaflops,
            "gbs": self.gigabytes,
            "operations_per_byte": self.intensity,
            "bound_by": "arithmetic" if arithmetic else "memory",
            "bound_milliseconds": bound * 1e3,
            "share_of_bound": self.share(peaks),
            "notes": self.notes,
        }
