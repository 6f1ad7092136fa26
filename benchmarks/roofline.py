"""Two peaks of a GPU, under which its kernels are held. (The processor's roofs are in `roofs.py`.)

A piece of work of W operations that touches B bytes takes at least max(W / peak, B / bandwidth) seconds (Williams, Waterman
and Patterson 2009): at W/B operations for each byte no more than min(peak, W/B · bandwidth) operations a second.
"""

from __future__ import annotations

from typing import NamedTuple


class Peaks(NamedTuple):
    """Measured on one device, in one dtype."""

    gigaflops: float
    """10⁹ operations a second of the best product of two square matrices."""
    gigabytes: float
    """10⁹ bytes a second of the best triad a = b + s·c: two arrays read, one written."""
    side: int
    """The size of the matrices."""
    mib: float
    """Of each array of the triad."""

    def bound(self, operations: float, touched: float) -> float:
        """The fewest seconds that work of so many operations on so many bytes can take."""
        return max(operations / (self.gigaflops * 1e9), touched / (self.gigabytes * 1e9))

    def numbers(self) -> dict[str, float]:
        """For JSON."""
        return {
            "peak_gflops": self.gigaflops,
            "bandwidth_gbs": self.gigabytes,
            "matrix_side": self.side,
            "triad_mib": self.mib,
        }
