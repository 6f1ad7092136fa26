"""One method of one candidate on one case of `python -m benchmarks kernels`: a row of its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gan_np.kernels import Case

from .kernel_work import Amount
from .roofs import ALLOWED, ARITHMETIC, Bound, Rates
from .timing import Spread, Timing


@dataclass
class Row:
    """One method of one candidate on one case."""

    case: Case
    name: str
    kind: str
    """"kernel", or "peer" for another library."""
    method: str
    amount: Amount
    error: float | None = None
    """Of this method's results against the reference in float64, relative to the largest entry."""
    timing: Timing | None = None
    rates: Rates | None = None
    """Roofs around this case."""
    speed: Spread | None = None
    """How many times as fast as the reference."""
    peer_speed: Spread | None = None
    """How many times as fast as the fastest of the other libraries, for kernels that have one beside them."""
    in_step: float | None = None
    """Seconds of one call inside a training step."""
    wrong: str = ""
    """Why its numbers cannot be trusted; empty if they agree."""
    notes: list[str] = field(default_factory=list)
    default: bool = False
    """Whether the table chooses it for this case when nobody forces another."""
    cost: float | None = None
    """What the table estimates for the whole case, in units that only compare within an operation."""
    threads: int = 1
    cold: bool = False
    """Whether the caches were swept before each call."""

    @property
    def median(self) -> float | None:
        """Seconds of one call."""
        return self.timing and self.timing.spread.median

    @property
    def gigaflops(self) -> float | None:
        """Operations that were really done, in 10⁹ a second."""
        return self.amount.done / self.median / 1e9 if self.median and self.amount.done else None

    @property
    def effective(self) -> float | None:
        """Operations of the direct sum in 10⁹ a second, for methods that do fewer."""
        return self.amount.direct / self.median / 1e9 if self.median and self.amount.saves else None

    @property
    def gigabytes(self) -> float | None:
        """Bytes that had to be read or written, in 10⁹ a second."""
        return self.amount.bytes / self.median / 1e9 if self.median else None

    @property
    def bound(self) -> Bound | None:
        """The fewest seconds that the nearest roof allows."""
        return self.rates and self.rates.bound(self.amount.done, self.amount.bytes, cold=self.cold)

    @property
    def share(self) -> float | None:
        """Of the nearest roof; None where it was not measured, or where the figure would be impossible (`impossible`)."""
        share = self._share()
        return None if share is None or self.impossible else share

    @property
    def impossible(self) -> str:
        """Why the share cannot be: above what is possible, in a method that saves no arithmetic; else empty."""
        share, bound = self._share(), self.bound
        if share is None or bound is None or share <= ALLOWED or (self.amount.saves and bound.roof == ARITHMETIC):
            return ""
        return (
            f"{share:.0%} of the roof ({bound.roof}): more than is possible. Either the roof was measured too low (others "
            f"at "
            "work, a changing clock: run it again), or the call does less than is counted: it multiplies less, leaves "
            "something out, or gives what it kept from an earlier call"
        )

    def _share(self) -> float | None:
        bound = self.bound
        return None if bound is None or not bound.roof or not self.median else bound.seconds / self.median

    def numbers(self) -> dict[str, Any]:
        """For JSON."""
        bound = self.bound
        return {
            "operation": self.case.operation,
            "case": self.case.label,
            "shape": list(self.case.shape),
            "candidate": self.name,
            "kind": self.kind,
            "method": self.method,
            "default": self.default,
            "agrees": not self.wrong,
            "wrong": self.wrong,
            "error": self.error,
            "threads": self.threads,
            "cache": "cold" if self.cold else "warm",
            "milliseconds": self.timing and self.timing.spread.scaled(1e3).numbers(),
            "least_milliseconds": self.timing and self.timing.least * 1e3,
            "rounds": self.timing and [1e3 * seconds for seconds in self.timing.seconds],
            "calls": self.timing and self.timing.calls,
            "milliseconds_in_a_step": None if self.in_step is None else 1e3 * self.in_step,
            "speed_against_reference": self.speed and self.speed.numbers(),
            "speed_against_peer": self.peer_speed and self.peer_speed.numbers(),
            "operations": self.amount.done,
            "operations_of_the_direct_sum": self.amount.direct,
            "bytes": self.amount.bytes,
            "gflops": self.gigaflops,
            "effective_gflops": self.effective,
            "gbs": self.gigabytes,
            "roof": bound and bound.roof,
            "bound_milliseconds": bound and bound.seconds * 1e3,
            "share_of_roof": self.share,
            "impossible_share": self.impossible,
            "roofs": self.rates and self.rates.numbers(),
            "estimated_cost": self.cost,
            "notes": self.notes,
        }
